import assert from "node:assert/strict";
import { test } from "node:test";

import { Clip } from "../src/clip";
import type { PenShape, Point, Shape } from "../src/model";
import { difference, duePosition, ServerClock } from "../src/present/clock";
import { applyStrokes, NO_STROKES, strokeMessages, type LiveStrokes } from "../src/present/live_strokes";

const CLIP = new Clip({ numerator: 24, denominator: 1 }, 1001, 48);

test("clock of the server is estimated by the answer with the shortest trip", () => {
  const clock = new ServerClock();
  clock.assume(5_000, 100);
  assert.equal(clock.at(200), 5_100);
  clock.measure(100, 120, 6_010); // 10 ms each way
  clock.measure(200, 1_200, 6_900);
  assert.equal(clock.at(120), 6_020);
});

test("answers that are older than a minute are not used for the clock", () => {
  const clock = new ServerClock();
  clock.measure(0, 10, 1_005); // the shortest trip
  clock.measure(61_000, 61_100, 62_053);
  assert.equal(clock.at(61_100), 62_103);
});

test("due frame moves with the time since the presenter's frame, and around the loop", () => {
  const state = { frame: 1011, speed: 1, at: 1_000, play_mode: "loop" } as const;
  assert.equal(duePosition(state, CLIP, 1_000), 10);
  assert.equal(duePosition(state, CLIP, 2_000), 34);
  assert.equal(duePosition(state, CLIP, 3_000), 10);
  assert.equal(duePosition({ ...state, speed: -1 }, CLIP, 1_500), 46);
  assert.equal(duePosition({ ...state, play_mode: "once" }, CLIP, 9_000), 47);
  assert.equal(duePosition({ ...state, in: 1011, out: 1020 }, CLIP, 1_500), 12);
  assert.equal(duePosition({ ...state, frame: null }, CLIP, 1_500), null);
});

test("difference is measured by the shorter way around the loop", () => {
  const state = { frame: 1001, speed: 1, play_mode: "loop" } as const;
  assert.equal(difference(state, CLIP, 47, 1), -2);
  assert.equal(difference(state, CLIP, 1, 47), 2);
  assert.equal(difference({ ...state, play_mode: "once" }, CLIP, 47, 1), 46);
});

function pen(id: string, ...points: Point[]): PenShape {
  return { id, kind: "pen", colour: "#ff0000", opacity: 1, width: 0.01, points };
}

test("followers have the strokes of the presenter after each change", () => {
  const [one, two, three]: Point[] = [[0, 0, 1], [0.1, 0, 1], [0.2, 0, 1]] as Point[];
  const line: Shape = { id: "l", kind: "line", colour: "#ffffff", opacity: 1, width: 0.01, from: [0, 0], to: [1, 1] };
  const long = Array.from({ length: 1_200 }, (_, index): Point => [index / 1_200, 0.5, 0.5]);
  const steps: (readonly Shape[])[] = [
    [pen("a", one as Point)],
    [pen("a", one as Point, two as Point)],
    [pen("a", one as Point, two as Point, three as Point), line],
    [pen("a", three as Point), line],
    [line],
    [{ ...line, to: [0.5, 0.5] }, pen("b", ...long)],
    [],
  ];
  let [sent, seen]: LiveStrokes[] = [NO_STROKES, NO_STROKES];
  for (const shapes of steps) {
    const now = { entry: "e", frame: 1, shapes };
    for (const message of strokeMessages(sent as LiveStrokes, now)) seen = applyStrokes(seen as LiveStrokes, message);
    sent = now;
    assert.deepEqual(seen?.shapes, shapes);
  }
});

test("a stroke that grows is sent from its new points on", () => {
  const before = { entry: "e", frame: 1, shapes: [pen("a", ...Array.from({ length: 90 }, (): Point => [0, 0, 1]))] };
  const first = before.shapes[0] as PenShape;
  const now = { ...before, shapes: [{ ...first, points: [...first.points, [1, 1, 1] as Point] }] };
  const messages = strokeMessages(before, now);
  assert.equal(messages.length, 1);
  assert.equal(JSON.stringify(messages).length < 300, true);
});

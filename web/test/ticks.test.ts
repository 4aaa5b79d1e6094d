import assert from "node:assert/strict";
import { test } from "node:test";

import { Clip } from "../src/clip";
import { ticks } from "../src/ticks";

function numbers(firstFrame: number, frameCount: number, room: number): number[] {
  const clip = new Clip({ numerator: 24, denominator: 1 }, firstFrame, frameCount);
  return ticks(clip, room).map((index) => clip.numberAt(index));
}

test("both ends are written, and round numbers between them", () => {
  assert.deepEqual(numbers(1001, 48, 6), [1001, 1010, 1020, 1030, 1040, 1048]);
});

test("a number that would run into one of the ends is left out", () => {
  assert.deepEqual(numbers(993, 120, 6), [993, 1020, 1040, 1060, 1080, 1112]);
});

test("a short film has every frame written", () => {
  assert.deepEqual(numbers(1001, 3, 20), [1001, 1002, 1003]);
});

test("one frame has one number", () => {
  assert.deepEqual(numbers(1001, 1, 20), [1001]);
});

test("frames below zero are counted like all others", () => {
  assert.deepEqual(numbers(-10, 31, 5), [-10, 0, 10, 20]);
});

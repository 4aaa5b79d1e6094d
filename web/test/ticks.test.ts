import assert from "node:assert/strict";
import { test } from "node:test";

import { Clip } from "../src/clip";
import { ticks } from "../src/ticks";

function numbers(firstFrame: number, frameCount: number, maxLabels: number): number[] {
  const clip = new Clip({ numerator: 24, denominator: 1 }, firstFrame, frameCount);
  return ticks(clip, maxLabels).map((index) => clip.numberAt(index));
}

test("both ends and round numbers between them are labelled", () => {
  assert.deepEqual(numbers(1001, 48, 6), [1001, 1010, 1020, 1030, 1040, 1048]);
});

test("a number that would overlap one of the ends is left out", () => {
  assert.deepEqual(numbers(993, 120, 6), [993, 1020, 1040, 1060, 1080, 1112]);
});

test("every frame of a short movie is labelled", () => {
  assert.deepEqual(numbers(1001, 3, 20), [1001, 1002, 1003]);
});

test("a movie of one frame has one label", () => {
  assert.deepEqual(numbers(1001, 1, 20), [1001]);
});

test("negative frame numbers are labelled like all others", () => {
  assert.deepEqual(numbers(-10, 31, 5), [-10, 0, 10, 20]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { Clip, type Rate } from "../src/clip";
import { Timestamps } from "../src/timestamps";

const RATES: Rate[] = [
  { numerator: 24000, denominator: 1001 },
  { numerator: 24, denominator: 1 },
  { numerator: 25, denominator: 1 },
  { numerator: 30000, denominator: 1001 },
  { numerator: 50, denominator: 1 },
  { numerator: 60000, denominator: 1001 },
];

/** Convert frames to seconds. */
function seconds(rate: Rate, frames: number): number {
  return (frames * rate.denominator) / rate.numerator;
}

/** Return timestamps of a movie that was opened with a seek to frame 0, reported as `first`. */
function opened(rate: Rate, frameCount: number, first: number): Timestamps {
  const timestamps = new Timestamps(new Clip(rate, 1001, frameCount));
  timestamps.setDuration(seconds(rate, frameCount));
  assert.equal(timestamps.indexAt(seconds(rate, first), false), 0);
  return timestamps;
}

test("frame starts are identified at every rate, rounded to a millisecond or exact", () => {
  for (const rate of RATES) {
    const timestamps = opened(rate, 20000, 0);
    for (const index of [0, 1, 37, 1000, 19999]) {
      assert.equal(timestamps.indexAt(seconds(rate, index), true), index);
      assert.equal(timestamps.indexAt(Math.round(seconds(rate, index) * 1000) / 1000, true), index);
    }
  }
});

test("after a seek the sought middle of a frame is that frame", () => {
  for (const rate of RATES) {
    const timestamps = opened(rate, 20000, 0.5);
    for (const index of [1, 2, 777, 19999]) {
      assert.equal(timestamps.indexAt(seconds(rate, index + 0.5), false), index);
    }
  }
});

test("late reports of played frames are ignored after a seek", () => {
  const rate = RATES[0]!;
  const timestamps = opened(rate, 48, 0.5);
  assert.equal(timestamps.indexAt(seconds(rate, 9), true), 9);
  assert.equal(timestamps.indexAt(seconds(rate, 10), false), null);
  assert.equal(timestamps.indexAt(seconds(rate, 9.5), false), 9);
});

test("times that continue to count through loops are taken modulo the duration", () => {
  for (const rate of RATES) {
    const timestamps = opened(rate, 48, 0.5);
    for (const [position, index] of [[47, 47], [48, 0], [62, 14], [48 * 1000 + 47, 47]] as const) {
      assert.equal(timestamps.indexAt(seconds(rate, position), true), index);
    }
  }
});

test("a loop lasts as long as the sound", () => {
  const rate = { numerator: 24, denominator: 1 };
  const timestamps = opened(rate, 48, 0.5);
  timestamps.setDuration(seconds(rate, 50.3));
  assert.equal(timestamps.indexAt(seconds(rate, 50.3 + 7), true), 7);
});

test("the offset of an ignored edit list is found by the seek to frame 0", () => {
  const rate = RATES[0]!;
  const timestamps = new Timestamps(new Clip(rate, 1001, 48));
  timestamps.setDuration(seconds(rate, 48));
  // Before the seek the engine reports the start of the first frame.
  assert.equal(timestamps.indexAt(seconds(rate, 2), false), null);
  assert.equal(timestamps.isCalibrated, false);
  assert.equal(timestamps.indexAt(seconds(rate, 2.5), false), 0);
  assert.equal(timestamps.indexAt(seconds(rate, 49.5), false), 47);
  assert.equal(timestamps.indexAt(seconds(rate, 12), true), 10);
});

test("one time off the frame grid is ignored, three in a row prove the rate wrong", () => {
  const rate = { numerator: 25, denominator: 1 };
  const timestamps = opened(rate, 48, 0);
  for (const position of [3.3, 4, 5.7, 6.2, 7]) timestamps.indexAt(seconds(rate, position), true);
  assert.equal(timestamps.isWrongRate, false);
  for (const position of [3.3, 4.4, 5.2]) assert.equal(timestamps.indexAt(seconds(rate, position), true), null);
  assert.equal(timestamps.isWrongRate, true);
});

test("times off the frame grid after a change of the speed prove nothing", () => {
  const rate = { numerator: 24, denominator: 1 };
  const timestamps = opened(rate, 48, 0);
  for (let change = 0; change < 9; change += 1) {
    timestamps.expectSpeedChange();
    for (const position of [17.3, 17.7]) assert.equal(timestamps.indexAt(seconds(rate, position), true), null);
  }
  assert.equal(timestamps.isWrongRate, false);
  for (const position of [18.3, 19.3, 20.3]) timestamps.indexAt(seconds(rate, position), true);
  assert.equal(timestamps.isWrongRate, true);
});

test("a frame that was played before the pause is not shown, also when the first frame was reported before a seek", () => {
  const rate = { numerator: 24, denominator: 1 };
  const timestamps = opened(rate, 48, 0);
  assert.equal(timestamps.indexAt(seconds(rate, 0.5), false), 0);
  assert.equal(timestamps.indexAt(seconds(rate, 13), true), 13);
  assert.equal(timestamps.indexAt(seconds(rate, 15), false), null);
  assert.equal(timestamps.indexAt(seconds(rate, 13.5), false), 13);
});

test("frames of another rate are off the grid while the movie plays", () => {
  const timestamps = opened({ numerator: 25, denominator: 1 }, 48, 0.5);
  for (let index = 0; index < 48 && !timestamps.isWrongRate; index += 1) {
    timestamps.indexAt(seconds(RATES[0]!, index), true);
  }
  assert.equal(timestamps.isWrongRate, true);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { Clip, formatRate, parseRate } from "../src/clip";

const CLIP = new Clip({ numerator: 24000, denominator: 1001 }, 1001, 48);

test("parseRate accepts fractions and whole numbers only", () => {
  assert.deepEqual(parseRate("24000/1001"), { numerator: 24000, denominator: 1001 });
  assert.deepEqual(parseRate("25"), { numerator: 25, denominator: 1 });
  for (const text of ["", "23.976", "24/0", "0", "-24", "24/1/1", "fast"]) assert.equal(parseRate(text), null);
});

test("formatRate writes at most three decimal places", () => {
  assert.equal(formatRate({ numerator: 24000, denominator: 1001 }), "23.976");
  assert.equal(formatRate({ numerator: 30000, denominator: 1001 }), "29.97");
  assert.equal(formatRate({ numerator: 24, denominator: 1 }), "24");
});

test("a movie with a missing or invalid exact fact has no clip", () => {
  assert.equal(Clip.from(null), null);
  assert.equal(Clip.from({ fps: "23.976", first_frame: 1001, frame_count: 48 }), null);
  assert.equal(Clip.from({ fps: "24", first_frame: 1001, frame_count: 0 }), null);
  assert.equal(Clip.from({ fps: "24", first_frame: 1000.5, frame_count: 48 }), null);
  assert.equal(Clip.from({ fps: "24", first_frame: -12, frame_count: 48 })?.numberAt(0), -12);
});

test("a seek goes to the middle of a frame", () => {
  assert.equal(CLIP.middle(0), 0.5 * (1001 / 24000));
  assert.equal(new Clip({ numerator: 25, denominator: 1 }, 1, 100).middle(12), 0.5);
});

test("frame numbers outside of the movie become its nearest frame", () => {
  assert.equal(CLIP.numberAt(0), 1001);
  assert.equal(CLIP.numberAt(CLIP.lastIndex), 1048);
  assert.equal(CLIP.indexOf(1012), 11);
  assert.equal(CLIP.indexOf(5), 0);
  assert.equal(CLIP.indexOf(9999), 47);
});

test("a movie that is one frame short does not contain its frames", () => {
  assert.equal(CLIP.fitsInto((48 * 1001) / 24000), true);
  assert.equal(CLIP.fitsInto((47 * 1001) / 24000), false);
});

test("a time code counts to the rounded rate and drops no number", () => {
  const clip = new Clip({ numerator: 30000, denominator: 1001 }, 1, 200000);
  assert.equal(clip.timeCode(0), "00:00:00:00");
  assert.equal(clip.timeCode(29), "00:00:00:29");
  assert.equal(clip.timeCode(30), "00:00:01:00");
  assert.equal(clip.timeCode(108000), "01:00:00:00");
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { Clip, parseRate, rateText } from "../src/clip";

const FILM = new Clip({ numerator: 24000, denominator: 1001 }, 1001, 48);

test("a rate is a fraction or a whole number, and nothing else is one", () => {
  assert.deepEqual(parseRate("24000/1001"), { numerator: 24000, denominator: 1001 });
  assert.deepEqual(parseRate("25"), { numerator: 25, denominator: 1 });
  for (const text of ["", "23.976", "24/0", "0", "-24", "24/1/1", "fast"]) assert.equal(parseRate(text), null);
});

test("a rate is written with three places at most", () => {
  assert.equal(rateText({ numerator: 24000, denominator: 1001 }), "23.976");
  assert.equal(rateText({ numerator: 30000, denominator: 1001 }), "29.97");
  assert.equal(rateText({ numerator: 24, denominator: 1 }), "24");
});

test("a film without all of its exact facts has no frame model", () => {
  assert.equal(Clip.from(null), null);
  assert.equal(Clip.from({ fps: "23.976", first_frame: 1001, frame_count: 48 }), null);
  assert.equal(Clip.from({ fps: "24", first_frame: 1001, frame_count: 0 }), null);
  assert.equal(Clip.from({ fps: "24", first_frame: 1000.5, frame_count: 48 }), null);
  assert.equal(Clip.from({ fps: "24", first_frame: -12, frame_count: 48 })?.numberAt(0), -12);
});

test("a seek goes to the middle of a frame", () => {
  assert.equal(FILM.middle(0), 0.5 * (1001 / 24000));
  assert.equal(new Clip({ numerator: 25, denominator: 1 }, 1, 100).middle(12), 0.5);
});

test("a presentation time is the frame that begins there, with the rounding of a container", () => {
  const film = new Clip({ numerator: 24000, denominator: 1001 }, 1001, 20000);
  for (const index of [0, 1, 37, 1000, 19999]) {
    const exact = (index * 1001) / 24000;
    assert.equal(film.indexAt(exact), index);
    assert.equal(film.indexAt(Math.round(exact * 1000) / 1000), index);
    assert.ok(film.isOnRate(Math.round(exact * 1000) / 1000));
  }
});

test("a picture between two frames of the rate proves the rate wrong", () => {
  assert.equal(new Clip({ numerator: 25, denominator: 1 }, 1001, 48).isOnRate((12 * 1001) / 24000), false);
});

test("numbers are the shot's, and what lies outside becomes the nearest frame", () => {
  assert.equal(FILM.numberAt(0), 1001);
  assert.equal(FILM.numberAt(FILM.lastIndex), 1048);
  assert.equal(FILM.indexOf(1012), 11);
  assert.equal(FILM.indexOf(5), 0);
  assert.equal(FILM.indexOf(9999), 47);
});

test("a film that is a frame short does not hold its frames", () => {
  assert.equal(FILM.fitsInto((48 * 1001) / 24000), true);
  assert.equal(FILM.fitsInto((47 * 1001) / 24000), false);
});

test("a time code counts to the whole rate and drops no number", () => {
  const film = new Clip({ numerator: 30000, denominator: 1001 }, 1, 200000);
  assert.equal(film.timeCode(0), "00:00:00:00");
  assert.equal(film.timeCode(29), "00:00:00:29");
  assert.equal(film.timeCode(30), "00:00:01:00");
  assert.equal(film.timeCode(108000), "01:00:00:00");
});

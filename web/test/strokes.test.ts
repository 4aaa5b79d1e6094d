import assert from "node:assert/strict";
import { test } from "node:test";

import { pixelAt, placeOf, pointAt, thickness } from "../src/strokes";

test("the picture is shown whole, in the middle of its box", () => {
  assert.deepEqual(placeOf({ width: 1000, height: 400 }, { width: 1280, height: 640 }), { left: 100, top: 0, width: 800, height: 400 });
  assert.deepEqual(placeOf({ width: 400, height: 1000 }, { width: 200, height: 100 }), { left: 0, top: 400, width: 400, height: 200 });
});

test("without a picture there is no place on it", () => {
  assert.deepEqual(placeOf({ width: 100, height: 100 }, { width: 0, height: 0 }), { left: 0, top: 0, width: 0, height: 0 });
});

test("a point is a part of the picture, wherever that is shown", () => {
  const place = { left: 100, top: 0, width: 800, height: 400 };
  assert.deepEqual(pointAt(place, 300, 100, 0.9), [0.25, 0.25, 0.9]);
  assert.deepEqual(pixelAt(place, [0.25, 0.25, 0.9]), { x: 300, y: 100 });
  assert.deepEqual(pixelAt({ left: 0, top: 50, width: 80, height: 40 }, [0.25, 0.25, 0.9]), { x: 20, y: 60 });
});

test("a mouse, which has no pressure, presses half", () => {
  assert.equal(pointAt({ left: 0, top: 0, width: 10, height: 10 }, 0, 0, 0)[2], 0.5);
});

test("a line is as thick as the pen was pressed, and never less than a pixel", () => {
  const place = { left: 0, top: 0, width: 1600, height: 1000 };
  assert.equal(thickness(place, 0.008, 0.5), 8);
  assert.equal(thickness(place, 0.008, 1), 12);
  assert.equal(thickness({ ...place, height: 50 }, 0.008, 0.5), 1);
});

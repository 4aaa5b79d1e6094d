import assert from "node:assert/strict";
import { test } from "node:test";

import { fitRect, lineWidth, toImage, toScreen } from "../src/strokes";

test("an image is centred in its box and shown completely", () => {
  assert.deepEqual(fitRect({ width: 1000, height: 400 }, { width: 1280, height: 640 }), { left: 100, top: 0, width: 800, height: 400 });
  assert.deepEqual(fitRect({ width: 400, height: 1000 }, { width: 200, height: 100 }), { left: 0, top: 400, width: 400, height: 200 });
});

test("an image without a size has an empty rectangle", () => {
  assert.deepEqual(fitRect({ width: 100, height: 100 }, { width: 0, height: 0 }), { left: 0, top: 0, width: 0, height: 0 });
});

test("positions convert between the screen and the image at any size", () => {
  const rect = { left: 100, top: 0, width: 800, height: 400 };
  assert.deepEqual(toImage(rect, 300, 100, 0.9), [0.25, 0.25, 0.9]);
  assert.deepEqual(toScreen(rect, [0.25, 0.25, 0.9]), { x: 300, y: 100 });
  assert.deepEqual(toScreen({ left: 0, top: 50, width: 80, height: 40 }, [0.25, 0.25, 0.9]), { x: 20, y: 60 });
});

test("a pointer without pressure has a pressure of 0.5", () => {
  assert.equal(toImage({ left: 0, top: 0, width: 10, height: 10 }, 0, 0, 0)[2], 0.5);
});

test("the line width follows the pressure and is at least one pixel", () => {
  const rect = { left: 0, top: 0, width: 1600, height: 1000 };
  assert.equal(lineWidth(rect, 0.008, 0.5), 8);
  assert.equal(lineWidth(rect, 0.008, 1), 12);
  assert.equal(lineWidth({ ...rect, height: 50 }, 0.008, 0.5), 1);
});

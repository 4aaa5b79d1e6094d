import { strict as assert } from "node:assert";
import { test } from "node:test";

import { catchUpFactor } from "../src/playback/comparison";

test("a compared movie that is behind plays faster until it has caught up, with one change of the speed", () => {
  const factors: number[] = [];
  let factor = 1;
  for (const drift of [0, 1, 2, 3, 2, 1, 1, 0, -1, 0]) factors.push((factor = catchUpFactor(drift, factor)));
  assert.deepEqual(factors, [1, 1, 1.5, 1.5, 1.5, 1.5, 1.5, 1, 1, 1]);
});

test("a compared movie that is ahead plays slower until the other one is there", () => {
  const factors: number[] = [];
  let factor = 1;
  for (const drift of [-1, -2, -1, 0, 1]) factors.push((factor = catchUpFactor(drift, factor)));
  assert.deepEqual(factors, [1, 0.5, 0.5, 1, 1]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Source } from "../src/home/upload";
import { makePlans, matchTask, type KnownAsset } from "../src/home/upload_plan";

const task = (id: string, parent: string, ...names: string[]) =>
  ({ id, parent_id: parent, link: ["film", ...names].map((name) => ({ name })) });
const TASKS = [
  task("light", "s10", "SQ010", "SH0010", "Lighting"),
  task("anim", "s10", "SQ010", "SH0010", "Animation"),
  task("other", "s20", "SQ010", "SH0020", "Animation"),
];
const asset = (id: string, name: string, version: number, ...taskIds: string[]): KnownAsset =>
  ({ id, name, contextId: "s10", taskIds, version });
const files = (...names: string[]): Source[] => names.map((name): Source => [{ name, size: 1 } as File]);

test("a file name leads to the task of its shot", () => {
  assert.equal(matchTask("SQ010_SH0010_Animation_v006.mp4", TASKS)?.id, "anim");
  assert.equal(matchTask("sh0020.animation.mov", TASKS)?.id, "other");
  assert.equal(matchTask("reference.mov", TASKS)?.id, "light");
});

test("an upload is the next version of the only asset of its task, or of the asset with its name", () => {
  const known = [asset("main", "playblast", 5, "anim"), asset("named", "SQ010_SH0010_Lighting", 2, "light")];
  const plans = makePlans(files("SQ010_SH0010_Animation_v006.mp4", "SQ010_SH0010_Lighting_v003.mov"), TASKS, known);
  assert.deepEqual(plans.map(({ taskId, assetId }) => [taskId, assetId]), [["anim", "main"], ["light", "named"]]);
});

test("two files of one task are not two versions of its asset, unless they have its name", () => {
  const plans = makePlans(files("SH0010_Animation_a.mp4", "SH0010_Animation_b.mp4"), TASKS, [asset("main", "playblast", 5, "anim")]);
  assert.deepEqual(plans.map(({ assetId }) => assetId), [null, null]);
});

/** What each chosen file becomes: the task and the asset that its name says, which the form shows before it sends. */

import { query, quote, type Entity } from "./api";
import { assetNameOf, type Source } from "./upload";

/** An asset with the tasks that it has versions of, and the number of the last one. */
export interface KnownAsset {
  readonly id: string;
  readonly name: string;
  readonly contextId: string;
  readonly taskIds: readonly string[];
  readonly version: number;
}

/** One version that is uploaded. */
export interface Plan {
  readonly source: Source;
  readonly taskId: string;
  /** Null for a new asset. */
  readonly assetId: string | null;
}

const NAMED = 100;

/** Return the assets of these contexts. */
export async function readAssets(contextIds: readonly string[]): Promise<KnownAsset[]> {
  const versions = await query(
    "select asset_id, asset.name, asset.context_id, task_id, version from AssetVersion" +
      ` where asset.context_id in (${[...new Set(contextIds)].map(quote).join(", ")})`,
  );
  const found = new Map<string, KnownAsset>();
  for (const { asset_id: id, asset, task_id: taskId, version } of versions) {
    const known = found.get(id);
    found.set(id, {
      id,
      name: String(asset.name),
      contextId: String(asset.context_id),
      taskIds: [...(known?.taskIds ?? []), String(taskId)],
      version: Math.max(known?.version ?? 0, Number(version)),
    });
  }
  return [...found.values()];
}

/** Return the task that a file name names with its shot, else the first task. */
export function matchTask(fileName: string, tasks: readonly Entity[]): Entity | undefined {
  const scores = tasks.map((task) => scoreOf(fileName, task));
  const best = Math.max(0, ...scores);
  return best === 0 ? tasks[0] : tasks[scores.indexOf(best)];
}

/** Return how well a file name fits a task: 0 without its shot, and from NAMED on with the name of the task. */
function scoreOf(fileName: string, task: Entity): number {
  const words = fileName.toLowerCase().split(/[._ -]+/);
  const path = ((task["link"] as Entity[] | undefined) ?? []).slice(1).map((step) => String(step["name"]).toLowerCase());
  const [shot = "", name = ""] = path.slice(-2);
  if (!contains(words, shot)) return 0;
  const above = path.slice(0, -2).filter((step) => contains(words, step)).length;
  return 1 + above + (contains(words, name) ? NAMED : 0);
}

/** Whether the words of a name follow each other among these words. */
function contains(words: readonly string[], name: string): boolean {
  const wanted = name.split(/[._ -]+/).filter(Boolean);
  return wanted.length > 0 && words.some((_, start) => wanted.every((word, index) => words[start + index] === word));
}

/** Return a plan for each source; the one file that names a task is the next version of its only asset. */
export function makePlans(sources: readonly Source[], tasks: readonly Entity[], assets: readonly KnownAsset[]): Plan[] {
  const chosen = sources.map((source) => matchTask(source[0].name, tasks)!);
  return sources.map((source, index) => {
    const task = chosen[index]!;
    const isAlone = chosen.filter((each) => each === task).length === 1 && scoreOf(source[0].name, task) > NAMED;
    return { source, taskId: String(task["id"]), assetId: chooseAsset(source, task, assets, isAlone) };
  });
}

/** Return the asset of which a file is the next version, or null for a new one. */
export function chooseAsset(source: Source, task: Entity, assets: readonly KnownAsset[], isAlone: boolean): string | null {
  const own = assetsOf(task, assets);
  const name = assetNameOf(source).toLowerCase();
  const ofTask = own.filter((asset) => asset.taskIds.includes(String(task["id"])));
  const found = own.find((asset) => asset.name.toLowerCase() === name) ?? (isAlone && ofTask.length === 1 ? ofTask[0] : undefined);
  return found?.id ?? null;
}

export function assetsOf(task: Entity, assets: readonly KnownAsset[]): KnownAsset[] {
  return assets.filter((asset) => asset.contextId === String(task["parent_id"]));
}

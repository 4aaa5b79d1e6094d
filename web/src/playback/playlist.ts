/** The rows of the list of versions: stacks, filters, order, and where to start. Independent of the browser. */

import type { Entry, Status } from "../model";

export const FILTERS = ["all", "undecided", "approved", "require_changes"] as const;
export type Filter = (typeof FILTERS)[number];

export const ORDERS = ["list", "name", "newest", "status"] as const;
export type Order = (typeof ORDERS)[number];

/** The versions of one asset, in ascending order, and the one that its row shows. */
export interface Row {
  readonly shown: Entry;
  readonly stack: readonly Entry[];
}

/** Return the verdict of a version: changes outweigh approvals. */
export function verdictOf({ verdicts }: Entry): Status | null {
  if (verdicts?.require_changes) return "require_changes";
  return verdicts?.approved ? "approved" : null;
}

/** Group the versions by asset; a row shows the selected version or its newest one. */
export function groupRows(entries: readonly Entry[], currentId: string | null): Row[] {
  const stacks = new Map<number | string, Entry[]>();
  for (const entry of entries) {
    const key = entry.stack ?? entry.id;
    stacks.set(key, [...(stacks.get(key) ?? []), entry]);
  }
  return [...stacks.values()].map((found) => {
    const stack = [...found].sort((one, other) => one.version - other.version);
    return { shown: stack.find(({ id }) => id === currentId) ?? newestOf(stack), stack };
  });
}

/** Return the rows that contain all the words and have the verdict. */
export function filterRows(rows: readonly Row[], searched: string, filter: Filter): Row[] {
  const words = searched.toLowerCase().split(/\s+/);
  return rows.filter(({ shown }) => {
    const text = `${shown.group ?? ""} ${shown.name} ${shown.task ?? ""} ${shown.status ?? ""}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return false;
    return filter === "all" || (verdictOf(shown) ?? "undecided") === filter;
  });
}

/** Sort the rows. In the order of the list, the rows of a sequence stand together, where its first one is. */
export function sortRows(rows: readonly Row[], order: Order): Row[] {
  const compareNames = (one: Row, other: Row): number =>
    one.shown.name.localeCompare(other.shown.name, undefined, { numeric: true });
  if (order === "name") return [...rows].sort(compareNames);
  if (order === "newest") return [...rows].sort((one, other) => dateOf(other).localeCompare(dateOf(one)));
  if (order === "status") {
    const status = ({ shown }: Row): string => shown.status ?? "\uffff";
    return [...rows].sort((one, other) => status(one).localeCompare(status(other)) || compareNames(one, other));
  }
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = row.shown.group ?? "";
    groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  return [...groups.values()].flat();
}

/** Return the newest version of the first row whose newest version has no verdict, or else the first row's version. */
export function startEntry(rows: readonly Row[]): Entry | undefined {
  const newest = rows.map(({ stack }) => newestOf(stack));
  return newest.find((entry) => verdictOf(entry) === null) ?? newest[0];
}

/** Return the version to compare with at first: the previous one of the asset, or else the newest other one. */
export function otherVersion(row: Row): Entry | undefined {
  const index = row.stack.findIndex(({ id }) => id === row.shown.id);
  return row.stack[index - 1] ?? row.stack.filter(({ id }) => id !== row.shown.id).at(-1);
}

/** Return the ids of all versions after a row was moved to the place of another one; stacks stay together. */
export function movedIds(rows: readonly Row[], from: number, to: number): string[] {
  const all = [...rows];
  const [moved] = all.splice(from, 1);
  if (moved !== undefined) all.splice(to, 0, moved);
  return all.flatMap(({ stack }) => stack.map(({ id }) => id));
}

function newestOf(stack: readonly Entry[]): Entry {
  return stack[stack.length - 1] as Entry;
}

function dateOf({ stack }: Row): string {
  return newestOf(stack).date ?? "";
}

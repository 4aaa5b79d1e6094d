/** The rows of the project page: one for each task, and one for each shot without tasks; as a table and as CSV. */

import { formatRate } from "../clip";
import { create, Refused, update, type Entity, type Operation } from "./api";

export interface ProjectData {
  readonly project: Entity;
  readonly rows: readonly Row[];
  readonly statuses: readonly Entity[];
  readonly types: readonly Entity[];
  readonly users: readonly Entity[];
  readonly tasks: readonly Entity[];
  /** The ids of the custom attributes of a shot by their keys. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly sequences: readonly Entity[];
  readonly shots: readonly Entity[];
}

export const userName = (user: Entity): string =>
  [user["first_name"], user["last_name"]].filter(Boolean).join(" ") || String(user["username"]);

/** Return the operations that set custom attributes of a shot. */
export function customValues(data: ProjectData, shotId: string | null, values: Entity): Operation[] {
  if (shotId === null) return [];
  return Object.entries(values).filter(([key]) => data.attributes[key] !== undefined).map(([key, value]) =>
    update("ContextCustomAttributeValue", [data.attributes[key] ?? "", shotId], { value }));
}

export interface Row {
  readonly key: string;
  readonly sequence: string;
  readonly sequenceId: string | null;
  readonly shot: string;
  readonly shotId: string | null;
  readonly task: string;
  readonly taskId: string | null;
  readonly type: string;
  readonly frames: string;
  readonly fps: string;
  readonly assigneeId: string | null;
  readonly assignmentIds: readonly string[];
  readonly status: string;
  readonly statusId: string | null;
  readonly due: string;
  readonly version: number;
  readonly versionId: string | null;
  readonly thumbnail: string | null;
  readonly verdict: string;
  readonly review: string | null;
  readonly isFirstOfSequence: boolean;
  readonly isFirstOfShot: boolean;
}

/** The columns of the table and of the CSV file; the names are those of the import, too. */
export const COLUMNS = [
  { name: "sequence", title: "Sequence" },
  { name: "shot", title: "Shot" },
  { name: "task", title: "Task" },
  { name: "frames", title: "Frames" },
  { name: "fps", title: "Rate" },
  { name: "assignee", title: "Assignee" },
  { name: "status", title: "Status" },
  { name: "due", title: "Due" },
] as const;

// What other programs call the columns; without case and signs.
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  sequence: ["sequence", "sequencename", "seq", "sequenz", "scene"],
  shot: ["shot", "shotcode", "shotname", "code", "einstellung"],
  task: ["task", "taskname", "step", "pipelinestep", "aufgabe"],
  frames: ["frames", "framerange", "range", "cutrange"],
  fps: ["fps", "rate", "framerate", "framespersecond"],
  assignee: ["assignee", "assignedto", "artist", "bearbeiter"],
  status: ["status", "taskstatus"],
  due: ["due", "duedate", "enddate", "deadline"],
  type: ["type", "tasktype"],
};

/** Return the column that each cell of a header names, null for an unknown one; null if the row is no header. */
export function readHeader(cells: readonly string[]): (string | null)[] | null {
  const plain = cells.map((cell) => cell.toLowerCase().replace(/[^\p{L}]/gu, ""));
  const found = plain.map((cell) => Object.keys(ALIASES).find((name) => ALIASES[name]?.includes(cell)) ?? null);
  return found.some((name) => name !== null) ? found : null;
}

export function readRows(
  sequences: readonly Entity[],
  shots: readonly Entity[],
  tasks: readonly Entity[],
  versions: readonly Entity[],
): Row[] {
  const names = new Map(sequences.map((sequence) => [sequence["id"], String(sequence["name"])]));
  const sorted = [...shots].sort((a, b) => compare(names.get(a["parent_id"]), names.get(b["parent_id"])) || compare(a["name"], b["name"]));
  const rows: Row[] = [];
  for (const shot of sorted) {
    const own = tasks.filter((task) => task["parent_id"] === shot["id"]);
    for (const task of own.length === 0 ? [null] : own) {
      const latest = versions.filter((version) =>
        task === null ? version["asset"]?.["context_id"] === shot["id"] : version["task_id"] === task["id"]).at(-1);
      rows.push(toRow(shot, task, latest, names, rows.at(-1)));
    }
  }
  const known = new Set(shots.map((shot) => shot["id"]));
  for (const task of tasks.filter((each) => !known.has(each["parent_id"]))) {
    const latest = versions.filter((version) => version["task_id"] === task["id"]).at(-1);
    const link = (task["link"] as Entity[] | undefined) ?? [];
    const parent = { id: null, name: link.slice(1, -1).map((step) => step["name"]).join(" / ") };
    rows.push(toRow(parent, task, latest, names, rows.at(-1)));
  }
  return rows;
}

function toRow(shot: Entity, task: Entity | null, version: Entity | undefined, names: Map<unknown, string>, before: Row | undefined): Row {
  const values = Object.fromEntries(
    ((shot["custom_attributes"] as Entity[] | undefined) ?? []).map((each) => [each["key"], each["value"]]));
  const [first, last] = [values["fstart"], values["fend"]];
  const items = (version?.["review_session_objects"] as Entity[] | undefined) ?? [];
  const verdicts = items.flatMap((item) => ((item["statuses"] as Entity[] | undefined) ?? []).map((each) => String(each["status"])));
  const assignments = ((task?.["assignments"] as Entity[] | undefined) ?? []);
  const sequenceId = names.has(shot["parent_id"]) ? String(shot["parent_id"]) : null;
  const due = task?.["end_date"];
  return {
    key: String(task?.["id"] ?? shot["id"]),
    sequence: names.get(shot["parent_id"]) ?? "",
    sequenceId,
    shot: String(shot["name"]),
    shotId: shot["id"],
    task: String(task?.["name"] ?? ""),
    taskId: task?.["id"] ?? null,
    type: String(task?.["type"]?.["name"] ?? ""),
    frames: typeof first === "number" && typeof last === "number" ? `${first}-${last}` : "",
    fps: typeof values["fps"] === "number" ? formatRate({ numerator: values["fps"], denominator: 1 }) : "",
    assigneeId: assignments[0]?.["resource_id"] ?? null,
    assignmentIds: assignments.map((each) => String(each["id"])),
    status: String(task?.["status"]?.["name"] ?? ""),
    statusId: task?.["status_id"] ?? null,
    due: String((typeof due === "object" && due !== null ? due["value"] : due) ?? "").slice(0, 10),
    version: Number(version?.["version"] ?? 0),
    versionId: version?.["id"] ?? null,
    thumbnail: version?.["thumbnail_url"]?.["value"] ? version["thumbnail_url"]["url"] : null,
    verdict: verdicts.includes("require_changes") ? "require_changes" : verdicts.includes("approved") ? "approved" : "",
    review: items.at(-1)?.["review_session_id"] ?? null,
    isFirstOfSequence: sequenceId !== null && before?.sequenceId !== sequenceId,
    isFirstOfShot: shot["id"] !== null && before?.shotId !== shot["id"],
  };
}

function compare(one: unknown, other: unknown): number {
  return String(one ?? "").localeCompare(String(other ?? ""), "en", { numeric: true });
}

export function toCsv(data: ProjectData): string {
  const people = new Map(data.users.map((user) => [user["id"], userName(user)]));
  const lines = data.rows.map((row) =>
    COLUMNS.map(({ name }) => csvField(name === "assignee" ? (people.get(row.assigneeId) ?? "") : row[name])).join(","));
  return [COLUMNS.map((column) => column.name).join(","), ...lines, ""].join("\r\n");
}

/** Quote a field; a text that a spreadsheet would run as a formula begins with an apostrophe. */
export function csvField(text: string): string {
  const safe = /^[=+@\t\r]|^-(?!\d)/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Return the rows of a CSV text, or of cells that were copied from a spreadsheet, which tabs separate. */
export function parseTable(text: string): string[][] {
  const firstLine = text.slice(0, text.search(/\r?\n|$/));
  const separator = firstLine.includes("\t") ? "\t" : firstLine.split(";").length > firstLine.split(",").length ? ";" : ",";
  const rows: string[][] = [];
  let [row, field, isQuoted] = [[] as string[], "", false];
  const source = text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n");
  for (let index = 0; index < source.length; index += 1) {
    const letter = source[index] ?? "";
    if (isQuoted) {
      if (letter !== '"') field += letter;
      else if (source[index + 1] === '"') [field, index] = [`${field}"`, index + 1];
      else isQuoted = false;
    } else if (letter === '"' && field === "") isQuoted = true;
    else if (letter === separator) [row, field] = [[...row, field.trim()], ""];
    else if (letter === "\n") {
      rows.push([...row, field.trim()]);
      [row, field] = [[], ""];
    } else field += letter;
  }
  if (field !== "" || row.length > 0) rows.push([...row, field.trim()]);
  return rows.filter((found) => found.some((value) => value !== ""));
}

/** Return the operations that create or update the shot and the task of these fields; throw Refused for a wrong one. */
export function addRow(data: ProjectData, fields: Readonly<Record<string, string>>, made = new Map<string, string>()): Operation[] {
  const [sequence, shot, task] = ["sequence", "shot", "task"].map((name) => (fields[name] ?? "").trim());
  if (!shot) throw new Refused("A row has no shot. Name one.");
  const operations: Operation[] = [];
  const ensure = (type: string, name: string, parentId: unknown, known: Entity | undefined, more: Entity = {}): string => {
    const key = `${type}/${parentId}/${name}`;
    const found = known?.["id"] ?? made.get(key);
    if (found !== undefined) return String(found);
    const operation = create(type, { name, parent_id: parentId, ...more });
    operations.push(operation);
    const id = String((operation["entity_data"] as Entity)["id"]);
    made.set(key, id);
    return id;
  };
  const project = data.project["id"];
  const parent = sequence ? ensure("Sequence", sequence, project, data.sequences.find((each) => each["name"] === sequence)) : project;
  const shotId = ensure("Shot", shot, parent, data.shots.find((each) => each["name"] === shot && each["parent_id"] === parent));
  operations.push(...frameOperations(data, shotId, fields));
  if (task) {
    const known = data.tasks.find((each) => each["name"] === task && each["parent_id"] === shotId);
    const before = operations.length;
    const values = taskValues(data, fields, task);
    const taskId = ensure("Task", task, shotId, known, values);
    if (operations.length === before && Object.keys(values).length > 0) {
      operations.push({ action: "update", entity_type: "Task", entity_key: [taskId], entity_data: values });
    }
    operations.push(...assignee(data, fields, taskId, known));
  }
  return operations;
}

function frameOperations(data: ProjectData, shotId: string, fields: Readonly<Record<string, string>>): Operation[] {
  const values: Entity = {};
  if (fields["frames"]) {
    const match = /^(-?\d+)\s*-\s*(-?\d+)$/.exec(fields["frames"].trim());
    if (match === null || Number(match[1]) > Number(match[2])) {
      throw new Refused(`'${fields["frames"]}' is no frame range. Write it as 1001-1048.`);
    }
    [values["fstart"], values["fend"]] = [Number(match[1]), Number(match[2])];
  }
  if (fields["fps"]) {
    if (!(Number(fields["fps"]) > 0)) throw new Refused(`'${fields["fps"]}' is no frame rate. Write a number, such as 24.`);
    values["fps"] = Number(fields["fps"]);
  }
  return customValues(data, shotId, values);
}

function taskValues(data: ProjectData, fields: Readonly<Record<string, string>>, task: string): Entity {
  const values: Entity = {};
  const type = data.types.find((each) => same(each["name"], fields["type"] ?? "")) ?? data.types.find((each) => same(each["name"], task));
  if (type !== undefined) values["type_id"] = type["id"];
  if (fields["status"]) {
    const status = data.statuses.find((each) => same(each["name"], fields["status"] ?? ""));
    if (status === undefined) throw new Refused(`There is no status '${fields["status"]}'. Use the name of one.`);
    values["status_id"] = status["id"];
  }
  if (fields["due"]) {
    if (!/^\d{4}-\d\d-\d\d$/.test(fields["due"]) || Number.isNaN(Date.parse(fields["due"]))) {
      throw new Refused(`'${fields["due"]}' is no date. Write it as 2026-12-24.`);
    }
    values["end_date"] = { __type__: "datetime", value: `${fields["due"]}T00:00:00` };
  }
  return values;
}

function assignee(data: ProjectData, fields: Readonly<Record<string, string>>, taskId: string, known: Entity | undefined): Operation[] {
  const name = fields["assignee"] ?? "";
  if (name === "") return [];
  const user = data.users.find((each) => same(each["username"], name) || same(userName(each), name));
  if (user === undefined) throw new Refused(`There is no user '${name}'. Use the user name or the full name of one.`);
  const before = (known?.["assignments"] as Entity[] | undefined) ?? [];
  if (before.some((each) => each["resource_id"] === user["id"])) return [];
  return [create("Appointment", { context_id: taskId, resource_id: user["id"], type: "assignment" })];
}

function same(one: unknown, other: string): boolean {
  return String(one ?? "").toLowerCase() === other.toLowerCase() && other !== "";
}

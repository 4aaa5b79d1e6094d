/** Requests of the home to the studio server, as the signed-in user. */

export type Entity = Record<string, any>;
export type Operation = Record<string, unknown>;

export interface User {
  readonly id: string;
  readonly username: string;
  readonly name: string;
  readonly is_administrator: boolean;
  readonly can_create_projects: boolean;
  readonly is_reviewer: boolean;
  readonly public_url: string;
}

/** A request that the server refused, with its reason. */
export class Refused extends Error {}

/** A request without an answer of the server, which can be repeated. */
export class Unreachable extends Refused {}

/** A request of a browser whose sign-in has ended. */
export class SignedOut extends Refused {}

// A proxy without its server, and a server with too much to do.
const REPEATED_STATUSES: readonly number[] = [408, 429, 502, 503, 504];

const REQUEST_TIMEOUT_MS = 30_000;

/** The path that leads from the page, of the home or of a review, to the root of the server. */
export const root = (): string =>
  document.querySelector<HTMLElement>("#home")?.dataset["root"] ?? location.pathname.replace(/review\/.*/, "");

/** Return the JSON of a path below the root; throw Refused with the reason of the server. */
export async function request<T>(path: string, body?: unknown, timeout = REQUEST_TIMEOUT_MS): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`${root()}${path}`, {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      headers: { "Content-Type": "application/json", "ftrack-strict-api": "true" },
      signal: AbortSignal.timeout(timeout),
    });
  } catch {
    throw new Unreachable("The server does not answer. Check the network, then try again.");
  }
  if (response.status === 401) {
    throw new SignedOut("Your sign-in has expired. Sign in again in another tab, then repeat this. This page keeps what you wrote.");
  }
  const text = await response.text().catch(() => "");
  if (response.ok) return parse(text) as T;
  throw refusalOf(response.status, text);
}

/** Return the error of an answer that is no success, with the reason in its text if it has one. */
export function refusalOf(status: number, text: string): Refused {
  const reason = (parse(text) as { content?: unknown } | null)?.content;
  const shown = typeof reason === "string" ? reason : `The server answered with status ${status}. Try again.`;
  return REPEATED_STATUSES.includes(status) ? new Unreachable(shown) : new Refused(shown);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Run operations in one transaction, and return their answers. */
export function call(...operations: Operation[]): Promise<Entity[]> {
  return request<Entity[]>("home/api", operations);
}

/** Return the entities of several queries in one request. */
export async function queryAll(...expressions: string[]): Promise<Entity[][]> {
  const answers = await call(...expressions.map((expression) => ({ action: "query", expression })));
  return answers.map((answer) => answer["data"] as Entity[]);
}

export async function query(expression: string): Promise<Entity[]> {
  const [found] = await queryAll(expression);
  return found ?? [];
}

export const quote = (text: string): string => JSON.stringify(text);

export function create(type: string, data: Entity): Operation {
  return { action: "create", entity_type: type, entity_data: { id: newId(), ...data } };
}

export function update(type: string, id: string | readonly string[], data: Entity): Operation {
  return { action: "update", entity_type: type, entity_key: typeof id === "string" ? [id] : id, entity_data: data };
}

export function remove(type: string, id: string): Operation {
  return { action: "delete", entity_type: type, entity_key: [id] };
}

/** Return a random UUID; `crypto.randomUUID` is missing on pages without TLS. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].map((end, index, ends) => hex.slice(index === 0 ? 0 : ends[index - 1], end)).join("-")
    .concat("-", hex.slice(20));
}

/** Return a date of an `<input type="datetime-local">` as the API sends dates, in UTC; null for an empty text. */
export function toApiDate(local: string): Entity | null {
  if (local === "") return null;
  return { __type__: "datetime", value: new Date(local).toISOString().slice(0, 19) };
}

/**
 * Return the dates of a form with the fields `start` and `end`; throw Refused if the review would close before it opens.
 *
 * An end that has passed closes a review, also one that has not opened yet.
 */
export function toApiDates(fields: Record<string, string>): { start: Entity | null; end: Entity | null } {
  const [start = "", end = ""] = [fields["start"], fields["end"]];
  if (start !== "" && end !== "" && new Date(end) <= new Date(start) && new Date(end) > new Date()) {
    throw new Refused("The review would close before it opens. Set a later date for its end.");
  }
  return { start: toApiDate(start), end: toApiDate(end) };
}

/** Return the moment of a date of the API or of the server's own answers, or null. */
export function fromApiDate(value: unknown): Date | null {
  const text = typeof value === "object" && value !== null ? (value as Entity)["value"] : value;
  return typeof text === "string" && text !== "" ? new Date(/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`) : null;
}

/** Return a moment as the value of an `<input type="datetime-local">`. */
export function toLocalInput(moment: Date | null): string {
  if (moment === null) return "";
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

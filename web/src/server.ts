/** Requests to the studio server. */

import type { Change, Changes, Details, Earlier, NewerVersion, Review, SentFile, Shape, Status, User } from "./model";

/** Why something could not be read. */
export type ReadError = "link-invalid" | "access-denied" | "unreachable";

export interface NotePayload {
  readonly object: string;
  readonly id: string;
  readonly content: string;
  readonly frame: number | null;
  readonly end_frame?: number | null;
  readonly drawing: readonly Shape[];
  readonly drawing_end?: number | null;
  /** Width and height of the image in pixels. */
  readonly aspect?: readonly [number, number] | null;
  readonly in_reply_to?: string | null;
  readonly labels?: readonly string[];
  /** Tokens of files. */
  readonly files?: readonly string[];
  /** Ids of users. */
  readonly mentions?: readonly string[];
}

const REQUEST_TIMEOUT_MS = 10_000;
const UPLOAD_TIMEOUT_MS = 600_000;
/** The server has the same limit; a browser does not show the answer to a file that is refused while it is sent. */
const MAX_ATTACHMENT_BYTES = 64 << 20;

/** Resolve a URL of the data below the URL of the page, which contains the key. */
export function mediaUrl(relative: string): string {
  return `${location.pathname.replace(/\/+$/, "")}/${relative}`;
}

/** Read the session and the list of its versions, or return why they could not be read. */
export function readReview(): Promise<Review | ReadError> {
  return read<Review>("data");
}

/** Return whether the server answers at all. */
export async function isServerReachable(): Promise<boolean> {
  return (await readReview()) !== "unreachable";
}

/** Read one version with its notes, or return why it could not be read. */
export function readDetails(id: string): Promise<Details | ReadError> {
  return read<Details>(`entries/${encodeURIComponent(id)}`);
}

/** Read the notes on earlier versions of the asset. */
export function readEarlier(id: string): Promise<Earlier | ReadError> {
  return read<Earlier>(`entries/${encodeURIComponent(id)}/earlier`);
}

/** Read the users who can be mentioned. */
export function readPeople(): Promise<readonly User[] | ReadError> {
  return read<readonly User[]>("people");
}

/** Read the versions that a visitor with the right to edit the session can add. */
export function readNewer(): Promise<readonly NewerVersion[] | ReadError> {
  return read<readonly NewerVersion[]>("newer");
}

async function read<T>(path: string): Promise<T | ReadError> {
  try {
    // The browser sends the ETag of the body that it has.
    const response = await fetch(mediaUrl(path), { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    if (response.status === 404) return "link-invalid";
    if (response.status === 401 || response.status === 403) return "access-denied";
    return response.ok ? ((await response.json()) as T) : "unreachable";
  } catch {
    // A lost network, a time-out and a truncated answer are handled in the same way: the page tries again.
    return "unreachable";
  }
}

/** Send a note. Each POST returns the change that it made, or a sentence that says why it was refused. */
export function postNote(note: NotePayload): Promise<Change | string> {
  return post("notes", note);
}

/** Replace the text of an own note; `previous` is the text before the edit. */
export function postEdit(note: string, previous: string, content: string): Promise<Change | string> {
  return post("notes/edit", { note, previous, content });
}

/** Delete an own note. */
export function postDelete(note: string): Promise<Change | string> {
  return post("notes/delete", { note });
}

/** Mark a note as done, or reopen it. */
export function postDone(note: string, done: boolean): Promise<Change | string> {
  return post("notes/done", { note, done });
}

/** Mark a note on an earlier version as answered by this version. */
export function postAddressed(note: string, object: string): Promise<Change | string> {
  return post("notes/addressed", { note, object });
}

/** Send a file for a note that is sent later, or return why it was refused. */
export async function postFile(file: File): Promise<SentFile | string> {
  if (file.size > MAX_ATTACHMENT_BYTES) {
    return `${file.name} is too large: a file has at most ${MAX_ATTACHMENT_BYTES >> 20} MB. Attach a smaller one.`;
  }
  const answer = await send<SentFile>(`attachments?name=${encodeURIComponent(file.name)}`, file, UPLOAD_TIMEOUT_MS);
  return typeof answer === "string" ? `${file.name} was not attached: ${answer}` : answer;
}

/** Send a verdict; with `replace`, "seen" takes back an earlier one. */
export function postStatus(object: string, status: Status, replace = false): Promise<Change | string> {
  return post("status", { object, status, replace });
}

/** Send a verdict on several versions. */
export function postStatuses(objects: readonly string[], status: Status): Promise<Changes | string> {
  return post("statuses", { objects, status, replace: true });
}

/** Send the order of all versions by their ids. */
export function postOrder(objects: readonly string[]): Promise<object | string> {
  return post("order", { objects });
}

/** Send new names of the session or of a version in it, or versions to add. */
export function postSession(changes: object): Promise<object | string> {
  return post("edit", changes);
}

/** Ask for a smaller movie with the same frames; the server makes it if there is none. */
export function postRendition(object: string, lines: number): Promise<{ readonly url: string | null } | string> {
  return post("renditions", { object, lines });
}

/** Read the sound of a movie as peaks from 0 to 255, 50 for each second; empty without sound, null on an error. */
export async function readWaveform(url: string): Promise<Uint8Array | null> {
  try {
    const response = await fetch(`${url}/waveform`);
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
  } catch {
    return null;
  }
}

function post<T>(path: string, payload: object): Promise<T | string> {
  return send<T>(path, new Blob([JSON.stringify(payload)], { type: "application/json" }), REQUEST_TIMEOUT_MS);
}

async function send<T>(path: string, body: Blob, timeout: number): Promise<T | string> {
  try {
    const response = await fetch(mediaUrl(path), { method: "POST", body, signal: AbortSignal.timeout(timeout) });
    if (response.ok) return (await response.json()) as T;
    const { content } = (await response.json()) as { content?: string };
    return content ?? `The server answered with status ${response.status}.`;
  } catch {
    return "The server does not answer.";
  }
}

/** Return why a movie or image does not load, by a request for its first byte. */
export async function probeMedia(url: string): Promise<"undecodable" | "media-missing" | "busy" | "lost-connection"> {
  try {
    const response = await fetch(url, {
      headers: { Range: "bytes=0-0" },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (response.ok || response.status === 422) return "undecodable";
    if (response.status === 503) return "busy";
    return response.status === 404 ? "media-missing" : "lost-connection";
  } catch {
    return "lost-connection";
  }
}

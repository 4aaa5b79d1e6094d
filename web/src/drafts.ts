/**
 * Unsent notes: text, frames and drawings, kept in the browser so that a reload loses nothing.
 *
 * Each tab keeps its own, because two tabs may show the same version. A tab takes over what a closed one has left; the
 * draft of an open one can be taken over by a click.
 */

import { signal, type Signal } from "@preact/signals";

import type { SentFile, Shape, User } from "./model";

/** An unsent note on one version. Drawings are kept for each frame; those on other frames become notes of their own. */
export interface Draft {
  readonly text: string;
  /** The shot's frame number, or null for the whole version; undefined until something is written or drawn. */
  readonly frame: number | null | undefined;
  readonly endFrame: number | null;
  /** Shapes by frame number. */
  readonly drawings: Readonly<Record<string, readonly Shape[]>>;
  /** The number of frames that a drawing is shown. */
  readonly hold: number;
  readonly labels: readonly string[];
  readonly files: readonly SentFile[];
  readonly mentions: readonly User[];
  /** A draft that is sent twice has the same ids, so that it becomes the same notes. */
  readonly ids: Readonly<Record<string, string>>;
}

const EMPTY: Draft = { text: "", frame: undefined, endFrame: null, drawings: {}, hold: 1, labels: [], files: [], mentions: [], ids: {} };
const PREFIX = "ft-dcc-draft/";
/** Marks a tab that is open. */
const OPEN_PREFIX = "ft-dcc-tab/";
const TAB_KEY = "ft-dcc-tab";

interface History {
  readonly past: (readonly Shape[])[];
  readonly future: (readonly Shape[])[];
}

const drafts = new Map<string, Signal<Draft>>();
const histories = new Map<string, History>();

/** Return the draft of a version, or of a reply or an edit if `key` is that of a note. */
export function draftOf(key: string): Signal<Draft> {
  const found = drafts.get(key) ?? signal(load(key));
  drafts.set(key, found);
  return found;
}

/** Change a draft and keep it. It gets new ids, because it is not the note any more that may have been sent. */
export function changeDraft(key: string, values: Partial<Draft>): void {
  const draft = draftOf(key);
  draft.value = { ...draft.peek(), ids: {}, ...values };
  save(key, draft.peek());
}

export function clearDraft(key: string): void {
  draftOf(key).value = EMPTY;
  forgetHistory(key);
  save(key, EMPTY);
}

/** What was sent of a draft. */
export interface Sent {
  readonly text: string;
  readonly frame: number | null;
  readonly shapes: readonly Shape[];
  /** Tokens of files. */
  readonly files: readonly string[];
}

/** Remove from a draft what was sent of it. What was written, drawn or attached meanwhile stays. */
export function removeSent(key: string, sent: Sent): void {
  const now = draftOf(key).peek();
  const text = now.text.startsWith(sent.text) ? now.text.slice(sent.text.length) : now.text;
  const ids = new Set(sent.shapes.map(({ id }) => id));
  const left = (now.drawings[sent.frame ?? ""] ?? []).filter(({ id }) => !ids.has(id));
  const drawings = sent.frame === null ? now.drawings : { ...now.drawings, [sent.frame]: left };
  const files = now.files.filter(({ token }) => !sent.files.includes(token));
  const rest = { ...now, text: text.trim() === "" ? "" : text, drawings, files };
  forgetHistory(key);
  if (isEmpty(rest)) clearDraft(key);
  else changeDraft(key, rest);
}

function forgetHistory(key: string): void {
  for (const each of [...histories.keys()]) if (each.startsWith(`${key}/`)) histories.delete(each);
}

export function isEmpty(draft: Draft): boolean {
  return draft.text.trim() === "" && draft.files.length === 0 && drawnFrames(draft).length === 0;
}

/** Return the frames with a drawing in the draft, in ascending order. */
export function drawnFrames(draft: Draft): number[] {
  const frames = Object.entries(draft.drawings).filter(([, shapes]) => shapes.length > 0);
  return frames.map(([frame]) => Number(frame)).sort((one, other) => one - other);
}

/** Replace the shapes on a frame of a draft, as one step of its undo history. */
export function draw(key: string, frame: number, shapes: readonly Shape[]): void {
  const draft = draftOf(key).peek();
  const history = historyOf(key, frame);
  history.past.push(draft.drawings[frame] ?? []);
  history.future.length = 0;
  setShapes(key, frame, shapes);
}

/** Undo the last step on a frame. Return false if there is none; other frames are never touched. */
export function undo(key: string, frame: number): boolean {
  return move(key, frame, (history) => [history.past, history.future]);
}

/** Redo the last undone step on a frame. */
export function redo(key: string, frame: number): boolean {
  return move(key, frame, (history) => [history.future, history.past]);
}

function move(
  key: string,
  frame: number,
  stacks: (history: History) => [(readonly Shape[])[], (readonly Shape[])[]],
): boolean {
  const [from, to] = stacks(historyOf(key, frame));
  const shapes = from.pop();
  if (shapes === undefined) return false;
  to.push(draftOf(key).peek().drawings[frame] ?? []);
  setShapes(key, frame, shapes);
  return true;
}

function setShapes(key: string, frame: number, shapes: readonly Shape[]): void {
  const draft = draftOf(key).peek();
  const drawings = { ...draft.drawings, [frame]: shapes };
  const isUnused = shapes.length === 0 && draft.text === "" && drawnFrames({ ...draft, drawings }).length === 0;
  changeDraft(key, { drawings, frame: isUnused ? undefined : draft.frame === undefined ? frame : draft.frame });
}

function historyOf(key: string, frame: number): History {
  const name = `${key}/${frame}`;
  const found = histories.get(name) ?? {
    // A drawing that was kept over a reload can still be undone, shape by shape.
    past: (draftOf(key).peek().drawings[frame] ?? []).map((_, index, all) => all.slice(0, index)),
    future: [],
  };
  histories.set(name, found);
  return found;
}

/** The id of this tab; a reload keeps it. */
let tab = "";
/** The drafts that other open tabs have of the same notes. */
const others = new Map<string, Signal<Draft | null>>();

/** Return what another open tab has of a draft, or null. */
export function otherDraftOf(key: string): Signal<Draft | null> {
  const found = others.get(key) ?? signal(readOther(key)?.draft ?? null);
  others.set(key, found);
  return found;
}

/** Add what another tab has to the draft. That tab has it no more, so that nothing is sent twice. */
export function takeOther(key: string): void {
  const other = readOther(key);
  if (other === null) return;
  changeDraft(key, joined(draftOf(key).peek(), other.draft));
  forgetHistory(key);
  store(other.name, EMPTY);
  otherDraftOf(key).value = readOther(key)?.draft ?? null;
}

/** Return one draft with what both have. */
function joined(own: Draft, other: Draft): Draft {
  const frames = new Set([...Object.keys(own.drawings), ...Object.keys(other.drawings)]);
  return {
    ...(isEmpty(own) ? other : own),
    text: [own.text, other.text].filter((text) => text.trim() !== "").join("\n"),
    drawings: Object.fromEntries([...frames].map((frame) => [frame, [...(own.drawings[frame] ?? []), ...(other.drawings[frame] ?? [])]])),
    labels: [...new Set([...own.labels, ...other.labels])],
    files: [...own.files, ...other.files],
    mentions: [...own.mentions, ...other.mentions],
    ids: {},
  };
}

/** Begin to follow the other tabs. */
export function followTabs(): void {
  const before = stored("sessionStorage", TAB_KEY);
  // A copy of a tab has the id of that tab, which is still open.
  tab = before !== null && stored("localStorage", OPEN_PREFIX + before) === null ? before : newId();
  keepTab();
  window.addEventListener("pageshow", keepTab);
  window.addEventListener("pagehide", () => store(OPEN_PREFIX + tab, EMPTY));
  window.addEventListener("storage", (event) => {
    const [key, owner] = (event.key ?? "").slice(PREFIX.length).split("@");
    if (event.key?.startsWith(PREFIX) !== true || key === undefined) return;
    if (owner !== tab) otherDraftOf(key).value = readOther(key)?.draft ?? null;
    else if (event.newValue === null) {
      // Another tab has taken it over.
      draftOf(key).value = EMPTY;
      forgetHistory(key);
    }
  });
}

function keepTab(): void {
  try {
    sessionStorage.setItem(TAB_KEY, tab);
    localStorage.setItem(OPEN_PREFIX + tab, "open");
  } catch {
    // A disabled storage: drafts live as long as the page.
  }
}

interface StoredDraft {
  readonly name: string;
  readonly owner: string;
  readonly draft: Draft;
}

/** Return the drafts of a note that tabs have stored. Those of older pages have no owner. */
function readAll(key: string): StoredDraft[] {
  try {
    const names = Object.keys(localStorage).filter((name) => name === PREFIX + key || name.startsWith(`${PREFIX}${key}@`));
    return names.map((name) => {
      // JSON has no undefined: a missing frame is one.
      const values = JSON.parse(localStorage.getItem(name) ?? "{}") as Partial<Draft>;
      return { name, owner: name.slice(PREFIX.length + key.length + 1), draft: { ...EMPTY, ...values } };
    });
  } catch {
    return []; // The browser keeps nothing, or something else: the page works without.
  }
}

function readOther(key: string): StoredDraft | null {
  return readAll(key).find(({ owner, draft }) => owner !== tab && !isEmpty(draft)) ?? null;
}

/** Return this tab's draft, or that of a closed tab, which becomes this tab's. */
function load(key: string): Draft {
  const all = readAll(key);
  const isClosed = ({ owner }: StoredDraft): boolean => stored("localStorage", OPEN_PREFIX + owner) === null;
  const found = all.find(({ owner }) => owner === tab) ?? all.find(isClosed);
  if (found === undefined) return EMPTY;
  if (found.owner !== tab) {
    store(found.name, EMPTY);
    save(key, found.draft);
  }
  return found.draft;
}

function save(key: string, draft: Draft): void {
  store(`${PREFIX}${key}@${tab}`, draft);
}

function store(name: string, draft: Draft): void {
  try {
    if (isEmpty(draft)) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(draft));
  } catch {
    // A full or disabled storage: the draft lives as long as the page.
  }
}

function stored(storage: "localStorage" | "sessionStorage", name: string): string | null {
  try {
    return window[storage].getItem(name);
  } catch {
    return null;
  }
}

/** Return a random UUID. Pages without HTTPS do not have `crypto.randomUUID`. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The state of the page that the panels show, as signals. */

import { batch, computed, signal } from "@preact/signals";

import type { Change, Details, Entry, Note, Person, Position, PresentationState, Review, Summary, Verdict } from "./model";
import { NO_STROKES, type LiveStrokes } from "./present/live_strokes";

export const review = signal<Review | null>(null);
/** The id of the selected version. */
export const currentId = signal<string | null>(null);
/** The versions that are selected to be decided together. */
export const selectedIds = signal<ReadonlySet<string>>(new Set());
/** The shot's number of the frame on the screen, or null if frames have no numbers. */
export const shownFrame = signal<number | null>(null);
/** Whether the pointer draws on the image. */
export const isDrawing = signal(false);
export const people = signal<readonly Person[]>([]);
/** The number of open pages; visitors with the shared link get no names. */
export const peopleCount = signal(0);
export const presenter = signal<number | null>(null);
export const presentation = signal<PresentationState>({});
/** The number of this page among the people, or null without a live connection. */
export const ownPage = signal<number | null>(null);
/** The page shows what the presenter shows, if there is one. */
export const isFollowing = signal(false);
export const isPresenting = computed(() => presenter.value !== null && presenter.value === ownPage.value);
/** The presenter's pointer on the image, and unsent drawing. */
export const pointer = signal<Position | null>(null);
export const liveStrokes = signal<LiveStrokes>(NO_STROKES);

/** The details that were read, by the ids of their versions. */
export const allDetails = signal<ReadonlyMap<string, Details>>(new Map());

interface Recent {
  /** The last change of each note: its commit, and the note, or null if it was deleted. */
  readonly notes: Map<string, { readonly commit: number; readonly note: Note | null }>;
  statuses: { readonly commit: number; readonly list: readonly Verdict[] } | null;
}

const recentById = new Map<string, Recent>();
const summaries = new Map<string, { readonly commit: number; readonly summary: Summary }>();

export const current = computed<Entry | null>(
  () => review.value?.entries.find(({ id }) => id === currentId.value) ?? null,
);
/** The details of the selected version, or null until they are read. */
export const details = computed<Details | null>(() => allDetails.value.get(currentId.value ?? "") ?? null);
export const mayComment = computed(() => may("comment"));
export const mayDraw = computed(() => may("draw"));
export const mayDecide = computed(() => may("decide"));
/** Whether the visitor may change the session itself. */
export const mayEdit = computed(() => may("edit"));
/** Whether the visitor may write or draw notes. */
export const mayWrite = computed(() => mayComment.value || mayDraw.value);
export const ownStatus = computed(
  () => details.value?.statuses.find(({ author_id }) => author_id === review.value?.visitor_id)?.status ?? null,
);

function may(right: string): boolean {
  return review.value?.visitor != null && review.value.rights.includes(right);
}

/** Return the details of a version if they were read. */
export function knownDetails(id: string): Details | undefined {
  return allDetails.peek().get(id);
}

/** Take over the list of versions, unless a newer one is known. */
export function setReview(found: Review): void {
  if (review.peek() !== null && found.commit < (review.peek()?.commit ?? 0)) return;
  const entries = found.entries.map((entry) => {
    const newer = summaries.get(entry.id);
    return newer !== undefined && newer.commit > found.commit ? withSummary(entry, newer.summary) : entry;
  });
  review.value = { ...found, entries };
}

/** Put the versions of the list into this order of their ids. */
export function setOrder(ids: readonly string[]): void {
  const found = review.peek();
  if (found === null) return;
  const byId = new Map(found.entries.map((entry) => [entry.id, entry]));
  const ordered = ids.flatMap((id) => byId.get(id) ?? []);
  const rest = found.entries.filter(({ id }) => !ids.includes(id));
  review.value = { ...found, entries: [...ordered, ...rest] };
}

/** Forget numbers of commits: a restarted server counts from the beginning. */
export function forgetCommits(): void {
  recentById.clear();
  summaries.clear();
  const found = review.peek();
  if (found !== null) review.value = { ...found, commit: 0 };
  allDetails.value = new Map([...allDetails.peek()].map(([id, each]) => [id, { ...each, commit: 0 }]));
}

/** Take over the details of a version; changes that were made after they were read are kept. */
export function setDetails(found: Details): void {
  const known = allDetails.peek().get(found.id);
  if (known !== undefined && found.commit < known.commit) return;
  const recent = recentById.get(found.id);
  const notes = new Map(found.notes.map((note) => [note.id, note]));
  for (const [id, { commit, note }] of recent?.notes ?? []) {
    if (commit <= found.commit) continue;
    if (note === null) notes.delete(id);
    else notes.set(id, note);
  }
  const isNewer = recent?.statuses != null && recent.statuses.commit > found.commit;
  const statuses = isNewer && recent.statuses !== null ? recent.statuses.list : found.statuses;
  store({ ...found, notes: [...notes.values()], statuses });
}

/** A number that grows when notes on other versions of the selected one's asset have changed. */
export const earlierChanges = signal(0);

/** Count a change of notes on this version, unless it concerns another asset or the selected version itself. */
function countEarlierChange(id: string): void {
  const [entry, selected] = [id, currentId.peek()].map((each) => review.peek()?.entries.find((found) => found.id === each));
  if (entry !== selected && entry?.stack !== undefined && entry.stack === selected?.stack) earlierChanges.value += 1;
}

/** Take over a change, unless newer data is known. */
export function applyChange(change: Change): void {
  countEarlierChange(change.entry);
  const recent = recentById.get(change.entry) ?? { notes: new Map(), statuses: null };
  recentById.set(change.entry, recent);
  const found = allDetails.peek().get(change.entry);
  const notes = new Map((found?.notes ?? []).map((note) => [note.id, note]));
  const isNewer = (id: string): boolean => change.commit >= (recent.notes.get(id)?.commit ?? found?.commit ?? 0);
  for (const note of change.notes) {
    if (!isNewer(note.id)) continue;
    notes.set(note.id, note);
    recent.notes.set(note.id, { commit: change.commit, note });
  }
  for (const id of change.removed) {
    if (!isNewer(id)) continue;
    notes.delete(id);
    recent.notes.set(id, { commit: change.commit, note: null });
  }
  const hasNewStatuses = change.commit >= (recent.statuses?.commit ?? found?.commit ?? 0);
  if (hasNewStatuses) recent.statuses = { commit: change.commit, list: change.statuses };
  batch(() => {
    if (found !== undefined) {
      store({ ...found, notes: [...notes.values()], statuses: hasNewStatuses ? change.statuses : found.statuses });
    }
    if (hasNewStatuses) applySummary(change);
  });
}

function applySummary({ entry: id, commit, summary }: Change): void {
  const found = review.peek();
  if (found === null || commit < (summaries.get(id)?.commit ?? found.commit)) return;
  summaries.set(id, { commit, summary });
  review.value = { ...found, entries: found.entries.map((each) => (each.id === id ? withSummary(each, summary) : each)) };
}

function withSummary(entry: Entry, summary: Summary): Entry {
  const { notes: _notes, open: _open, verdicts: _verdicts, ...rest } = entry;
  return { ...rest, ...summary };
}

function store(found: Details): void {
  allDetails.value = new Map(allDetails.peek()).set(found.id, found);
}

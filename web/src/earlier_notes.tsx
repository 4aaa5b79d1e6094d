/** Notes on earlier versions of the asset, open ones first. */

import { computed, effect, signal } from "@preact/signals";
import type { JSX } from "preact";

import { AddressedLabel, Icon, type PageActions } from "./elements";
import { formatVersion } from "./format";
import type { EarlierVersion, Note } from "./model";
import { MentionedText } from "./mentions";
import { NoteFiles } from "./note_files";
import { postAddressed, readEarlier } from "./server";
import { current, details, earlierChanges, mayComment, review } from "./store";

/** Changes that follow each other are read together. */
const READ_DELAY_MS = 300;

interface EarlierNote extends Note {
  readonly version: EarlierVersion;
}

const isShown = signal(false);
const versions = signal<readonly EarlierVersion[]>([]);
const readFor = signal<string | null>(null);
const failure = signal("");

/** The selected version, and the state of the list; not the numbers of notes, which change often. */
const selected = computed(() => {
  const entry = current.value;
  return entry === null || entry.version < 2 ? "" : `${entry.id} ${review.value?.commit ?? 0} ${String(isShown.value)}`;
});

effect(() => {
  const [id] = selected.value.split(" ");
  if (id === undefined || id === "") versions.value = [];
  else void read(id);
});

effect(() => {
  const id = current.peek()?.id;
  if (earlierChanges.value === 0 || id === undefined || (current.peek()?.version ?? 0) < 2) return;
  const timer = window.setTimeout(() => void read(id), READ_DELAY_MS);
  return () => window.clearTimeout(timer);
});

async function read(id: string): Promise<void> {
  const answer = await readEarlier(id);
  if (typeof answer === "string" || id !== current.peek()?.id) return;
  readFor.value = id;
  versions.value = answer.versions;
}

function isOpen(note: Note): boolean {
  return note.done === null && note.addressed_in === null;
}

export function EarlierNotes({ actions }: { readonly actions: PageActions }): JSX.Element | null {
  if (readFor.value !== current.value?.id) return null;
  const notes = versions.value.flatMap((version) =>
    version.notes.filter(({ in_reply_to: parent }) => parent === null).map((note): EarlierNote => ({ ...note, version })),
  );
  if (notes.length === 0) return null;
  const open = notes.filter(isOpen);
  const sorted = [...open, ...notes.filter((note) => !isOpen(note))];
  return (
    <section class="earlier" aria-label="Notes of earlier versions">
      <button
        type="button"
        id="show-earlier"
        class="text-button"
        aria-expanded={isShown.value}
        onClick={() => (isShown.value = !isShown.value)}
      >
        Notes of earlier versions: {open.length} open of {notes.length}
      </button>
      {failure.value !== "" && <p class="note-error" role="alert">{failure}</p>}
      {isShown.value && (
        <ol id="earlier-notes" class="notes">
          {sorted.map((note) => (
            <EarlierItem key={note.id} note={note} actions={actions} />
          ))}
        </ol>
      )}
    </section>
  );
}

function EarlierItem({ note, actions }: { readonly note: EarlierNote; readonly actions: PageActions }): JSX.Element {
  const { frame, version } = note;
  const entry = current.value;
  const address = async (): Promise<void> => {
    if (entry === null) return;
    const answer = await postAddressed(note.id, entry.id);
    failure.value = typeof answer === "string" ? `Not marked: ${answer}` : "";
    void read(entry.id);
  };
  return (
    <li class="note" data-id={note.id} data-done={String(!isOpen(note))}>
      <div class="note-head">
        <span class="note-author">{note.author}</span>
        <span class="note-date">
          v{version.version}
          {version.session !== review.value?.name && ` · ${version.session}`}
        </span>
      </div>
      <div class="note-facts">
        {frame !== null && details.value?.film != null && (
          <button type="button" class="note-frame" onClick={() => actions.goTo(frame)}>
            <Icon name={note.drawing.length > 0 ? "pen" : "movie"} />
            Frame {frame}
          </button>
        )}
        {note.done !== null && <span class="note-label">Done</span>}
        <AddressedLabel note={note} actions={actions} />
      </div>
      {note.content !== "" && (
        <p class="note-content">
          <MentionedText text={note.content} mentions={note.mentions} />
        </p>
      )}
      <NoteFiles files={version.session === review.value?.name ? note.files : []} />
      {mayComment.value && isOpen(note) && entry !== null && (
        <div class="note-actions">
          <button type="button" class="note-address" onClick={() => void address()}>
            Addressed in {formatVersion(entry)}
          </button>
        </div>
      )}
    </li>
  );
}

/** The notes on the selected version, as threads. */

import { computed, effect, signal, untracked, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { EarlierNotes } from "./earlier_notes";
import { MentionedText } from "./mentions";
import { NoteFiles } from "./note_files";
import { changeDraft, clearDraft, draftOf, isEmpty, newId, removeSent } from "./drafts";
import { Action, AddressedLabel, Icon, Time, type PageActions } from "./elements";
import type { Change, Note } from "./model";
import { postDelete, postDone, postEdit, postNote } from "./server";
import { applyChange, current, details, mayComment, review, shownFrame } from "./store";

const FILTERS = { all: "All", open: "Open", mine: "Mine", drawn: "Drawn", done: "Done" } as const;
type Filter = keyof typeof FILTERS;
/** Notes beyond this number are shown on demand: a thousand of them on one frame must not slow the page down. */
const MAX_SHOWN = 100;

const filter = signal<Filter>("all");
const shownCount = signal(MAX_SHOWN);
/** The note that is replied to or edited, by its id. */
const replying = signal<string | null>(null);
const editing = signal<string | null>(null);
const failure = signal<{ readonly note: string; readonly text: string } | null>(null);
/** The note that was sent last on this page. */
const sentId = signal<string | null>(null);

const repliesOf = computed(() => {
  const notes = details.value?.notes ?? [];
  const ids = new Set(notes.map(({ id }) => id));
  const found = new Map<string | null, Note[]>();
  for (const note of notes) {
    const parent = note.in_reply_to !== null && ids.has(note.in_reply_to) ? note.in_reply_to : null;
    found.set(parent, [...(found.get(parent) ?? []), note]);
  }
  return found;
});

const threads = computed(() => {
  const isShown: Record<Filter, (note: Note) => boolean> = {
    all: () => true,
    open: (note) => note.done === null,
    mine: isOwn,
    drawn: (note) => note.drawing.length > 0,
    done: (note) => note.done !== null,
  };
  return (repliesOf.value.get(null) ?? []).filter(isShown[filter.value]);
});

/** Scroll to a note that was sent, and mark it. A filter that hides it is removed. */
export function showNote(id: string): void {
  sentId.value = id;
  if (!threads.peek().some((note) => note.id === id)) filter.value = "all";
  // After the note was rendered.
  requestAnimationFrame(() => document.querySelector(`#notes > [data-id="${id}"]`)?.scrollIntoView({ block: "nearest" }));
}

function isOwn(note: Note): boolean {
  return note.author_id !== null && note.author_id === review.value?.author_id;
}

/** The version whose note is replied to or edited. */
let openedOn: string | null = null;

effect(() => {
  const found = details.value;
  if (found === null || found.id !== openedOn) return;
  for (const [opened, kind] of [[replying, "reply"], [editing, "edit"]] as const) {
    const id = opened.value;
    if (id !== null && !found.notes.some((note) => note.id === id)) untracked(() => keepText(found.id, opened, `${kind}/${id}`));
  }
});

/** Move what was written about a note that another person has deleted into the form for new notes. */
function keepText(version: string, opened: Signal<string | null>, key: string): void {
  const { text } = draftOf(key).peek();
  opened.value = null;
  if (text.trim() === "") return;
  const before = draftOf(version).peek().text;
  changeDraft(version, { text: before.trim() === "" ? text : `${before}\n${text}`, frame: draftOf(version).peek().frame ?? null });
  clearDraft(key);
}

function open(signalOfNote: Signal<string | null>, note: Note): void {
  openedOn = current.peek()?.id ?? null;
  signalOfNote.value = note.id;
}

/** Return whether the note belongs to the frame on the screen. */
function isAtFrame({ frame, end_frame }: Note): boolean {
  const shown = shownFrame.value;
  return shown !== null && frame !== null && shown >= frame && shown <= (end_frame ?? frame);
}

/** Run a request about a note, and show its failure at the note. */
async function run(note: string, request: Promise<Change | string>): Promise<boolean> {
  const answer = await request;
  failure.value = typeof answer === "string" ? { note, text: answer } : null;
  if (typeof answer !== "string") applyChange(answer);
  return typeof answer !== "string";
}

export function NoteList({ actions }: { readonly actions: PageActions }): JSX.Element {
  const count = details.value?.notes.length ?? 0;
  const shown = threads.value.slice(-shownCount.value);
  return (
    <>
      <h2 class="notes-title">
        Notes <span id="note-count" class="count">{count}</span>
      </h2>
      {count > 1 && (
        <div class="note-filters" role="group" aria-label="Show these notes">
          {(Object.keys(FILTERS) as Filter[]).map((each) => (
            <button key={each} type="button" aria-pressed={filter.value === each} onClick={() => (filter.value = each)}>
              {FILTERS[each]}
            </button>
          ))}
        </div>
      )}
      {details.value !== null && threads.value.length === 0 && (
        <p id="no-notes" class="quiet">
          {count === 0 ? "No notes yet." : "No notes match this filter."}
        </p>
      )}
      {shown.length < threads.value.length && (
        <Action onClick={() => (shownCount.value += MAX_SHOWN)}>Show {threads.value.length - shown.length} earlier notes</Action>
      )}
      <ol id="notes" class="notes">
        {shown.map((note) => (
          <NoteItem key={note.id} note={note} actions={actions} />
        ))}
      </ol>
      <EarlierNotes actions={actions} />
    </>
  );
}

function NoteItem({ note, actions }: { readonly note: Note; readonly actions: PageActions }): JSX.Element {
  const { frame } = note;
  const replies = repliesOf.value.get(note.id) ?? [];
  const goTo = (event: MouseEvent): void => {
    const isControl = event.target instanceof Element && event.target.closest("button, a, textarea") !== null;
    if (frame !== null && !isControl && window.getSelection()?.isCollapsed !== false) actions.goTo(frame);
    event.stopPropagation();
  };
  return (
    <li
      class="note"
      data-id={note.id}
      data-done={String(note.done !== null)}
      data-at-frame={String(isAtFrame(note))}
      data-sent={note.id === sentId.value ? "true" : undefined}
      onClick={goTo}
    >
      <div class="note-head">
        <span class="note-author">{note.author}</span>
        {note.is_guest && <span class="note-guest">Guest</span>}
        {note.date !== null && <Time iso={note.date} class="note-date" />}
      </div>
      <div class="note-facts">
        <FrameChip note={note} actions={actions} />
        {note.labels.map((id) => {
          const label = review.value?.labels.find((each) => each.id === id);
          return label && <span key={id} class="note-label">{label.name}</span>;
        })}
        <AddressedLabel note={note} actions={actions} />
      </div>
      {editing.value === note.id ? <EditForm note={note} /> : note.content !== "" && <Content note={note} />}
      <NoteFiles files={note.files} />
      {failure.value?.note === note.id && (
        <p class="note-error" role="alert">
          {failure.value.text}
        </p>
      )}
      {mayComment.value && editing.value !== note.id && <NoteActions note={note} hasReplies={replies.length > 0} />}
      {replies.length > 0 && (
        <ol class="replies">
          {replies.map((reply) => (
            <NoteItem key={reply.id} note={reply} actions={actions} />
          ))}
        </ol>
      )}
      {replying.value === note.id && <ReplyForm note={note} />}
    </li>
  );
}

function Content({ note }: { readonly note: Note }): JSX.Element {
  return (
    <p class="note-content">
      <MentionedText text={note.content} mentions={note.mentions} />
      {note.edited !== null && <span class="note-edited"> edited</span>}
    </p>
  );
}

function FrameChip({ note, actions }: { readonly note: Note; readonly actions: PageActions }): JSX.Element | null {
  const { frame, end_frame: end } = note;
  const isDrawn = note.drawing.length > 0;
  if (details.value?.film === null) {
    // A still has one frame only, and a note without text would be empty.
    if (!isDrawn) return null;
    return (
      <span class="note-frame">
        <Icon name="pen" />
        Drawing
      </span>
    );
  }
  if (frame === null) return null;
  return (
    <button type="button" class="note-frame" onClick={() => actions.goTo(frame)}>
      <Icon name={isDrawn ? "pen" : "movie"} />
      {end === null ? `Frame ${frame}` : `Frames ${frame}–${end}`}
    </button>
  );
}

function NoteActions({ note, hasReplies }: { readonly note: Note; readonly hasReplies: boolean }): JSX.Element {
  const remove = (): void => {
    if (window.confirm("Delete this note and its drawing?")) void run(note.id, postDelete(note.id));
  };
  return (
    <div class="note-actions">
      {note.in_reply_to === null && (
        <>
          <button type="button" class="note-reply" onClick={() => open(replying, note)}>
            Reply
          </button>
          <button type="button" class="note-done" onClick={() => void run(note.id, postDone(note.id, note.done === null))}>
            {note.done === null ? "Mark as done" : "Reopen"}
          </button>
        </>
      )}
      {isOwn(note) && (
        <>
          <button type="button" class="note-edit" onClick={() => open(editing, note)}>
            Edit
          </button>
          {!hasReplies && (
            <button type="button" class="note-delete" onClick={remove}>
              Delete
            </button>
          )}
        </>
      )}
      {note.done !== null && note.done_by !== null && <span class="quiet">Done by {note.done_by}</span>}
    </div>
  );
}

function ReplyForm({ note }: { readonly note: Note }): JSX.Element {
  const key = `reply/${note.id}`;
  const draft = draftOf(key).value;
  const send = async (): Promise<void> => {
    const id = draft.ids["reply"] ?? newId();
    changeDraft(key, { ids: { reply: id } });
    const payload = { object: current.peek()?.id ?? "", id, content: draft.text, frame: null, drawing: [] };
    if (await run(note.id, postNote({ ...payload, in_reply_to: note.id }))) {
      removeSent(key, { text: payload.content, frame: null, shapes: [], files: [] });
      if (isEmpty(draftOf(key).peek()) && replying.peek() === note.id) replying.value = null;
    }
  };
  return (
    <TextForm
      label="Your reply"
      button="Reply"
      text={draft.text}
      onInput={(text) => changeDraft(key, { text })}
      onSend={() => void send()}
      onCancel={() => (replying.value = null)}
    />
  );
}

function EditForm({ note }: { readonly note: Note }): JSX.Element {
  const key = `edit/${note.id}`;
  const draft = draftOf(key).value;
  // The text when the edit began: somebody else may change the note meanwhile.
  const previous = useRef(note.content);
  const isEdited = useRef(draft.text !== "");
  const text = isEdited.current ? draft.text : note.content;
  const isConflict = failure.value?.note === note.id && note.content !== previous.current;
  const save = async (): Promise<void> => {
    if (!(await run(note.id, postEdit(note.id, failure.peek()?.note === note.id ? note.content : previous.current, text)))) return;
    // What was written while the request was under way stays.
    previous.current = text;
    if (isEdited.current && draftOf(key).peek().text !== text) return;
    clearDraft(key);
    if (editing.peek() === note.id) editing.value = null;
  };
  const cancel = (): void => {
    clearDraft(key);
    editing.value = failure.value = null;
  };
  return (
    <>
      {isConflict && (
        <p class="note-conflict">
          <span class="quiet">The text of the note is now: </span>
          {note.content}
        </p>
      )}
      <TextForm
        label="Your note"
        button={isConflict ? "Replace it" : "Save"}
        text={text}
        onInput={(changed) => {
          isEdited.current = true;
          changeDraft(key, { text: changed });
        }}
        onSend={() => void save()}
        onCancel={cancel}
      />
    </>
  );
}

interface TextFormProps {
  readonly label: string;
  readonly button: string;
  readonly text: string;
  readonly onInput: (text: string) => void;
  readonly onSend: () => void;
  readonly onCancel: () => void;
}

function TextForm(props: TextFormProps): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) field.current?.form?.requestSubmit();
    if (event.key === "Escape") props.onCancel();
  };
  return (
    <form
      class="text-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (props.text.trim() !== "") props.onSend();
      }}
    >
      <textarea
        rows={2}
        maxLength={10_000}
        aria-label={props.label}
        value={props.text}
        ref={field}
        onInput={(event) => props.onInput(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="note-tools">
        <Action onClick={props.onCancel}>Cancel</Action>
        <button class="main-button" disabled={props.text.trim() === ""}>
          {props.button}
        </button>
      </div>
    </form>
  );
}

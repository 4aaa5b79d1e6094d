/** The form for a new note, fixed at the bottom of the panel. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";

import { attachAll, AttachButton, DraftFiles, isAttaching } from "./note_files";
import { handleMentionKey, MentionList, searchPeople, stopMention } from "./mentions";
import { changeDraft, draftOf, drawnFrames, isEmpty, newId, otherDraftOf, redo, removeSent, takeOther, undo, type Draft } from "./drafts";
import { Action, Dropdown, Icon, type PageActions } from "./elements";
import { STILL_FRAME } from "./model";
import { postNote, type NotePayload } from "./server";
import { showNote } from "./note_list";
import { closeSheet, isSmall, showPanel } from "./phone";
import { applyChange, details, isDrawing, mayComment, mayDraw, review, shownFrame } from "./store";
import { DrawingTools } from "./tools";

const isSending = signal(false);
const error = signal("");
/** What was sent last, for some seconds. */
const sent = signal("");
const SENT_SHOWN_MS = 6_000;
let sentTimer = 0;

interface FormProps {
  readonly id: string;
  readonly actions: PageActions;
}

export function NoteForm({ id, actions }: FormProps): JSX.Element {
  const draft = draftOf(id).value;
  const frame = shownFrame.value;
  const field = useRef<HTMLTextAreaElement>(null);
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    void send(id, actions);
  };
  return (
    <form
      id="note-form"
      class="note-form"
      onSubmit={onSubmit}
      onDragOver={(event) => mayComment.value && event.preventDefault()}
      onDrop={(event) => attachAll(id, event.dataTransfer?.files, event)}
    >
      {error.value !== "" && (
        <p id="note-error" class="note-error" role="alert">
          {error}
        </p>
      )}
      <OtherDraft id={id} />
      {isSmall.value && (
        <div class="sheet-head">
          <FrameButton id={id} draft={draft} />
          <Labels id={id} draft={draft} />
          <ToolButton id="close-note" name="close" text="Close" onClick={closeSheet} />
        </div>
      )}
      {isSmall.value && <DrawingTools />}
      <label class="visually-hidden" for="note-text">
        Your note
      </label>
      <textarea
        id="note-text"
        ref={field}
        rows={2}
        maxLength={10_000}
        placeholder="Write a note (N), @ mentions people"
        value={draft.text}
        disabled={!mayComment.value}
        aria-autocomplete="list"
        aria-controls="mention-list"
        onInput={(event) => {
          onInput(id, draft, event.currentTarget.value, actions);
          searchPeople(event.currentTarget);
        }}
        onBlur={stopMention}
        onPaste={(event) => attachAll(id, event.clipboardData?.files, event)}
        onKeyDown={(event) => {
          if (handleMentionKey(event, id)) return;
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.currentTarget.form?.requestSubmit();
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
      <MentionList id={id} field={field} />
      <DraftFiles id={id} draft={draft} />
      <div class="note-tools">
        {!isSmall.value && <FrameButton id={id} draft={draft} />}
        {!isSmall.value && <Labels id={id} draft={draft} />}
        {mayComment.value && <AttachButton id={id} />}
        {frame !== null && (drawnFrames(draft).length > 0 || isDrawing.value) && (
          <>
            <ToolButton id="undo" name="undo" text="Undo (Ctrl+Z)" onClick={() => undo(id, frame)} />
            <ToolButton id="redo" name="redo" text="Redo (Ctrl+Shift+Z)" onClick={() => redo(id, frame)} />
          </>
        )}
        {mayDraw.value && (
          <button
            type="button"
            id="draw"
            class="tool"
            aria-pressed={isDrawing.value}
            aria-label="Draw on the image"
            title="Draw on the image (D)"
            disabled={frame === null}
            onClick={actions.toggleDrawing}
          >
            <Icon name="pen" />
          </button>
        )}
        <button
          id="send-note"
          class="main-button"
          title="Send (Ctrl+Enter)"
          disabled={isSending.value || isAttaching.value || isEmpty(draft)}
        >
          Send
        </button>
      </div>
      {!isEmpty(draft) && <p class="note-audience">{audienceOf(draft)}</p>}
    </form>
  );
}

/** What another open tab of the browser has written about the same version. */
function OtherDraft({ id }: { readonly id: string }): JSX.Element | null {
  const other = otherDraftOf(id).value;
  if (other === null) return null;
  return (
    <p id="other-draft" class="other-draft">
      <span>Unsent in another tab: {other.text.trim() === "" ? "a drawing or a file" : other.text}</span>
      <Action onClick={() => takeOther(id)}>Add it here</Action>
    </p>
  );
}

/** Return the sentence that says who will read the note. */
function audienceOf(draft: Draft): string {
  const { labels = [], is_user: isUser, is_moderated: isModerated } = review.value ?? {};
  const isInternal = labels.some((label) => label.is_internal && draft.labels.includes(label.id));
  if (isInternal || (isModerated && !isUser)) return "Only people of the studio will read this note.";
  return "The studio and everyone with a link to this review will read this note.";
}

/** Return the ids of the mentioned users whose names are still in the text. */
function mentionedIds(draft: Draft): string[] {
  return draft.mentions.filter(({ name }) => draft.text.includes(`@${name}`)).map(({ id }) => id);
}

function ToolButton(props: {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly onClick: () => void;
}): JSX.Element {
  return (
    <button type="button" id={props.id} class="tool" aria-label={props.text} title={props.text} onClick={props.onClick}>
      <Icon name={props.name} />
    </button>
  );
}

/** Shows the frame or range of the note; a click switches between the frame and the whole version. */
function FrameButton({ id, draft }: { readonly id: string; readonly draft: Draft }): JSX.Element | null {
  if (details.value?.film == null) return null;
  const frame = draft.frame === undefined ? shownFrame.value : draft.frame;
  const text = frame === null ? "Whole version" : draft.endFrame === null ? `Frame ${frame}` : `Frames ${frame}–${draft.endFrame}`;
  const isFixed = frame !== null && (draft.drawings[frame]?.length ?? 0) > 0;
  const onClick = (): void =>
    changeDraft(id, { frame: draft.frame === null ? shownFrame.peek() : null, endFrame: null });
  return (
    <button
      type="button"
      id="note-frame"
      class="note-frame"
      title="Attach the note to this frame or to the whole version. I and O set a range."
      disabled={shownFrame.value === null || isFixed}
      onClick={onClick}
    >
      {text}
    </button>
  );
}

function Labels({ id, draft }: { readonly id: string; readonly draft: Draft }): JSX.Element | null {
  const labels = review.value?.labels ?? [];
  if (labels.length === 0) return null;
  const chosen = labels.filter((label) => draft.labels.includes(label.id)).map(({ name }) => name);
  const toggle = (label: string, isOn: boolean): void =>
    changeDraft(id, { labels: [...draft.labels.filter((each) => each !== label), ...(isOn ? [label] : [])] });
  return (
    <Dropdown
      id="note-labels"
      class="note-labels"
      label={chosen.length === 0 ? "Labels of the note: none" : `Labels of the note: ${chosen.join(", ")}`}
      title={chosen.length === 0 ? "Label the note" : chosen.join(", ")}
      button={<span>{chosen.length === 0 ? "Labels" : chosen.length === 1 ? chosen[0] : `${chosen.length} labels`}</span>}
    >
      <ul aria-label="Labels">
        {labels.map((label) => (
          <li key={label.id}>
            <label>
              <input
                type="checkbox"
                checked={draft.labels.includes(label.id)}
                onChange={(event) => toggle(label.id, event.currentTarget.checked)}
              />
              {label.name}
            </label>
          </li>
        ))}
      </ul>
    </Dropdown>
  );
}

/** Take over the text. The first letter pauses the movie and sets the frame of the note. */
function onInput(id: string, draft: Draft, text: string, actions: PageActions): void {
  error.value = "";
  let { frame } = draft;
  if (frame === undefined && text !== "") {
    actions.pause();
    frame = shownFrame.peek();
  }
  if (text === "" && drawnFrames(draft).length === 0) frame = undefined;
  changeDraft(id, { text, frame });
}

/** Send the draft: a note with the text and the drawing of its frame, and a note for each other drawn frame. */
async function send(id: string, actions: PageActions): Promise<void> {
  const draft = draftOf(id).peek();
  if (isSending.peek() || isEmpty(draft)) return;
  const notes = payloads(id, draft, actions);
  changeDraft(id, { ids: Object.fromEntries(notes.map((note) => [String(note.frame), note.id])) });
  isSending.value = true;
  for (const note of notes) {
    const answer = await postNote(note);
    if (typeof answer === "string") {
      isSending.value = false;
      error.value = `Not sent: ${answer} Your text is still here.`;
      actions.refresh();
      return;
    }
    applyChange(answer);
    removeSent(id, { text: note.content, frame: note.frame, shapes: note.drawing, files: note.files ?? [] });
  }
  isSending.value = false;
  error.value = "";
  showPanel("notes");
  tellSent(notes.length === 1 ? "Your note was sent." : `Your ${notes.length} notes were sent.`);
  if (notes[0] !== undefined) showNote(notes[0].id);
}

function tellSent(text: string): void {
  clearTimeout(sentTimer);
  sent.value = text;
  sentTimer = window.setTimeout(() => (sent.value = ""), SENT_SHOWN_MS);
}

/** Says that a note was sent. The element stays, because screen readers read only what changes in it. */
export function SentStatus(): JSX.Element {
  return (
    <p id="sent" class="sent" role="status">
      {sent.value !== "" && <Icon name="approved" />}
      {sent}
    </p>
  );
}

function payloads(id: string, draft: Draft, actions: PageActions): NotePayload[] {
  const textFrame = draft.frame === undefined ? shownFrame.peek() : draft.frame;
  const drawn = drawnFrames(draft);
  const isStill = details.peek()?.film == null;
  const payload = (frame: number | null, content: string): NotePayload => ({
    object: id,
    id: draft.ids[String(frame)] ?? newId(),
    content,
    frame,
    end_frame: frame === textFrame && content !== "" ? draft.endFrame : null,
    drawing: frame === null ? [] : (draft.drawings[frame] ?? []),
    drawing_end: frame === null || isStill || draft.hold < 2 ? null : frame + draft.hold - 1,
    aspect: actions.aspect(),
    labels: draft.labels,
    mentions: content === "" ? [] : mentionedIds(draft),
  });
  const notes = drawn.map((frame) => payload(frame, frame === textFrame ? draft.text : ""));
  const hasOwnNote = textFrame !== null && drawn.includes(textFrame);
  const isWithoutText = draft.text.trim() === "" && (notes.length > 0 || draft.files.length === 0);
  const all = hasOwnNote || isWithoutText ? notes : [payload(isStill ? STILL_FRAME : textFrame, draft.text), ...notes];
  // The files belong to the note with the text.
  const main = all.find(({ content }) => content !== "") ?? all[0];
  return all.map((note) => (note === main ? { ...note, files: draft.files.map(({ token }) => token) } : note));
}

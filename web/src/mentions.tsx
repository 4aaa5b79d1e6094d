/** Mentions of users in a note: suggestions while "@" and a name are written, and their look in a note. */

import { computed, signal } from "@preact/signals";
import { Fragment, type JSX, type RefObject } from "preact";

import { changeDraft, draftOf } from "./drafts";
import type { User } from "./model";
import { readPeople } from "./server";

const MAX_SHOWN = 6;
/** An "@" at the start of a word, and what was written after it up to the cursor. */
const MENTION = /(?:^|\s)@([^\s@]*(?: [^\s@]*)?)$/u;

const users = signal<readonly User[] | null>(null);
/** What was written after the "@" at the cursor, or null without one. */
const searched = signal<string | null>(null);
const activeIndex = signal(0);
let fieldInUse: HTMLTextAreaElement | null = null;

const found = computed<readonly User[]>(() => {
  const text = searched.value?.toLowerCase();
  if (text === undefined) return [];
  const matches = (users.value ?? []).filter(({ name }) =>
    name.toLowerCase().startsWith(text) || name.toLowerCase().split(" ").some((part) => part.startsWith(text)),
  );
  return matches.slice(0, MAX_SHOWN);
});

/** Suggest users for the name at the cursor. */
export function searchPeople(field: HTMLTextAreaElement): void {
  fieldInUse = field;
  searched.value = MENTION.exec(field.value.slice(0, field.selectionStart))?.[1] ?? null;
  activeIndex.value = 0;
  if (searched.peek() === null || users.peek() !== null) return;
  void readPeople().then((answer) => {
    if (typeof answer !== "string") users.value = answer;
  });
}

export function stopMention(): void {
  searched.value = null;
}

/** Handle a key of the list of suggestions. Return whether it was one. */
export function handleMentionKey(event: KeyboardEvent, id: string): boolean {
  const count = found.peek().length;
  if (count === 0 || event.isComposing) return false;
  const active = found.peek()[activeIndex.peek()];
  if (event.key === "ArrowDown") activeIndex.value = (activeIndex.peek() + 1) % count;
  else if (event.key === "ArrowUp") activeIndex.value = (activeIndex.peek() + count - 1) % count;
  else if (event.key === "Escape") stopMention();
  else if ((event.key === "Enter" || event.key === "Tab") && !event.ctrlKey && !event.metaKey && active) insert(id, active);
  else return false;
  event.preventDefault();
  return true;
}

function insert(id: string, user: User): void {
  const field = fieldInUse;
  if (field === null || searched.peek() === null) return;
  const end = field.selectionStart;
  const start = end - (searched.peek()?.length ?? 0);
  const text = `${field.value.slice(0, start)}${user.name} ${field.value.slice(end).replace(/^ /, "")}`;
  const { mentions } = draftOf(id).peek();
  changeDraft(id, { text, mentions: [...mentions.filter((each) => each.id !== user.id), user] });
  stopMention();
  // After the text was rendered.
  requestAnimationFrame(() => {
    field.focus();
    field.selectionStart = field.selectionEnd = start + user.name.length + 1;
  });
}

export function MentionList(props: {
  readonly id: string;
  readonly field: RefObject<HTMLTextAreaElement | null>;
}): JSX.Element {
  return (
    <ul id="mention-list" class="mention-list" role="listbox" aria-label="People" hidden={found.value.length === 0}>
      {found.value.map((user, index) => (
        <li
          key={user.id}
          role="option"
          aria-selected={index === activeIndex.value}
          // The text field must keep the focus.
          onMouseDown={(event) => {
            event.preventDefault();
            fieldInUse = props.field.current;
            insert(props.id, user);
          }}
        >
          {user.name}
        </li>
      ))}
    </ul>
  );
}

/** A text whose mentions are marked. */
export function MentionedText({ text, mentions }: { readonly text: string; readonly mentions: readonly string[] }): JSX.Element {
  const longest = [...mentions].filter((each) => each !== "").sort((one, other) => other.length - one.length);
  if (longest.length === 0) return <>{text}</>;
  const pattern = new RegExp(`(${longest.map((each) => each.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gu");
  return (
    <>
      {text.split(pattern).map((part, index) => (
        <Fragment key={index}>{longest.includes(part) ? <strong class="mention">{part}</strong> : part}</Fragment>
      ))}
    </>
  );
}

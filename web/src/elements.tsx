/** Small elements that several panels use. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { formatTime } from "./format";
import type { Note } from "./model";

/** What the panels do with the player and the page. */
export interface PageActions {
  readonly select: (id: string) => void;
  readonly goTo: (frame: number) => void;
  readonly pause: () => void;
  readonly toggleDrawing: () => void;
  /** Read the session again, after the server has refused something: the visitor's rights may have changed. */
  readonly refresh: () => void;
  /** Width and height of the image in its own pixels, or null before it is loaded. */
  readonly aspect: () => readonly [number, number] | null;
}

/** An icon from a symbol in the page's HTML. */
export function Icon({ name }: { readonly name: string }): JSX.Element {
  return (
    <svg class="icon" aria-hidden="true">
      <use href={`#icon-${name}`} />
    </svg>
  );
}

/** A date and time in the reader's language and time zone. */
export function Time(props: { readonly iso: string; readonly class?: string; readonly full?: boolean }): JSX.Element {
  return (
    <time class={props.class} dateTime={props.iso}>
      {formatTime(props.iso, props.full)}
    </time>
  );
}

interface ActionProps {
  readonly id?: string;
  /** On what the button acts, where its text does not say it. */
  readonly name?: string;
  readonly onClick: () => unknown;
  readonly children: ComponentChildren;
}

/** A button of a list or dialog. */
export function Action({ id, name, onClick, children }: ActionProps): JSX.Element {
  return <button type="button" id={id} class="text-button" aria-label={name} onClick={() => void onClick()}>{children}</button>;
}

/** The options of a list of choices: values with what is shown. */
export function Options({ of }: { readonly of: readonly (readonly [value: string | number, text: string])[] }): JSX.Element {
  return <>{of.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</>;
}

/** The version that answers a note, as a link if it is in the session. */
export function AddressedLabel({ note, actions }: { readonly note: Note; readonly actions: PageActions }): JSX.Element | null {
  const { addressed_in: version, addressed_entry: entry } = note;
  if (version === null) return null;
  const text = `Addressed in ${version}`;
  return entry === null ? (
    <span class="note-label note-addressed">{text}</span>
  ) : (
    <button type="button" class="note-label note-addressed" onClick={() => actions.select(entry)}>
      {text}
    </button>
  );
}

interface DropdownProps {
  readonly id: string;
  readonly class: string;
  /** The name of the button for a screen reader. */
  readonly label: string;
  readonly title: string;
  /** What the button shows. */
  readonly button: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A button that opens a list below or above it. Escape, and a click or the focus elsewhere, close it. */
export function Dropdown(props: DropdownProps): JSX.Element {
  const root = useRef<HTMLDetailsElement>(null);
  const close = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || root.current?.open !== true) return;
    root.current.open = false;
    root.current.querySelector("summary")?.focus();
    event.stopPropagation();
  };
  useEffect(() => {
    // A click on what takes no focus, such as the movie, is not in `focusout`.
    const closeOutside = (event: PointerEvent): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) === false) root.current.open = false;
    };
    document.addEventListener("pointerdown", closeOutside);
    return () => document.removeEventListener("pointerdown", closeOutside);
  }, []);
  return (
    <details
      class={`dropdown ${props.class}`}
      ref={root}
      onKeyDown={close}
      onFocusOut={(event) => {
        const isInside = event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget);
        if (!isInside && event.relatedTarget !== null) event.currentTarget.open = false;
      }}
    >
      <summary id={props.id} aria-label={props.label} title={props.title}>
        {props.button}
      </summary>
      {props.children}
    </details>
  );
}

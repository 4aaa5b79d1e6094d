/** The frame of every page: navigation, messages and dialogs. */

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Action } from "../elements";
import { Refused, root, type User } from "./api";
import { KeysButton, KeysDialog } from "./keys";
import { SessionsButton, SessionsDialog } from "./sessions";
import { UploadStatus } from "./upload_status";

interface Message {
  readonly kind: "done" | "failed";
  readonly text: string;
}

const message = signal<Message | null>(null);

/** Run a task; show its reason when it fails, and a text when it succeeds. Return whether it succeeded. */
export async function attempt(task: () => Promise<unknown>, done = ""): Promise<boolean> {
  try {
    await task();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    message.value = { kind: "failed", text: error.message };
    return false;
  }
  if (done !== "") message.value = { kind: "done", text: done };
  return true;
}

/** Return the reason of the last failure while it is shown. */
export const shownFailure = (): string => (message.peek()?.kind === "failed" ? (message.peek()?.text ?? "") : "");

/** Show the text of a task that has succeeded. */
export function showDone(text: string): void {
  message.value = { kind: "done", text };
}

export function Page(props: { view: string; title: string; user: User; children: ComponentChildren }) {
  document.title = `${props.title} · ft-dcc`;
  const link = (view: string, path: string, name: string) => (
    <a href={`${root()}${path}` || "./"} aria-current={props.view === view ? "page" : undefined}>
      {name}
    </a>
  );
  return (
    <>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="top">
        <nav aria-label="Studio">
          {link("reviews", "", "Reviews")}
          {link("projects", "projects", "Projects")}
          {props.user.is_administrator && link("administration", "administration", "Administration")}
        </nav>
        <form method="post" action={`${root()}user/sign_out`} class="account">
          <span>{props.user.name}</span>
          <KeysButton />
          <SessionsButton />
          <button class="text-button">Sign out</button>
        </form>
      </header>
      <main id="main" tabIndex={-1}>
        <Notice />
        <UploadStatus />
        {props.children}
        <KeysDialog />
        <SessionsDialog />
      </main>
    </>
  );
}

function Notice() {
  const shown = message.value;
  return (
    <div role="status" aria-live="polite" class="notices">
      {shown !== null && (
        <p class={`notice ${shown.kind}`}>
          <span>{shown.text}</span>
          <Action onClick={() => (message.value = null)}>Dismiss</Action>
        </p>
      )}
    </div>
  );
}

/** A modal dialog that is open for as long as it is rendered. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    // The reason of an earlier failure is none of this dialog.
    if (message.value?.kind === "failed") message.value = null;
    element.current?.showModal();
  }, []);
  return (
    <dialog
      ref={element}
      class={props.wide ? "wide" : ""}
      aria-labelledby="dialog-title"
      onClose={props.onClose}
    >
      <header>
        <h2 id="dialog-title">{props.title}</h2>
        <Action onClick={() => element.current?.close()}>Close</Action>
      </header>
      <Notice />
      <UploadStatus />
      {props.children}
    </dialog>
  );
}

/** A form that calls `onSend` with its fields, and disables its button while the request runs. */
export function Form(props: {
  send: string;
  onSend: (fields: Record<string, string>) => Promise<unknown>;
  children: ComponentChildren;
}) {
  const button = useRef<HTMLButtonElement>(null);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const fields: Record<string, string> = {};
    for (const [name, value] of new FormData(form)) if (typeof value === "string") fields[name] = value;
    if (button.current) button.current.disabled = true;
    await props.onSend(fields).finally(() => {
      if (button.current) button.current.disabled = false;
    });
  };
  return (
    <form class="fields" onSubmit={submit as unknown as (event: Event) => void}>
      {props.children}
      <button class="main-button" ref={button}>{props.send}</button>
    </form>
  );
}

export function Field(props: {
  label: string;
  name: string;
  value?: string;
  type?: "text" | "password" | "email" | "date" | "number" | "datetime-local" | "color";
  required?: boolean;
  autoFocus?: boolean;
  hint?: string;
}) {
  const id = `field-${props.name}`;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        name={props.name}
        {...{ type: (props.type ?? "text") as "text" }}
        defaultValue={props.value ?? ""}
        required={props.required ?? false}
        autoFocus={props.autoFocus ?? false}
        maxLength={1000}
        autocomplete="off"
        {...(props.hint ? { "aria-describedby": `${id}-hint` } : {})}
      />
      {props.hint && <small id={`${id}-hint`}>{props.hint}</small>}
    </div>
  );
}

export function Select(props: {
  label: string;
  name: string;
  value?: string;
  options: readonly (readonly [string, string])[];
  onChange?: (value: string) => void;
}) {
  const id = `field-${props.name}`;
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        name={props.name}
        defaultValue={props.value ?? ""}
        onChange={(event) => props.onChange?.(event.currentTarget.value)}
      >
        {props.options.map(([value, name]) => (
          <option key={value} value={value} selected={value === props.value}>{name}</option>
        ))}
      </select>
    </div>
  );
}

export function Check(props: { label: string; name: string; checked: boolean }) {
  return (
    <label class="check">
      <input type="checkbox" name={props.name} defaultChecked={props.checked} />
      <span>{props.label}</span>
    </label>
  );
}

/** A text with a button that copies it. */
export function CopyText(props: { label: string; text: string }) {
  const field = useRef<HTMLInputElement>(null);
  const copy = (): void => {
    field.current?.select();
    // Without TLS the browser offers no clipboard; the selected text can be copied with the keyboard.
    void navigator.clipboard?.writeText(props.text);
  };
  return (
    <div class="field copy">
      <label for="copied-text">{props.label}</label>
      <div>
        <input id="copied-text" ref={field} readOnly value={props.text} onFocus={(event) => event.currentTarget.select()} />
        <Action onClick={copy}>Copy</Action>
      </div>
    </div>
  );
}

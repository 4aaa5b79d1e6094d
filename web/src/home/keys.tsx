/** The keys of the pages for signed-in users, and the dialog that names them. */

import { signal } from "@preact/signals";

import { Dialog } from "./page";

const isShown = signal(false);
const FIELDS = "input, textarea, select, [contenteditable]";

interface Key {
  readonly shown: string;
  readonly text: string;
  /** The `KeyboardEvent.key`; missing for keys that the browser or an element handles. */
  readonly key?: string;
  /** The element that the key focuses or, if it is a button or a link, presses. */
  readonly selector?: string;
}

const KEYS: readonly Key[] = [
  { shown: "1", key: "1", selector: ".top nav a:nth-of-type(1)", text: "Reviews" },
  { shown: "2", key: "2", selector: ".top nav a:nth-of-type(2)", text: "Projects" },
  { shown: "3", key: "3", selector: ".top nav a:nth-of-type(3)", text: "Administration, for administrators" },
  { shown: "N", key: "n", selector: ".title-row .main-button", text: "New review, project, shot or person" },
  { shown: "/", key: "/", selector: ".filters input[type=search]", text: "Search the reviews" },
  { shown: "Tab", text: "Next button or field; Shift Tab the one before" },
  { shown: "Enter", text: "Open, press or save; in a table, save the value" },
  { shown: "Esc", text: "Close a dialog; in a table, restore the value" },
  { shown: "?", key: "?", text: "Show these keys" },
];

/** Let the keys of the table act on the page, unless a field or a dialog has them. */
export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target instanceof Element && event.target.matches(FIELDS)) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const found = KEYS.find(({ key }) => key === event.key.toLowerCase());
    if (found === undefined) return;
    event.preventDefault();
    if (found.selector === undefined) isShown.value = true;
    else press(document.querySelector<HTMLElement>(found.selector));
  });
}

function press(element: HTMLElement | null): void {
  if (element instanceof HTMLInputElement) element.focus();
  else element?.click();
}

export function KeysButton() {
  return (
    <button type="button" class="text-button" aria-haspopup="dialog" onClick={() => (isShown.value = true)}>
      Keys <kbd>?</kbd>
    </button>
  );
}

export function KeysDialog() {
  if (!isShown.value) return null;
  return (
    <Dialog title="Keys" onClose={() => (isShown.value = false)}>
      <dl class="keys-list">
        {KEYS.map(({ shown, text }) => (
          <div key={shown}><dt><kbd>{shown}</kbd></dt><dd>{text}</dd></div>
        ))}
      </dl>
    </Dialog>
  );
}

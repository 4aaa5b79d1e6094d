/** The keys of the page: one table for what they do and for the list that "?" shows. */

import { find, make } from "./dom";

export type Command =
  | "toggle"
  | "back"
  | "forward"
  | "back-ten"
  | "forward-ten"
  | "first"
  | "last"
  | "shuttle-back"
  | "stop"
  | "shuttle-forward"
  | "loop"
  | "mute"
  | "previous-entry"
  | "next-entry"
  | "draw"
  | "previous-note"
  | "next-note"
  | "full-screen"
  | "help";

interface Key {
  readonly command: Command;
  /** `KeyboardEvent.key`, with "Shift+" before it where Shift makes the difference. */
  readonly keys: readonly string[];
  readonly shown: readonly string[];
  readonly text: string;
}

export const KEYS: readonly Key[] = [
  { command: "toggle", keys: [" "], shown: ["Space"], text: "Play, pause" },
  { command: "back", keys: ["ArrowLeft"], shown: ["←"], text: "One frame back" },
  { command: "forward", keys: ["ArrowRight"], shown: ["→"], text: "One frame forward" },
  { command: "back-ten", keys: ["Shift+ArrowLeft"], shown: ["Shift ←"], text: "Ten frames back" },
  { command: "forward-ten", keys: ["Shift+ArrowRight"], shown: ["Shift →"], text: "Ten frames forward" },
  { command: "first", keys: ["Home"], shown: ["Home"], text: "First frame" },
  { command: "last", keys: ["End"], shown: ["End"], text: "Last frame" },
  { command: "shuttle-back", keys: ["j"], shown: ["J"], text: "Play backwards, again: faster" },
  { command: "stop", keys: ["k"], shown: ["K"], text: "Stop" },
  { command: "shuttle-forward", keys: ["l"], shown: ["L"], text: "Play, again: faster" },
  { command: "loop", keys: ["r"], shown: ["R"], text: "Loop on, off" },
  { command: "mute", keys: ["m"], shown: ["M"], text: "Sound on, off" },
  { command: "previous-entry", keys: ["ArrowUp", "PageUp"], shown: ["↑", "PgUp"], text: "Previous version in the list" },
  { command: "next-entry", keys: ["ArrowDown", "PageDown"], shown: ["↓", "PgDn"], text: "Next version in the list" },
  { command: "previous-note", keys: [","], shown: [","], text: "Frame of the previous note" },
  { command: "next-note", keys: ["."], shown: ["."], text: "Frame of the next note" },
  { command: "draw", keys: ["d"], shown: ["D"], text: "Draw on the picture, if you are invited" },
  { command: "full-screen", keys: ["f"], shown: ["F"], text: "Full screen" },
  { command: "help", keys: ["?", "Shift+?"], shown: ["?"], text: "These keys" },
];

const SCROLLING = new Set<Command>(["previous-entry", "next-entry"]);

/** The command of a key press, or null when the press belongs to the browser or to a field. */
export function commandOf(event: KeyboardEvent): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const pressed = event.shiftKey ? `Shift+${name}` : name;
  const command = KEYS.find(({ keys }) => keys.includes(pressed))?.command ?? null;
  return command === null || belongsToFocus(event, command) ? null : command;
}

/** The focused element needs the key for itself: a field to type in, a button to press, a text to scroll. */
function belongsToFocus(event: KeyboardEvent, command: Command): boolean {
  const { target } = event;
  if (!(target instanceof Element)) return false;
  if (target.matches("input, textarea, [contenteditable]")) return true;
  if (command === "toggle") return target.matches("button:focus-visible, a:focus-visible");
  return SCROLLING.has(command) && target.matches("[data-scrolls]:focus-visible");
}

/** Fills the dialog that lists the keys, and returns what opens it. */
export function keysDialog(): () => void {
  const dialog = find("keys", HTMLDialogElement);
  const list = find("keys-list", HTMLElement);
  for (const { shown, text } of KEYS) {
    const names = shown.map((name) => make("kbd", "", name));
    list.append(make("div", "", make("dt", "", ...names), make("dd", "", text)));
  }
  // A click beside the dialog's content lands on the dialog itself.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return () => (dialog.open ? dialog.close() : dialog.showModal());
}

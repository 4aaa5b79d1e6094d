/** The keyboard shortcuts of the page: one table for the commands and for the list that "?" shows. */

import { find, make } from "./dom";

interface Key {
  readonly command: string;
  /** `KeyboardEvent.key`, after "Shift+" if Shift must be held. */
  readonly keys: readonly string[];
  readonly shown: readonly string[];
  readonly text: string;
}

export const KEYS = [
  { command: "toggle", keys: [" "], shown: ["Space"], text: "Play or pause" },
  { command: "back", keys: ["ArrowLeft"], shown: ["←"], text: "One frame back" },
  { command: "forward", keys: ["ArrowRight"], shown: ["→"], text: "One frame forward" },
  { command: "back-ten", keys: ["Shift+ArrowLeft"], shown: ["Shift ←"], text: "Ten frames back" },
  { command: "forward-ten", keys: ["Shift+ArrowRight"], shown: ["Shift →"], text: "Ten frames forward" },
  { command: "first", keys: ["Home"], shown: ["Home"], text: "First frame" },
  { command: "last", keys: ["End"], shown: ["End"], text: "Last frame" },
  { command: "shuttle-back", keys: ["j"], shown: ["J"], text: "Play backwards; press again to play faster" },
  { command: "stop", keys: ["k"], shown: ["K"], text: "Stop" },
  { command: "shuttle-forward", keys: ["l"], shown: ["L"], text: "Play; press again to play faster" },
  { command: "slower", keys: ["s"], shown: ["S"], text: "Slower, down to 1/8" },
  { command: "faster", keys: ["w"], shown: ["W"], text: "Faster, up to 8" },
  { command: "mark-in", keys: ["i"], shown: ["I"], text: "In point: first frame that plays, and of a note" },
  { command: "mark-out", keys: ["o"], shown: ["O"], text: "Out point: last frame that plays, and of a note" },
  { command: "clear-range", keys: ["x"], shown: ["X"], text: "Remove in and out points" },
  { command: "loop", keys: ["r"], shown: ["R"], text: "Loop on or off" },
  { command: "ping-pong", keys: ["Shift+r"], shown: ["Shift R"], text: "Play back and forth" },
  { command: "play-on", keys: ["a"], shown: ["A"], text: "Play on to the next version" },
  { command: "mute", keys: ["m"], shown: ["M"], text: "Sound on or off" },
  { command: "previous-version", keys: ["ArrowUp", "PageUp"], shown: ["↑", "PgUp"], text: "Previous version in the list" },
  { command: "next-version", keys: ["ArrowDown", "PageDown"], shown: ["↓", "PgDn"], text: "Next version in the list" },
  { command: "previous-note", keys: [","], shown: [","], text: "Go to the frame of the previous note" },
  { command: "next-note", keys: ["."], shown: ["."], text: "Go to the frame of the next note" },
  { command: "write-note", keys: ["n"], shown: ["N"], text: "Write a note; Ctrl Enter sends it" },
  { command: "draw", keys: ["d"], shown: ["D"], text: "Draw on the image; Escape ends drawing" },
  { command: "ghosts", keys: ["g"], shown: ["G"], text: "Drawings of neighbouring frames on or off" },
  { command: "zoom-in", keys: ["+", "Shift++", "="], shown: ["+"], text: "Zoom in; the wheel zooms at the pointer" },
  { command: "zoom-out", keys: ["-"], shown: ["-"], text: "Zoom out; drag moves the image" },
  { command: "fit", keys: ["f"], shown: ["F"], text: "Fit the image into the window" },
  { command: "pixels", keys: ["1"], shown: ["1"], text: "100 %: one pixel on one pixel of the screen" },
  { command: "flip", keys: ["h"], shown: ["H"], text: "Mirror image" },
  { command: "compare", keys: ["c"], shown: ["C"], text: "Compare with another version, or end it" },
  { command: "compare-mode", keys: ["Shift+c"], shown: ["Shift C"], text: "Toggle, side by side, wipe, difference" },
  { command: "hold-other", keys: ["v"], shown: ["V"], text: "Hold: see the compared version" },
  { command: "panels", keys: ["p"], shown: ["P"], text: "Hide or show the panels" },
  { command: "full-screen", keys: ["Shift+f"], shown: ["Shift F"], text: "Full screen" },
  { command: "help", keys: ["?", "Shift+?"], shown: ["?"], text: "Show these keys" },
] as const satisfies readonly Key[];
export type Command = (typeof KEYS)[number]["command"];

/** Keys that other parts of the page handle. */
const OTHER_KEYS: readonly Pick<Key, "shown" | "text">[] = [
  { shown: ["Ctrl Z"], text: "While drawing: undo the last change on the frame" },
  { shown: ["Ctrl Shift Z", "Ctrl Y"], text: "While drawing: redo" },
  { shown: ["Ctrl Enter"], text: "In a text: send it" },
  { shown: ["Esc"], text: "End drawing, leave a text, close a dialog" },
];

const TEXT_FIELDS = "input:not([type=checkbox], [type=range]), textarea, [contenteditable]";
const SCROLLING = new Set<Command>(["previous-version", "next-version"]);

/** Return the command of a key press, or null if the browser or the focused element handles the key. */
export function commandOf(event: KeyboardEvent): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return null;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const pressed = event.shiftKey ? `Shift+${name}` : name;
  const command = KEYS.find(({ keys }) => (keys as readonly string[]).includes(pressed))?.command ?? null;
  return command === null || isHandledByFocus(event, command) ? null : command;
}

/** Return the step of the undo history that a key press requests while drawing, or null; text fields have their own. */
export function isHistoryKey(event: KeyboardEvent): "undo" | "redo" | null {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return null;
  if (event.target instanceof Element && event.target.matches(TEXT_FIELDS)) return null;
  const key = event.key.toLowerCase();
  if (key === "z") return event.shiftKey ? "redo" : "undo";
  return key === "y" ? "redo" : null;
}

/** Return whether the focused element uses the key itself: to type, to press a button, to scroll. */
function isHandledByFocus(event: KeyboardEvent, command: Command): boolean {
  const { target } = event;
  if (!(target instanceof Element)) return false;
  if (target.matches(`${TEXT_FIELDS}, select`)) return true;
  if (target.matches("input[type=range]") && ["back", "forward", "first", "last", "previous-version", "next-version"].includes(command)) return true;
  if (command === "toggle") return target.matches("button:focus-visible, a:focus-visible, summary, input");
  return SCROLLING.has(command) && target.matches("[data-scrolls]:focus-visible");
}

/** Fill the dialog that lists the keys. Return a function that opens or closes it. */
export function setUpKeysDialog(): () => void {
  const dialog = find("keys", HTMLDialogElement);
  const list = find("keys-list", HTMLElement);
  for (const { shown, text } of [...KEYS, ...OTHER_KEYS]) {
    const names = shown.map((name) => make("kbd", "", name));
    list.append(make("div", "", make("dt", "", ...names), make("dd", "", text)));
  }
  // A click outside of the dialog's content has the dialog itself as its target.
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  return () => (dialog.open ? dialog.close() : dialog.showModal());
}

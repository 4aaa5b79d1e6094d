/** Commands of the view: zoom, compare and panels. */

import { batch } from "@preact/signals";

import type { Command } from "../keys";
import { currentId, review } from "../store";
import { COMPARE_MODES } from "./geometry";
import { groupRows, otherVersion } from "./playlist";
import { comparedId, compareMode, fold, folded, isFlipped, isOtherHeld } from "./view_state";
import type { Viewport } from "./viewport";

const ZOOM_STEP = 1.25;

type ViewCommand = Extract<
  Command,
  "zoom-in" | "zoom-out" | "fit" | "pixels" | "flip" | "compare" | "compare-mode" | "hold-other" | "panels"
>;

/** Return the functions of the commands that change the view and never the frame. */
export function viewCommands(viewport: Viewport): Record<ViewCommand, () => void> {
  return {
    "zoom-in": () => viewport.zoomBy(ZOOM_STEP),
    "zoom-out": () => viewport.zoomBy(1 / ZOOM_STEP),
    fit: () => viewport.fit(),
    pixels: () => viewport.showPixels(),
    flip: () => (isFlipped.value = !isFlipped.peek()),
    compare: () => compareWith(comparedId.peek() === null ? firstOther() : null),
    "compare-mode": () => nextMode(),
    "hold-other": () => holdOther(),
    panels: () => foldBoth(),
  };
}

/** Compare the selected version with another one, or end the comparison. */
export function compareWith(id: string | null): void {
  isOtherHeld.value = false;
  comparedId.value = id === currentId.peek() ? null : id;
}

function firstOther(): string | null {
  const rows = groupRows(review.peek()?.entries ?? [], currentId.peek());
  const index = rows.findIndex(({ shown }) => shown.id === currentId.peek());
  const row = rows[index];
  const neighbour = rows[index - 1] ?? rows[index + 1];
  return (row === undefined ? undefined : otherVersion(row))?.id ?? neighbour?.shown.id ?? null;
}

function nextMode(): void {
  const index = COMPARE_MODES.indexOf(compareMode.peek());
  compareMode.value = COMPARE_MODES[(index + 1) % COMPARE_MODES.length] ?? "side";
}

/** Show the other version until the key is released; without a comparison, start one. */
function holdOther(): void {
  batch(() => {
    if (comparedId.peek() === null) {
      compareMode.value = "toggle";
      compareWith(firstOther());
    }
    isOtherHeld.value = comparedId.peek() !== null;
  });
}

function foldBoth(): void {
  const isFolded = folded.peek().size === 2;
  fold("list", !isFolded);
  fold("side", !isFolded);
}

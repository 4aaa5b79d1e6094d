/** What the stage shows, as signals: zoom, mirror image and the compared version. It is kept between versions. */

import { signal } from "@preact/signals";

import type { Position } from "../model";
import type { CompareMode } from "./geometry";

/** Scale of the image relative to the size that fits into its pane. */
export const zoom = signal(1);
/** The position of the image in the centre of its pane. */
export const centre = signal<Position>([0.5, 0.5]);
export const isFlipped = signal(false);

/** The id of the compared version, or null. */
export const comparedId = signal<string | null>(null);
export const compareMode = signal<CompareMode>("side");
/** Whether the compared version is shown in place of the selected one, while the key or button is held. */
export const isOtherHeld = signal(false);
/** The part of the stage's width to the left of the wipe's line. */
export const wipeAt = signal(0.5);

/** Screen pixels for each pixel of the image, in percent; 0 before the image is loaded. */
export const percent = signal(0);

const FOLDED_KEY = "ft-dcc-folded";
/** The panels that are folded: "list", "side". */
export const folded = signal<ReadonlySet<string>>(new Set(readSetting(FOLDED_KEY).split(" ").filter((each) => each !== "")));

export function fold(panel: "list" | "side", isFolded: boolean): void {
  const next = new Set(folded.peek());
  if (isFolded) next.add(panel);
  else next.delete(panel);
  folded.value = next;
  writeSetting(FOLDED_KEY, [...next].join(" "));
}

/** Return a setting that the browser keeps, or "". */
export function readSetting(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return ""; // The browser keeps nothing: the page works without.
  }
}

export function writeSetting(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A full or disabled storage: the setting lives as long as the page.
  }
}

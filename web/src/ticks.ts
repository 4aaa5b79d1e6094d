/** Which frame numbers a timeline writes out. */

import type { Clip } from "./clip";

/** Indices to label on a timeline with room for `room` labels: both ends, and round numbers clear of them. */
export function ticks(clip: Clip, room: number): number[] {
  const last = clip.lastIndex;
  if (last === 0) return [0];
  const clear = last / Math.max(1, room);
  const step = roundStep(clear);
  const found = [0];
  const first = Math.ceil(clip.firstFrame / step) * step - clip.firstFrame;
  for (let index = first; index < last; index += step) {
    if (index >= clear && last - index >= clear) found.push(index);
  }
  return [...found, last];
}

/** The smallest of 1, 2, 5, 10, 20, 50 … that is not below this. */
function roundStep(least: number): number {
  let power = 1;
  for (;;) {
    for (const factor of [1, 2, 5]) {
      if (factor * power >= least) return factor * power;
    }
    power *= 10;
  }
}

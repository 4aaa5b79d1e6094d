/** Choice of the frame numbers that the timeline shows. */

import type { Clip } from "./clip";

/** Return the indices to label on a timeline that fits `maxLabels` labels: both ends, and round numbers between. */
export function ticks(clip: Clip, maxLabels: number): number[] {
  const last = clip.lastIndex;
  if (last === 0) return [0];
  const distance = last / Math.max(1, maxLabels);
  const step = roundStep(distance);
  const found = [0];
  const first = Math.ceil(clip.firstFrame / step) * step - clip.firstFrame;
  for (let index = first; index < last; index += step) {
    if (index >= distance && last - index >= distance) found.push(index);
  }
  return [...found, last];
}

/** Return the smallest of 1, 2, 5, 10, 20, 50 … that is not below the value. */
function roundStep(minimum: number): number {
  let power = 1;
  for (;;) {
    for (const factor of [1, 2, 5]) {
      if (factor * power >= minimum) return factor * power;
    }
    power *= 10;
  }
}

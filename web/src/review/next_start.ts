/** Where the next version begins. Independent of the browser. */

import type { Clip } from "../clip";

/** The frame and the speed that the next version begins with: in any case, or only one of the same shot. */
export interface NextStart {
  readonly frame: number | null;
  readonly speed: number;
  readonly isForAnyShot: boolean;
}

export const START: NextStart = { frame: null, speed: 0, isForAnyShot: true };

/** Return whether the next version takes over frame and speed. */
export function isContinued(next: NextStart, isSameShot: boolean): boolean {
  return next.isForAnyShot || isSameShot;
}

/** Return the index of the frame that is kept, or null if the movie does not have it. */
export function keptIndex({ frame }: NextStart, clip: Clip | null): number | null {
  return clip !== null && frame !== null && clip.contains(frame) ? clip.indexOf(frame) : null;
}

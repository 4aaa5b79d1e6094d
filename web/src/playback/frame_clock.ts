/** Arithmetic of playback: ranges, modes, speeds, and which frame is due. Independent of the browser. */

import type { Rate } from "../clip";

/** The first and last index of the part that is played. */
export interface PlayRange {
  readonly first: number;
  readonly last: number;
}

/** What happens at the end: start again, stop, turn round, or continue with the next version. */
export const PLAY_MODES = ["loop", "once", "ping-pong", "next"] as const;
export type PlayMode = (typeof PLAY_MODES)[number];

export const SPEEDS = [0.125, 0.25, 0.5, 1, 2, 4, 8] as const;
/** Above this speed, and backwards, frames are sought one by one: engines report the frames of fast playback late. */
export const MAX_CONTINUOUS_SPEED = 2;

/** Format a speed: "1/8×", "-4×". */
export function formatSpeed(speed: number): string {
  const size = Math.abs(speed);
  const text = size > 0 && size < 1 ? `1/${Math.round(1 / size)}` : String(size);
  return `${speed < 0 ? "-" : ""}${text}×`;
}

/** Return the next faster or slower speed of the list, in the same direction. */
export function neighbouringSpeed(speed: number, step: 1 | -1): number {
  const size = Math.abs(speed);
  const beyond = SPEEDS.filter((each) => (each - size) * step > 0);
  const next = (step > 0 ? beyond[0] : beyond.at(-1)) ?? size;
  return speed < 0 ? -next : next;
}

/** Return the range with another first or last frame; a range that this turns round loses its other end. */
export function withEnd(range: PlayRange | null, end: "in" | "out", index: number, lastIndex: number): PlayRange {
  const { first, last } = range ?? { first: 0, last: lastIndex };
  if (end === "in") return { first: index, last: index <= last ? last : lastIndex };
  return { first: first <= index ? first : 0, last: index };
}

/** Return the index to start from: the present one, or the other end if it is at the end or outside of the range. */
export function startOf(index: number, range: PlayRange, speed: number): number {
  if (speed > 0) return index < range.first || index >= range.last ? range.first : index;
  return index <= range.first || index > range.last ? range.last : index;
}

/** Counts the frames that are due since a moment, in either direction. */
export class FrameClock {
  private readonly framesPerMs: number;
  private readonly direction: 1 | -1;
  private origin: number;
  private readonly startTime: number;

  /** Start at the index `origin` at `now`, a time in milliseconds. */
  constructor(rate: Rate, speed: number, origin: number, now: number) {
    this.framesPerMs = (Math.abs(speed) * rate.numerator) / rate.denominator / 1000;
    this.direction = speed < 0 ? -1 : 1;
    this.origin = origin;
    this.startTime = now;
  }

  /** Move the clock by a number of frames, with the fraction. */
  shift(frames: number): void {
    this.origin += frames;
  }

  /** Return the index that is due, which may be beyond the movie. */
  indexAt(now: number): number {
    const passed = (now - this.startTime) * this.framesPerMs;
    const { origin, direction } = this;
    return direction > 0 ? Math.floor(origin + passed) : Math.ceil(origin - passed);
  }
}

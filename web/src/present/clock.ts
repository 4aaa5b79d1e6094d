/** When a presenter's frame is on the screen: the server's clock, and the frame that is due. Independent of the browser. */

import type { Clip } from "../clip";
import type { PresentationState } from "../model";

/** Clocks of two machines differ by up to 0.1 ms each second: older answers are not used. */
const MAX_AGE_MS = 60_000;

/** An answer of the server: when it was received, how long the trip took, and the difference of the clocks. */
interface ClockSample {
  readonly received: number;
  readonly trip: number;
  readonly offset: number;
}

/** Estimates the server's clock from the answers to requests, in milliseconds. */
export class ServerClock {
  private samples: ClockSample[] = [];
  private assumed = 0;

  /** Take the time of a message that has just arrived; used until an answer was measured. */
  assume(serverNow: number, now: number): void {
    this.assumed = serverNow - now;
  }

  /** Take an answer: when the request was sent and the answer was received, and the server's time between both. */
  measure(sent: number, received: number, serverNow: number): void {
    const trip = received - sent;
    const sample = { received, trip, offset: serverNow - (sent + trip / 2) };
    this.samples = [...this.samples.filter((each) => received - each.received <= MAX_AGE_MS), sample];
  }

  /** Forget all answers: a restarted server has another clock. */
  reset(): void {
    this.samples = [];
  }

  /** Convert the page's time to the server's. The answer with the shortest trip is the most exact one. */
  at(now: number): number {
    const best = [...this.samples].sort((one, other) => one.trip - other.trip)[0];
    return now + (best?.offset ?? this.assumed);
  }
}

/** Return the position in frames, with the fraction, that is due at this time of the server; null without numbers. */
export function duePosition(state: PresentationState, clip: Clip, serverNow: number): number | null {
  const { frame, speed = 0, at = serverNow } = state;
  if (typeof frame !== "number") return null;
  return intoRange(state, clip, clip.indexOf(frame) + clip.frames((serverNow - at) / 1000) * speed);
}

/** Return a position in the played range: around the loop, or at its end. */
export function intoRange(state: PresentationState, clip: Clip, position: number): number {
  const [first, last] = playedRange(state, clip);
  const count = last - first + 1;
  if (position >= first && position < last + 1) return position;
  if (state.play_mode === "loop") return first + ((((position - first) % count) + count) % count);
  // The presenter's next message says where it continues.
  return Math.min(Math.max(position, first), last);
}

/** Return the difference of two positions: positive if the shown one is ahead, by the shorter way around a loop. */
export function difference(state: PresentationState, clip: Clip, shown: number, due: number): number {
  const [first, last] = playedRange(state, clip);
  const count = last - first + 1;
  const found = shown - due;
  return state.play_mode === "loop" && Math.abs(found) > count / 2 ? found - Math.sign(found) * count : found;
}

/** Return the first and last index that are played. */
export function playedRange({ in: first, out: last }: PresentationState, clip: Clip): [number, number] {
  return [
    typeof first === "number" ? clip.indexOf(first) : 0,
    typeof last === "number" ? clip.indexOf(last) : clip.lastIndex,
  ];
}

/** Return the middle of the values when they are sorted: single late callbacks have no effect. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Keep playback on two pages at the same frame: what a presenter reports, and how a follower corrects itself. */

import { median } from "./clock";

/** The presenter reports after these numbers of frames, then at each interval and at each deviation. */
const REPORTED_COUNTS: readonly number[] = [1, 2, 4, 8];
const REPORT_INTERVAL_MS = 1_000;
/** Deviation in frames from the last report that causes another one, at most so often. */
const REPORTED_DEVIATION = 0.25;
const MIN_REPORT_INTERVAL_MS = 200;
const MAX_SAMPLES = 12;
/** A frame that is so far from the line through the frames before it begins a new line: a loop, a jump, a stall. */
const MAX_STEP = 2;

/** A follower compares the frames of this time, and at least so many of them. */
const WINDOW_MS = 250;
const MIN_SAMPLES = 4;
/** Differences up to this number of frames are not corrected. */
const TOLERANCE = 0.15;
/** Differences beyond this time, 6 frames at 24 a second, are corrected by a seek, smaller ones by the speed. */
const MAX_GRADUAL_MS = 250;
/** A difference is removed in this time, unless the speed would change by more than the maximum. */
const CORRECTION_MS = 500;
const MAX_RATE_CHANGE = 0.2;
/** An engine shows some frames more at the earlier speed. */
const LATENCY_MS = 80;
/** No difference is measured for this time after a start and after a seek. */
const START_MS = 150;
const SEEK_MS = 500;
const MAX_SEEK_LEAD = 24;
const MAX_SEEK_NOISE_MS = 20;

/** A frame index and the time in milliseconds at which it is on the screen. */
export interface Place {
  readonly index: number;
  readonly at: number;
}

/** Finds from the frames that a presenter has shown where its playback is, and when followers have to be told. */
export class PlaybackReport {
  /** For each frame: the position that the line through it has at time 0. */
  private origins: number[] = [];
  private count = 0;
  private sent = 0;
  private sentAt = -Infinity;

  /** Forget the frames, at a start of playback. */
  reset(): void {
    this.origins = [];
    this.count = 0;
    this.sentAt = -Infinity;
  }

  /**
   * Take a frame and the time at which it is on the screen; return the place to report, or null.
   *
   * Frames appear up to one refresh of the display late: the line through the median of them is sent.
   */
  take(index: number, shownAt: number, framesPerMs: number): Place | null {
    const origin = index - framesPerMs * shownAt;
    const before = this.origins.at(-1);
    if (before !== undefined && Math.abs(origin - before) > MAX_STEP) this.reset();
    this.origins = [...this.origins, origin].slice(-MAX_SAMPLES);
    this.count += 1;
    const middle = median(this.origins);
    const elapsed = shownAt - this.sentAt;
    const isDeviant = Math.abs(middle - this.sent) > REPORTED_DEVIATION && elapsed >= MIN_REPORT_INTERVAL_MS;
    if (!isDeviant && elapsed < REPORT_INTERVAL_MS && !REPORTED_COUNTS.includes(this.count)) return null;
    this.sent = middle;
    this.sentAt = shownAt;
    return { index, at: (index - middle) / framesPerMs };
  }
}

/** How the page plays: its normal speed, and which corrections are possible. */
export interface Playing {
  readonly framesPerMs: number;
  /** Frames are sought one by one, by a clock of the page. */
  readonly isSought: boolean;
  /** A seek takes longer than one pass of a short loop. */
  readonly maySeek: boolean;
}

/** A seek to the frame that is due, a factor for the speed, or a number of frames for the clock of the page. */
export type Correction = { readonly kind: "seek" } | { readonly kind: "speed"; readonly factor: number } | { readonly kind: "shift"; readonly frames: number };

/** Decides how a follower removes its difference to the presenter. */
export class PlaybackFollower {
  /** Frames that pass until a seek during playback shows its frame; learned from the difference after each seek. */
  seekLead = 0;
  private hasSought = false;
  private factor = 1;
  private factorUntil = Infinity;
  private measureAfter = -Infinity;
  private samples: { readonly ahead: number; readonly at: number }[] = [];

  /** Forget the measured differences: the presenter has reported another place. */
  restart(): void {
    this.samples = [];
  }

  /** Wait until playback has settled after a start, or after a seek whose lead is to be learned. */
  settle(now: number, hasSought: boolean): void {
    this.samples = [];
    this.factor = 1;
    this.factorUntil = Infinity;
    this.hasSought = hasSought;
    this.measureAfter = now + (hasSought ? SEEK_MS : START_MS);
  }

  /** Take the frames that the page is ahead, measured at a frame that is on the screen at `at`; return what to do. */
  take(ahead: number, at: number, playing: Playing): Correction | null {
    if (at < this.measureAfter) return null;
    this.samples.push({ ahead, at });
    const elapsed = at - (this.samples[0]?.at ?? at);
    if (this.samples.length < MIN_SAMPLES || elapsed < WINDOW_MS) return this.expire(at);
    const present = this.presentDifference(at, playing.framesPerMs);
    this.samples = [];
    if (this.hasSought) this.seekLead = Math.min(Math.max(this.seekLead - present / 2, 0), MAX_SEEK_LEAD);
    this.hasSought = false;
    if (playing.isSought) return this.shift(present, at, playing);
    if (Math.abs(present) > MAX_GRADUAL_MS * playing.framesPerMs && playing.maySeek) return { kind: "seek" };
    return this.changeSpeed(present, at, playing);
  }

  /** Return the difference at this time: what the changed speed has done since each sample is added to the sample. */
  private presentDifference(now: number, framesPerMs: number): number {
    const drift = (this.factor - 1) * framesPerMs;
    return median(this.samples.map(({ ahead, at }) => ahead + drift * (now - at)));
  }

  private shift(ahead: number, at: number, { framesPerMs }: Playing): Correction | null {
    // Frames that are sought appear late by the time of a seek, which is not the same for all of them.
    if (Math.abs(ahead) <= Math.max(0.5, framesPerMs * MAX_SEEK_NOISE_MS)) return null;
    this.measureAfter = at + LATENCY_MS;
    return { kind: "shift", frames: -ahead };
  }

  private changeSpeed(ahead: number, at: number, { framesPerMs }: Playing): Correction | null {
    if (Math.abs(ahead) <= TOLERANCE) return this.setFactor(1, at, Infinity);
    const change = Math.min(Math.abs(ahead) / (framesPerMs * CORRECTION_MS), MAX_RATE_CHANGE);
    return this.setFactor(1 - Math.sign(ahead) * change, at, Math.abs(ahead) / (framesPerMs * change));
  }

  /** End a correction that has lasted long enough, while the frames since are too few to measure the difference. */
  private expire(at: number): Correction | null {
    return at < this.factorUntil ? null : this.setFactor(1, at, Infinity);
  }

  private setFactor(factor: number, at: number, duration: number): Correction | null {
    this.factorUntil = at + duration;
    if (factor === this.factor) return null;
    this.factor = factor;
    this.samples = [];
    this.measureAfter = at + LATENCY_MS;
    return { kind: "speed", factor };
  }
}

/** Conversion of the presentation times that browsers report into frame indices. Independent of the browser. */

import type { Clip } from "./clip";

/**
 * Accepted distance from a frame's start, in frames.
 *
 * Containers round to a millisecond at worst: 0.03 frames at 60 frames a second.
 */
const TOLERANCE = 0.05;
/** H.264 reorders at most 16 frames, so B-frames delay the first one by no more than that. */
const MAX_OFFSET = 16;
/** Number of consecutive times off the frame grid that prove the rate wrong. */
const MAX_OFF_GRID = 3;
/** Number of times off the frame grid that a change of the speed may cause: WebKitGTK changes it by a seek to any time. */
const MAX_OFF_GRID_AFTER_SPEED = 2;

/**
 * Maps the `mediaTime` of a video frame callback to the index of the frame.
 *
 * Chromium reports the start of the frame. Firefox and the WebKit engine report, after a seek, the time that was
 * sought; the player always seeks to the middle of a frame. Firefox continues to count when the movie loops. WebKitGTK
 * ignores the MP4 edit list, which compensates for the delay of B-frames: its times are too late by a whole number
 * of frames, the offset.
 */
export class Timestamps {
  private readonly clip: Clip;
  private length: number;
  private offset: number | null = null;
  private soughtTimes = false;
  private offGridCount = 0;
  private expectedOffGrid = 0;

  constructor(clip: Clip) {
    this.clip = clip;
    this.length = clip.frameCount;
  }

  /** The offset is known. Until then `indexAt` expects the frames of a seek to index 0. */
  get isCalibrated(): boolean {
    return this.offset !== null;
  }

  /**
   * Whether several consecutive frames were not on the frame grid of the rate.
   *
   * A movie with no more frames than that has no such run: Firefox reports other times each time it starts again.
   */
  get isWrongRate(): boolean {
    return this.clip.frameCount > MAX_OFF_GRID && this.offGridCount >= MAX_OFF_GRID;
  }

  /** Set the duration of the loop in seconds, sound included. */
  setDuration(seconds: number): void {
    if (Number.isFinite(seconds)) this.length = Math.max(this.clip.frameCount, this.clip.frames(seconds));
  }

  /** Use the reported times as they are, if no seek can show the offset. */
  assumeNoOffset(): void {
    this.offset ??= 0;
  }

  /** Do not count the next times off the frame grid, because the speed of the movie was changed. */
  expectSpeedChange(): void {
    this.expectedOffGrid = MAX_OFF_GRID_AFTER_SPEED;
  }

  /** Return the position of the element's clock in frames, with the fraction. */
  positionAt(seconds: number): number {
    return this.wrap(this.clip.frames(seconds) - (this.offset ?? 0));
  }

  /**
   * Return the index of the frame with this presentation time, or null if the time does not identify a frame.
   *
   * While the movie plays forwards, every time must be a frame's start; otherwise, and after a seek during playback, it
   * may also be a frame's middle.
   */
  indexAt(mediaTime: number, isPlaying: boolean, isSeeking = false): number | null {
    const position = this.wrap(this.clip.frames(mediaTime) - (this.offset ?? 0));
    const whole = Math.floor(position + TOLERANCE);
    const fraction = position - whole;
    const isStart = fraction <= TOLERANCE;
    const isMiddle = Math.abs(fraction - 0.5) <= TOLERANCE;
    if (!isStart && ((isPlaying && !isSeeking) || !isMiddle)) {
      if (this.expectedOffGrid > 0) this.expectedOffGrid -= 1;
      else this.offGridCount += 1;
      return null;
    }
    this.offGridCount = this.expectedOffGrid = 0;
    if (this.offset === null) {
      // A whole number above 0 is the frame that was shown before the seek to frame 0.
      if (whole > MAX_OFFSET || (isStart && whole > 0)) return null;
      this.offset = whole;
      this.soughtTimes = isMiddle;
      return 0;
    }
    // The first frame may have been reported before the first seek.
    this.soughtTimes ||= isMiddle && !isPlaying;
    // A start without playback is a late report of a frame that was played before the pause.
    if (this.soughtTimes && isStart && !isPlaying) return null;
    return this.clip.nearest(whole);
  }

  /** Return the position within one pass of the loop. */
  private wrap(position: number): number {
    return position + TOLERANCE < this.length ? position : ((position + TOLERANCE) % this.length) - TOLERANCE;
  }
}

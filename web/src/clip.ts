/** Frame arithmetic of a movie on its exact rate. Independent of the browser. */

export interface Rate {
  readonly numerator: number;
  readonly denominator: number;
}

/** Rate and frames of a movie as the publish wrote them. */
export interface ExactFacts {
  /** A fraction or a whole number: "24000/1001", "24". */
  readonly fps: string;
  readonly first_frame: number;
  readonly frame_count: number;
}

/** Parse a rate such as "24000/1001" or "24". Return null for any other text. */
export function parseRate(text: string): Rate | null {
  const match = /^(\d+)(?:\/(\d+))?$/.exec(text.trim());
  if (match === null) return null;
  const rate = { numerator: Number(match[1]), denominator: Number(match[2] ?? "1") };
  return rate.numerator > 0 && rate.denominator > 0 ? rate : null;
}

/** Format a rate for display: "24", "23.976". */
export function formatRate(rate: Rate): string {
  return String(Number((rate.numerator / rate.denominator).toFixed(3)));
}

/**
 * A movie of `frameCount` frames at an exact rate.
 *
 * An index counts the frames of the movie from 0; a frame number is the shot's, for example 1001 for index 0.
 * Seconds are used only to talk to the video element.
 */
export class Clip {
  readonly rate: Rate;
  readonly firstFrame: number;
  readonly frameCount: number;

  constructor(rate: Rate, firstFrame: number, frameCount: number) {
    this.rate = rate;
    this.firstFrame = firstFrame;
    this.frameCount = frameCount;
  }

  /** Return the clip that the facts describe, or null if one is missing or invalid. Nothing is guessed. */
  static from(facts: ExactFacts | null): Clip | null {
    if (facts === null) return null;
    const rate = parseRate(facts.fps);
    if (rate === null || !Number.isSafeInteger(facts.first_frame)) return null;
    if (!Number.isSafeInteger(facts.frame_count) || facts.frame_count < 1) return null;
    return new Clip(rate, facts.first_frame, facts.frame_count);
  }

  get lastIndex(): number {
    return this.frameCount - 1;
  }

  /** Return the shot's frame number at an index. */
  numberAt(index: number): number {
    return this.firstFrame + index;
  }

  /** Return whether the movie has the shot's frame number. */
  contains(number: number): boolean {
    return number >= this.firstFrame && number <= this.numberAt(this.lastIndex);
  }

  /** Return the index of a frame number, clamped to the movie. */
  indexOf(number: number): number {
    return this.nearest(number - this.firstFrame);
  }

  /** Round an index and clamp it to the movie. */
  nearest(index: number): number {
    return Math.min(Math.max(Math.round(index), 0), this.lastIndex);
  }

  /**
   * Return the time in seconds to seek to for an index: the middle of its frame.
   *
   * A seek to the start of a frame shows the previous frame in a third of all cases.
   */
  middle(index: number): number {
    return ((index + 0.5) * this.rate.denominator) / this.rate.numerator;
  }

  /** Convert seconds to frames, with the fraction. */
  frames(seconds: number): number {
    return (seconds * this.rate.numerator) / this.rate.denominator;
  }

  /** Return whether a movie of this duration in seconds contains all the frames. */
  fitsInto(seconds: number): boolean {
    return this.frames(seconds) > this.frameCount - 1;
  }

  /** Return the time code of an index, counted from 00:00:00:00 without dropped frame numbers. */
  timeCode(index: number): string {
    const base = Math.max(1, Math.round(this.rate.numerator / this.rate.denominator));
    const seconds = Math.floor(index / base);
    return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60, index % base]
      .map((part) => String(part).padStart(2, "0"))
      .join(":");
  }
}

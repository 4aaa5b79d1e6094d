/** The frame model of a film: pure arithmetic on an exact rate, no browser in it. */

export interface Rate {
  readonly numerator: number;
  readonly denominator: number;
}

/** The exact facts of a film as its publish wrote them; there is no film without all three. */
export interface ExactFacts {
  readonly fps: string;
  readonly first_frame: number;
  readonly frame_count: number;
}

/**
 * A picture may lie this part of a frame beside its place before the rate is called wrong.
 *
 * Containers round to a millisecond at worst: three hundredths of a frame at 60 frames a second.
 */
const TOLERANCE = 0.05;

/** The rate that a text like "24000/1001" or "24" means, or null when it means none. */
export function parseRate(text: string): Rate | null {
  const match = /^(\d+)(?:\/(\d+))?$/.exec(text.trim());
  if (match === null) return null;
  const rate = { numerator: Number(match[1]), denominator: Number(match[2] ?? "1") };
  return rate.numerator > 0 && rate.denominator > 0 ? rate : null;
}

/** The rate for people: "24", "23.976". */
export function rateText(rate: Rate): string {
  return String(Number((rate.numerator / rate.denominator).toFixed(3)));
}

/**
 * A film that is `frameCount` frames long at an exact rate.
 *
 * An index counts the film's pictures from 0, a number is the shot's: 1001 for the first one.
 * Seconds exist only on the way to and from the video element.
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

  /** The clip these facts describe, or null when one is missing or makes no sense: nothing is guessed. */
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

  /** The shot's frame number at an index. */
  numberAt(index: number): number {
    return this.firstFrame + index;
  }

  /** The index of a shot frame number; the nearest one when the film does not reach that far. */
  indexOf(number: number): number {
    return this.nearest(number - this.firstFrame);
  }

  /** The index that is in the film and nearest to this one. */
  nearest(index: number): number {
    return Math.min(Math.max(Math.round(index), 0), this.lastIndex);
  }

  /**
   * The second to seek to for an index: the middle of its frame.
   *
   * A seek to the start of a frame shows the one before it in a third of all cases.
   */
  middle(index: number): number {
    return ((index + 0.5) * this.rate.denominator) / this.rate.numerator;
  }

  /** The index of the picture whose presentation time the browser gives. */
  indexAt(mediaTime: number): number {
    return this.nearest(this.position(mediaTime));
  }

  /** A picture with this presentation time can belong to a film of this rate. */
  isOnRate(mediaTime: number): boolean {
    const position = this.position(mediaTime);
    return Math.abs(position - Math.round(position)) <= TOLERANCE;
  }

  /** A film that lasts this many seconds holds all the frames. */
  fitsInto(seconds: number): boolean {
    return this.position(seconds) > this.frameCount - 1;
  }

  /** The time code of an index, counted from 00:00:00:00 without dropped numbers. */
  timeCode(index: number): string {
    const base = Math.max(1, Math.round(this.rate.numerator / this.rate.denominator));
    const seconds = Math.floor(index / base);
    return [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60, index % base]
      .map((part) => String(part).padStart(2, "0"))
      .join(":");
  }

  private position(seconds: number): number {
    return (seconds * this.rate.numerator) / this.rate.denominator;
  }
}

/** The film on the screen, frame by frame. */

import type { Clip } from "./clip";

/** What a player reports about a film that cannot be handled as it should be. */
export type Trouble =
  | "undecodable"
  | "lost-connection"
  | "no-ranges"
  | "no-frame-callback"
  | "wrong-rate"
  | "cut-short"
  | "frame-unreachable";

const MAX_SPEED = 8;
/** Milliseconds after a seek's end until its picture, unseen, counts as one that the browser forgot to tell of. */
const OVERDUE = 400;

interface Hearing {
  readonly audioTracks?: { readonly length: number };
  readonly mozHasAudio?: boolean;
  readonly webkitAudioDecodedByteCount?: number;
}

/**
 * Plays one film at a time in a video element and knows which picture is on the screen.
 *
 * The index comes from the presentation time of the picture that was really shown, never from the clock of
 * the element. `clip` is null while the film's exact rate is unknown or has been proved wrong: the film
 * plays then, and nothing about frames can be asked of it.
 */
export class Player {
  clip: Clip | null = null;
  /** The index of the picture on the screen; null before the first one. */
  index: number | null = null;
  /** The film can be set to any of its frames. */
  canSeek = false;
  /** Frames a second against the film's own rate; negative backwards, 0 while it stands. */
  speed = 0;
  isWaiting = false;

  private readonly video: HTMLVideoElement;
  private readonly onChange: () => void;
  private readonly onTrouble: (trouble: Trouble) => void;
  private callback = 0;
  private wanted: number | null = null;
  private sought: number | null = null;
  private attempts = 0;
  private overdue = 0;
  private hasBegun = false;
  private backwards = 0;
  private loops = true;

  constructor(video: HTMLVideoElement, onChange: () => void, onTrouble: (trouble: Trouble) => void) {
    this.video = video;
    this.onChange = onChange;
    this.onTrouble = onTrouble;
    video.addEventListener("loadedmetadata", () => this.begin());
    video.addEventListener("seeked", () => this.continueSeeking());
    video.addEventListener("ended", () => this.end());
    video.addEventListener("error", () => this.fail());
    for (const type of ["waiting", "seeking"]) video.addEventListener(type, () => this.wait(true));
    for (const type of ["playing", "seeked", "canplay"]) video.addEventListener(type, () => this.wait(false));
    for (const type of ["progress", "timeupdate", "durationchange"]) video.addEventListener(type, onChange);
    // In a window that nobody sees no picture is shown, and so no seek ever ends.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.wanted !== null) this.goTo(this.wanted);
    });
  }

  get isPlaying(): boolean {
    return this.speed !== 0;
  }

  get isLooping(): boolean {
    return this.loops;
  }

  set isLooping(loops: boolean) {
    this.loops = loops;
    this.setSpeed(this.speed);
    this.onChange();
  }

  /** The film has been heard to have sound; each engine tells it in its own way, some only once it plays. */
  get hasSound(): boolean {
    const video: HTMLVideoElement & Hearing = this.video;
    return Boolean(video.audioTracks?.length || video.mozHasAudio || video.webkitAudioDecodedByteCount);
  }

  get isMuted(): boolean {
    return this.video.muted;
  }

  set isMuted(isMuted: boolean) {
    this.video.muted = isMuted;
    this.onChange();
  }

  /** The frame that is asked for: the one on the screen, or the one that a seek is on its way to. */
  get target(): number {
    return this.wanted ?? this.index ?? 0;
  }

  /** Shows another film from an index on; `clip` is null when its exact facts are unknown. */
  open(url: string, clip: Clip | null, start = 0): void {
    this.close();
    this.clip = clip;
    this.wanted = clip === null ? null : start;
    this.isWaiting = true;
    if (clip !== null && !("requestVideoFrameCallback" in this.video)) this.lose("no-frame-callback");
    this.video.src = url;
    this.video.load();
    this.awaitPicture();
    this.onChange();
  }

  /** Nothing is on the screen. */
  close(): void {
    this.stopBackwards();
    clearTimeout(this.overdue);
    if ("cancelVideoFrameCallback" in this.video) this.video.cancelVideoFrameCallback(this.callback);
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.clip = this.index = this.wanted = this.sought = null;
    this.canSeek = this.isWaiting = this.hasBegun = false;
    this.setSpeed(0);
    this.onChange();
  }

  /** Plays at a speed against the film's own rate; a negative one plays backwards. */
  play(speed = 1): void {
    if (!this.video.hasAttribute("src")) return;
    if (speed < 0) {
      this.playBackwards(speed);
      return;
    }
    this.stopBackwards();
    if (this.clip !== null && this.canSeek && this.target === this.clip.lastIndex) this.goTo(0);
    this.setSpeed(speed);
    this.video.playbackRate = speed;
    this.video.play().catch((error: unknown) => {
      // A film that is exchanged, or paused before it began, ends its own promise; the rest is a trouble.
      if (error instanceof DOMException && error.name === "NotAllowedError") this.pause();
    });
    this.onChange();
  }

  /** Plays faster in this direction: 1, 2, 4, 8 times; from the other direction it starts at 1. */
  shuttle(direction: 1 | -1): void {
    const isFaster = this.speed * direction > 0;
    this.play(isFaster ? direction * Math.min(Math.abs(this.speed) * 2, MAX_SPEED) : direction);
  }

  /** Stands still on the picture that is on the screen. */
  pause(): void {
    this.stopBackwards();
    this.setSpeed(0);
    this.video.pause();
    // The element's clock may be at the edge of the frame: from its middle a step can only hit the next one.
    if (this.index !== null && this.canSeek) this.goTo(this.target);
    this.onChange();
  }

  toggle(): void {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  /** Stands still, this many frames from the one on the screen. */
  step(frames: number): void {
    this.show(this.target + frames);
  }

  /** Stands still on an index, or on the nearest one in the film. */
  show(index: number): void {
    if (this.isPlaying) this.pause();
    if (this.clip?.nearest(index) !== this.target) this.goTo(index);
  }

  /** Moves a film without exact facts to a part of its length between 0 and 1. */
  showPart(part: number): void {
    if (this.clip === null && Number.isFinite(this.video.duration)) this.video.currentTime = part * this.video.duration;
  }

  private goTo(index: number): void {
    // The first picture may be on the screen before the film has said that it can be sought: begin() goes on.
    if (this.clip === null || (this.hasBegun && !this.canSeek)) return;
    this.wanted = this.clip.nearest(index);
    this.attempts = 0;
    if (this.hasBegun && !this.video.seeking) this.seek();
    this.onChange();
  }

  private seek(): void {
    if (this.clip === null || this.wanted === null) return;
    this.sought = this.wanted;
    this.attempts += 1;
    this.video.currentTime = this.clip.middle(this.wanted);
  }

  private begin(): void {
    const { seekable, duration } = this.video;
    const end = seekable.length > 0 ? seekable.end(seekable.length - 1) : 0;
    // Without byte ranges a seek ends at 0 and no event says so.
    this.canSeek = end > 0 && end >= duration - 0.001;
    if (!this.canSeek) this.onTrouble("no-ranges");
    if (this.clip !== null && !this.clip.fitsInto(duration)) this.lose("cut-short");
    this.hasBegun = true;
    if (this.canSeek && this.wanted !== null) this.goTo(this.wanted);
    else this.wanted = null;
    this.onChange();
  }

  private awaitPicture(): void {
    if (!("requestVideoFrameCallback" in this.video)) return;
    this.callback = this.video.requestVideoFrameCallback((_now, metadata) => {
      this.awaitPicture();
      this.showed(metadata.mediaTime);
    });
  }

  private showed(mediaTime: number): void {
    this.isWaiting = false;
    if (this.clip === null) return;
    if (!this.clip.isOnRate(mediaTime)) {
      this.lose("wrong-rate");
      return;
    }
    this.index = this.clip.indexAt(mediaTime);
    if (!this.video.seeking) this.settle();
    this.onChange();
  }

  private continueSeeking(): void {
    if (this.wanted !== this.sought) this.seek();
    else if (this.index === this.wanted) this.settle();
    else this.watchForPicture();
  }

  /**
   * A busy browser may show a picture and never call back. It shows the same one again, and tells of it, only
   * when it comes from another: by way of a neighbour.
   */
  private watchForPicture(): void {
    clearTimeout(this.overdue);
    this.overdue = window.setTimeout(() => {
      if (this.clip === null || this.wanted === null || this.wanted !== this.sought) return;
      if (this.video.seeking || document.visibilityState !== "visible") return;
      this.sought = this.wanted === 0 ? this.clip.nearest(1) : this.wanted - 1;
      this.video.currentTime = this.clip.middle(this.sought);
    }, OVERDUE);
  }

  /** A seek is over when its picture is on the screen; the browser's word alone does not count. */
  private settle(): void {
    if (this.wanted === null || this.wanted !== this.sought) return;
    if (this.index !== this.wanted && !this.isPlaying) {
      if (this.attempts < 2) {
        this.seek();
        return;
      }
      this.onTrouble("frame-unreachable");
    }
    this.wanted = this.sought = null;
  }

  private playBackwards(speed: number): void {
    if (this.clip === null || !this.canSeek) return;
    this.stopBackwards();
    this.setSpeed(speed);
    this.video.pause();
    const clip = this.clip;
    let origin = this.target === 0 ? clip.frameCount : this.target;
    let begun = performance.now();
    const perMillisecond = (-speed * clip.rate.numerator) / clip.rate.denominator / 1000;
    const tick = (now: number): void => {
      this.backwards = requestAnimationFrame(tick);
      const index = origin - Math.max(1, Math.floor((now - begun) * perMillisecond));
      if (index < 0 && this.isLooping) {
        [origin, begun] = [clip.frameCount, now];
      } else if (index < 0) {
        this.show(0);
      } else if (this.wanted === null && index !== this.index) {
        this.goTo(index);
      }
    };
    this.backwards = requestAnimationFrame(tick);
    this.onChange();
  }

  /** A seek into the last frame counts as its end: an element that loops would stand on the first one then. */
  private setSpeed(speed: number): void {
    this.speed = speed;
    this.video.loop = this.loops && speed > 0;
  }

  private stopBackwards(): void {
    cancelAnimationFrame(this.backwards);
  }

  private end(): void {
    if (!this.isPlaying) return;
    this.setSpeed(0);
    if (this.clip !== null) this.goTo(this.clip.lastIndex);
    this.onChange();
  }

  private wait(isWaiting: boolean): void {
    this.isWaiting = isWaiting;
    this.onChange();
  }

  private fail(): void {
    const code = this.video.error?.code;
    this.stopBackwards();
    this.setSpeed(0);
    this.isWaiting = this.canSeek = false;
    this.onTrouble(code === MediaError.MEDIA_ERR_NETWORK ? "lost-connection" : "undecodable");
    this.onChange();
  }

  /** The film plays on, but its frames have no numbers any more. */
  private lose(trouble: Trouble): void {
    this.clip = this.index = this.wanted = this.sought = null;
    this.onTrouble(trouble);
    this.onChange();
  }
}

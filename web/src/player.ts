/** Frame-accurate playback of one movie in a video element. */

import type { Clip } from "./clip";
import { FrameClock, MAX_CONTINUOUS_SPEED, startOf, withEnd, type PlayMode, type PlayRange } from "./playback/frame_clock";
import { Timestamps } from "./timestamps";

/** A reason why a movie cannot be played or numbered as it should be. */
export type PlaybackProblem =
  | "undecodable"
  | "lost-connection"
  | "no-ranges"
  | "no-frame-callback"
  | "wrong-rate"
  | "cut-short"
  | "frame-unreachable";

const MAX_SPEED = 8;
const MAX_ATTEMPTS = 2;
/** The element's clock is read at least so often while the end of a range is awaited. */
const MAX_TIMER_MS = 50;
/** Time from the end of a seek to the moment when its frame callback counts as lost. */
const FRAME_CALLBACK_TIMEOUT_MS = 400;
/** Time from a seek that has not ended to the moment when the movie is loaded again. */
const SEEK_TIMEOUT_MS = 5_000;

/** A time of display that is so far from the callback is not on the clock of the page. */
const MAX_DISPLAY_OFFSET_MS = 1_000;

/** Return when a frame appears: the time that the engine reports, which is not late when the page is busy. */
function displayTime(reported: number | undefined, now: number): number {
  return reported !== undefined && Math.abs(reported - now) < MAX_DISPLAY_OFFSET_MS ? reported : now;
}

/** Properties by which the engines report sound; some set them only once the movie plays. */
interface AudioProperties {
  readonly audioTracks?: { readonly length: number };
  readonly mozHasAudio?: boolean;
  readonly webkitAudioDecodedByteCount?: number;
}

/**
 * Plays one movie at a time in a video element and knows which frame is on the screen.
 *
 * The index comes from the presentation time of the frame that was really shown, never from the element's clock.
 * `clip` is null while the movie's exact rate is unknown or has been disproved: the movie plays then, but its frames
 * have no numbers.
 */
export class Player {
  clip: Clip | null = null;
  /** The index of the frame on the screen; null before the first frame. */
  index: number | null = null;
  /** When that frame appeared, as the engine reports it, on the clock of `performance.now()`. */
  shownAt = 0;
  /** Whether every frame of the movie can be reached. */
  canSeek = false;
  /** The speed as a multiple of the movie's rate; negative backwards, 0 while paused. */
  speed = 0;
  isWaiting = false;
  /** Whether frames that are sought one by one may go on: a compared movie may still have to show its frame. */
  mayAdvance: () => boolean = () => true;
  /** Called at the end of the movie or its range in the mode "next". */
  onFinish: () => void = () => undefined;

  private readonly video: HTMLVideoElement;
  private readonly onChange: () => void;
  private readonly onProblem: (problem: PlaybackProblem) => void;
  private timestamps: Timestamps | null = null;
  private frameCallback = 0;
  private requested: number | null = null;
  private sought: number | null = null;
  private attempts = 0;
  private frameTimeout = 0;
  /** Doubled each time, so that a slow machine can end a seek, too. */
  private seekTimeout = SEEK_TIMEOUT_MS;
  private hasMetadata = false;
  private animationCallback = 0;
  private seekClock: FrameClock | null = null;
  private endTimer = 0;
  private resumes = false;
  private pendingSpeed = 0;
  private playMode: PlayMode = "loop";
  private playRange: PlayRange | null = null;
  private normalSpeed = 1;

  constructor(video: HTMLVideoElement, onChange: () => void, onProblem: (problem: PlaybackProblem) => void) {
    this.video = video;
    this.onChange = onChange;
    this.onProblem = onProblem;
    video.addEventListener("loadedmetadata", () => this.onMetadata());
    video.addEventListener("seeked", () => this.onSeeked());
    video.addEventListener("ratechange", () => this.timestamps?.expectSpeedChange());
    video.addEventListener("ended", () => this.onEnded());
    video.addEventListener("error", () => this.onError());
    for (const type of ["waiting", "seeking"]) video.addEventListener(type, () => this.setWaiting(true));
    for (const type of ["playing", "seeked", "canplay"]) video.addEventListener(type, () => this.setWaiting(false));
    for (const type of ["progress", "timeupdate", "durationchange"]) video.addEventListener(type, onChange);
    // A hidden window presents no frames, so that no seek in it is ever confirmed.
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.requested !== null) this.goTo(this.requested);
    });
  }

  get isPlaying(): boolean {
    return this.speed !== 0;
  }

  /** Whether the frame on the screen is the one that was requested last. */
  get isSettled(): boolean {
    return this.requested === null && !this.video.seeking;
  }

  get mode(): PlayMode {
    return this.playMode;
  }

  set mode(mode: PlayMode) {
    this.playMode = mode;
    this.restart();
  }

  /** The part between the in and out points, or null for the whole movie. */
  get range(): PlayRange | null {
    return this.playRange;
  }

  /** The speed of the next playback, and of the present one. */
  get baseSpeed(): number {
    return this.normalSpeed;
  }

  set baseSpeed(speed: number) {
    this.normalSpeed = speed;
    if (this.isPlaying) this.play(this.speed < 0 ? -speed : speed);
    this.onChange();
  }

  /** Set the in or out point to an index. */
  setRangeEnd(end: "in" | "out", index: number): void {
    if (this.clip === null) return;
    this.playRange = withEnd(this.playRange, end, index, this.clip.lastIndex);
    this.restart();
  }

  clearRange(): void {
    this.playRange = null;
    this.restart();
  }

  /** Whether the engine has reported sound. */
  get hasSound(): boolean {
    const video: HTMLVideoElement & AudioProperties = this.video;
    return Boolean(video.audioTracks?.length || video.mozHasAudio || video.webkitAudioDecodedByteCount);
  }

  get isMuted(): boolean {
    return this.video.muted;
  }

  set isMuted(isMuted: boolean) {
    this.video.muted = isMuted;
    this.onChange();
  }

  /** From 0 to 1. */
  get volume(): number {
    return this.video.volume;
  }

  set volume(volume: number) {
    this.video.volume = volume;
    this.video.muted = volume === 0;
    this.onChange();
  }

  /** The requested frame while a seek is in progress, otherwise the frame on the screen. */
  get target(): number {
    return this.requested ?? this.index ?? 0;
  }

  /** Load a movie and show the frame at index `start`. `clip` is null if its exact facts are unknown. */
  open(url: string, clip: Clip | null, start = 0): void {
    this.close();
    this.clip = clip;
    this.timestamps = clip === null ? null : new Timestamps(clip);
    this.requested = clip === null ? null : start;
    this.isWaiting = true;
    if (clip !== null && !("requestVideoFrameCallback" in this.video)) this.dropFrameNumbers("no-frame-callback");
    this.video.src = url;
    this.video.load();
    this.requestFrameCallback();
    this.onChange();
  }

  /** Unload the movie. */
  close(): void {
    this.stopAnimation();
    clearTimeout(this.frameTimeout);
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.clip = this.timestamps = this.index = this.requested = this.sought = null;
    this.canSeek = this.isWaiting = this.hasMetadata = false;
    this.attempts = this.pendingSpeed = 0;
    this.playRange = null;
    this.setSpeed(0);
    this.onChange();
  }

  /** Play at a multiple of the movie's rate; a negative speed plays backwards. */
  play(speed = this.normalSpeed): void {
    if (!this.video.hasAttribute("src")) return;
    if (this.timestamps?.isCalibrated === false) {
      this.pendingSpeed = speed;
      return;
    }
    // The end of a range comes too fast to be met by continuous playback above the movie's rate.
    const maxSpeed = this.endsBeforeMovie ? 1 : MAX_CONTINUOUS_SPEED;
    const isSought = speed < 0 || (speed > maxSpeed && this.clip !== null && this.canSeek);
    if (isSought) this.playBySeeks(speed);
    else this.playContinuously(speed);
  }

  /** Play faster in this direction: 1, 2, 4, 8 times. A change of direction starts at 1. */
  shuttle(direction: 1 | -1): void {
    const isFaster = this.speed * direction > 0;
    this.play(isFaster ? direction * Math.min(Math.abs(this.speed) * 2, MAX_SPEED) : direction);
  }

  private playContinuously(speed: number): void {
    this.stopAnimation();
    const { limits } = this;
    this.setSpeed(speed);
    this.video.playbackRate = speed;
    const start = limits === null || !this.canSeek ? this.target : startOf(this.target, limits, speed);
    if (start === this.target) this.startElement();
    else this.startAt(start);
    if (limits !== null && this.canSeek && this.endsBeforeMovie) this.watchEnd(limits.last);
    this.onChange();
  }

  private startElement(): void {
    this.video.play().catch((error: unknown) => {
      // A movie that is replaced or paused before it starts also rejects the promise; only this error is a problem.
      if (error instanceof DOMException && error.name === "NotAllowedError") this.pause();
    });
  }

  /** Continue continuous playback at an index, once its frame is on the screen. */
  private startAt(index: number): void {
    this.video.pause();
    this.resumes = true;
    this.goTo(index);
  }

  /** Stop on the frame that is on the screen. */
  pause(): void {
    this.stopAnimation();
    this.setSpeed(0);
    this.video.pause();
    // The element's clock may be at the edge of the frame; from the middle a step always reaches the next frame.
    if (this.index !== null && this.canSeek) this.goTo(this.target);
    this.onChange();
  }

  /** Move playback by single seeks by a number of frames, so that it shows the same frame as another page. */
  shiftClock(frames: number): void {
    this.seekClock?.shift(frames);
  }

  /** Play, or pause if the movie plays. */
  toggle(): void {
    if (this.isPlaying) this.pause();
    else this.play();
  }

  /** Pause and move by this number of frames. */
  step(frames: number): void {
    this.show(this.target + frames);
  }

  /** Pause on an index, clamped to the movie. */
  show(index: number): void {
    if (this.isPlaying) this.pause();
    if (this.clip?.nearest(index) !== this.target) this.goTo(index);
  }

  /** Go to an index, and continue to play if the movie plays. */
  jump(index: number): void {
    if (this.requested === null) this.goTo(index);
  }

  /** Move a movie without exact facts to a fraction of its duration between 0 and 1. */
  showFraction(fraction: number): void {
    const { duration } = this.video;
    if (this.clip === null && Number.isFinite(duration)) this.video.currentTime = fraction * duration;
  }

  private goTo(index: number): void {
    // Before the metadata arrives it is unknown whether the movie can be sought: onMetadata() continues.
    if (this.clip === null || (this.hasMetadata && !this.canSeek)) return;
    this.requested = this.clip.nearest(index);
    this.attempts = 0;
    if (this.hasMetadata && !this.video.seeking) this.seek();
    this.onChange();
  }

  /** The index to seek to next: 0 until the engine's offset is known, so that no two seeks can be confused. */
  private get destination(): number | null {
    return this.timestamps?.isCalibrated === false ? 0 : this.requested;
  }

  private seek(index = this.destination): void {
    if (this.clip === null || index === null) return;
    this.sought = index;
    this.attempts += 1;
    this.video.currentTime = this.clip.middle(index);
    this.awaitFrame(this.seekTimeout);
  }

  private onMetadata(): void {
    const { seekable, duration } = this.video;
    const end = seekable.length > 0 ? seekable.end(seekable.length - 1) : 0;
    // Without byte ranges a seek ends at 0 and no event reports it.
    this.canSeek = end > 0 && end >= duration - 0.001;
    if (!this.canSeek) this.onProblem("no-ranges");
    if (this.clip !== null && !this.clip.fitsInto(duration)) this.dropFrameNumbers("cut-short");
    this.timestamps?.setDuration(duration);
    this.hasMetadata = true;
    if (this.canSeek && this.requested !== null) {
      this.goTo(this.requested);
    } else {
      this.timestamps?.assumeNoOffset();
      this.requested = null;
      this.playPending();
    }
    this.onChange();
  }

  private requestFrameCallback(): void {
    if (!("requestVideoFrameCallback" in this.video)) return;
    // That of the movie before is still pending, or the engine has dropped it.
    this.video.cancelVideoFrameCallback(this.frameCallback);
    this.frameCallback = this.video.requestVideoFrameCallback((now, metadata) => {
      this.requestFrameCallback();
      this.onFrame(metadata.mediaTime, displayTime(metadata.expectedDisplayTime, now));
    });
  }

  private onFrame(mediaTime: number, shownAt: number): void {
    this.isWaiting = false;
    if (this.timestamps === null) return;
    const isContinuous = !this.video.paused && this.speed > 0;
    const index = this.timestamps.indexAt(mediaTime, isContinuous, this.requested !== null);
    if (this.timestamps.isWrongRate) {
      this.dropFrameNumbers("wrong-rate");
    } else if (index !== null) {
      this.index = index;
      this.shownAt = shownAt;
      if (!this.video.seeking) this.settle();
      this.playPending();
    } else if (!this.isPlaying && !this.video.seeking) {
      this.awaitFrame();
    }
    this.onChange();
  }

  private onSeeked(): void {
    if (this.destination !== this.sought) this.seek();
    else if (this.timestamps?.isCalibrated && this.index === this.requested) this.settle();
    else this.awaitFrame();
  }

  /**
   * Wait for the frame of the last seek, then seek again by way of a neighbouring frame.
   *
   * A busy browser may show a frame without calling back, and calls back for it again only when it comes from another.
   * A busy WebKitGTK may never end a seek, and another one does not help: onMetadata() goes on once the movie is loaded.
   */
  private awaitFrame(timeout = FRAME_CALLBACK_TIMEOUT_MS): void {
    clearTimeout(this.frameTimeout);
    this.frameTimeout = window.setTimeout(() => {
      const { clip, destination } = this;
      if (clip === null || destination === null) return;
      if (this.video.seeking && this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
        // The data is still to come: the connection is slow.
        this.awaitFrame(timeout);
      } else if (this.video.seeking) {
        this.seekTimeout *= 2;
        this.pause();
        this.hasMetadata = false;
        this.video.load();
        this.requestFrameCallback();
      } else if (destination === this.sought && document.visibilityState === "visible") {
        if (this.attempts >= MAX_ATTEMPTS) this.timestamps?.assumeNoOffset();
        this.seek(destination <= (this.limits?.first ?? 0) ? clip.nearest(destination + 1) : destination - 1);
      }
    }, timeout);
  }

  /** End a seek whose frame is on the screen. The "seeked" event alone does not prove that. */
  private settle(): void {
    if (this.requested === null) return;
    const isWrong = this.index !== this.requested && !this.isPlaying;
    // After the first seek, which found the offset, another one was requested.
    if (this.requested !== this.sought || (isWrong && this.attempts < MAX_ATTEMPTS)) {
      this.seek();
      return;
    }
    if (isWrong) this.onProblem("frame-unreachable");
    this.requested = this.sought = null;
    this.seekTimeout = SEEK_TIMEOUT_MS;
    if (this.resumes) this.startElement();
    this.resumes = false;
  }

  /** The first and last index that are played; null without frame numbers. */
  get limits(): PlayRange | null {
    return this.clip === null ? null : (this.playRange ?? { first: 0, last: this.clip.lastIndex });
  }

  /** Whether playback has to end by itself; otherwise the element loops or ends, with sound that may be longer. */
  private get endsBeforeMovie(): boolean {
    return this.playRange !== null || this.playMode === "ping-pong";
  }

  /** Show one frame after the other by seeks: the number on the page is always that of the image. */
  private playBySeeks(speed: number): void {
    const { clip, limits } = this;
    if (clip === null || limits === null || !this.canSeek) return;
    this.stopAnimation();
    this.setSpeed(speed);
    // reachEnd() continues: an element that loops jumps to the first frame after a seek into the last one.
    this.video.loop = false;
    this.video.pause();
    const end = speed < 0 ? limits.first : limits.last;
    const start = startOf(this.target, limits, speed);
    this.seekClock = null;
    if (start !== this.target) this.goTo(start);
    const tick = (now: number): void => {
      this.animationCallback = requestAnimationFrame(tick);
      if (this.requested !== null || !this.mayAdvance()) return;
      this.seekClock ??= new FrameClock(clip.rate, speed, this.index ?? start, now);
      const index = this.seekClock.indexAt(now);
      if ((index - end) * speed <= 0) {
        if (index !== this.index) this.goTo(index);
      } else if (this.index !== end) {
        this.goTo(end); // The last frame is shown even if it is late.
      } else {
        this.reachEnd((first) => this.goTo(first));
        this.seekClock = null;
      }
    };
    this.animationCallback = requestAnimationFrame(tick);
    this.onChange();
  }

  /** End continuous playback in the middle of its last frame, before the next one is shown. */
  private watchEnd(last: number): void {
    const { clip } = this;
    if (clip === null) return;
    // A timer: a busy browser calls back for frames and animations too late.
    const check = (): void => {
      const position = this.timestamps?.positionAt(this.video.currentTime) ?? 0;
      if (this.isSettled && position >= last + 0.5) this.reachEnd((first) => this.startAt(first));
      if (this.speed <= 0) return;
      const left = (clip.middle(last) - clip.middle(position - 0.5)) / this.speed;
      this.endTimer = window.setTimeout(check, Math.min(Math.max(left * 1000, 4), MAX_TIMER_MS));
    };
    this.endTimer = window.setTimeout(check, 0);
  }

  /** Continue as the mode says after the last frame of the movie or its range was shown; `restart` plays from an index. */
  private reachEnd(restart: (index: number) => void): void {
    const { limits, speed } = this;
    if (limits === null) return;
    if (this.playMode === "loop") {
      restart(speed < 0 ? limits.last : limits.first);
    } else if (this.playMode === "ping-pong" && limits.first < limits.last) {
      this.play(-speed);
    } else {
      this.show(speed < 0 ? limits.first : limits.last);
      if (this.playMode === "next" && speed > 0) this.onFinish();
    }
  }

  /** Apply a new mode or range to the present playback. */
  private restart(): void {
    if (this.isPlaying) this.play(this.speed);
    this.onChange();
  }

  /** Start what was requested before the first frame. */
  private playPending(): void {
    const speed = this.pendingSpeed;
    this.pendingSpeed = 0;
    if (speed !== 0) this.play(speed);
  }

  /** Set the speed. The element loops only while it plays: a seek into the last frame would jump to the first. */
  private setSpeed(speed: number): void {
    this.speed = speed;
    this.video.loop = this.playMode === "loop" && speed > 0 && this.playRange === null;
  }

  private stopAnimation(): void {
    clearTimeout(this.endTimer);
    this.resumes = false;
    cancelAnimationFrame(this.animationCallback);
    this.animationCallback = 0;
  }

  private onEnded(): void {
    // Playback by seeks continues by itself: a seek into the last frame may end the movie, too.
    if (!this.isPlaying || this.animationCallback !== 0) return;
    const { speed } = this;
    if (this.endsBeforeMovie && this.clip !== null) {
      this.reachEnd((first) => this.startAt(first));
      return;
    }
    this.stopAnimation();
    this.setSpeed(0);
    if (this.clip !== null) this.goTo(this.clip.lastIndex);
    this.onChange();
    if (this.playMode === "next" && speed > 0) this.onFinish();
  }

  private setWaiting(isWaiting: boolean): void {
    this.isWaiting = isWaiting;
    this.onChange();
  }

  private onError(): void {
    this.stopAnimation();
    this.setSpeed(0);
    this.isWaiting = this.canSeek = false;
    this.onProblem(this.video.error?.code === MediaError.MEDIA_ERR_NETWORK ? "lost-connection" : "undecodable");
    this.onChange();
  }

  /** Continue to play the movie without frame numbers. */
  private dropFrameNumbers(problem: PlaybackProblem): void {
    this.clip = this.timestamps = this.index = this.requested = this.sought = null;
    this.onProblem(problem);
    this.playPending();
    this.onChange();
  }
}

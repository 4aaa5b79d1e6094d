/** The media of the selected version: opens it, keeps its frame, and finds out why it cannot be shown. */

import { Clip } from "../clip";
import { find } from "../dom";
import { STILL_FRAME, type Details } from "../model";
import type { Notice } from "../notices";
import { Renditions } from "../playback/renditions";
import { playedLines } from "../playback/view_bar";
import { Waveform } from "../playback/waveform";
import { Player, type PlaybackProblem } from "../player";
import { mediaUrl, probeMedia, readDetails, readWaveform } from "../server";
import * as store from "../store";
import type { Size } from "../strokes";
import { isContinued, keptIndex, START, type NextStart } from "./next_start";

const STALL_TIMEOUT_MS = 700;
const MARKING_INTERVAL_MS = 2_000;

/** What the media need of the page. */
export interface MediaPage {
  readonly render: () => void;
  readonly isConnected: () => boolean;
  /** Read the review again later, because the server does not answer. */
  readonly lose: () => void;
  /** Return the id of the version that plays after this one. */
  readonly following: () => string | undefined;
  readonly setKnownSound: (hasSound: boolean) => void;
}

export class Media {
  readonly video = find("movie", HTMLVideoElement);
  readonly player: Player;
  readonly renditions = new Renditions(() => this.reopen());
  /** The id of the version whose media is open. */
  openedId: string | null = null;
  next: NextStart = START;
  /** The messages in place of the image and beside it. */
  stageNotice: Notice | null = null;
  stripNotice: Notice | null = null;
  private readonly still = find("still", HTMLImageElement);
  private readonly waveform = new Waveform();
  private readonly page: MediaPage;
  private openedMedia = "";
  private openedShot = "";
  private openedUrl = "";
  private stallTimer = 0;
  private preloaded: HTMLVideoElement | null = null;

  constructor(page: MediaPage) {
    this.page = page;
    this.player = new Player(this.video, () => page.render(), (problem) => this.report(problem));
  }

  addListeners(): void {
    this.video.addEventListener("waiting", () => this.watchStall());
    this.video.addEventListener("loadeddata", () => this.loadWaveform());
    this.still.addEventListener("load", () => this.page.render());
    this.still.addEventListener("error", () => void this.diagnose("undecodable"));
  }

  get isStill(): boolean {
    return this.still.hasAttribute("src");
  }

  /** The size of the image on the screen in its own pixels; 0 by 0 before it is loaded. */
  get imageSize(): Size {
    const { still, video } = this;
    if (this.isStill) return { width: still.naturalWidth, height: still.naturalHeight };
    return { width: video.videoWidth, height: video.videoHeight };
  }

  /** The shot's number of the frame on the screen, or null if frames have no numbers. */
  get frame(): number | null {
    if (this.isStill) return this.imageSize.width > 0 ? STILL_FRAME : null;
    const { clip, index, canSeek } = this.player;
    return clip === null || index === null || !canSeek ? null : clip.numberAt(index);
  }

  /** Open the media of a version if it is another one or has changed. Return whether it is another one, or null. */
  show(details: Details): boolean | null {
    const media = JSON.stringify([details.film, details.still, details.is_encoding]);
    const isOther = details.id !== this.openedId;
    if (!isOther && media === this.openedMedia) return null;
    this.openedMedia = media;
    if (isOther) this.openVersion(details);
    else this.open(details, this.player.target);
    return isOther;
  }

  /** Load the media again at the same frame, if it or its rendition is not what is played. */
  reopen(): void {
    const details = store.details.peek();
    if (details === null) return;
    const { range, speed, target } = this.player;
    const chosen = details.film === null ? "" : this.renditions.choose(details, details.film).url;
    if (details.film !== null && chosen === this.openedUrl && this.stageNotice === null && this.page.isConnected()) return;
    this.open(details, target);
    if (range !== null) {
      this.player.setRangeEnd("in", range.first);
      this.player.setRangeEnd("out", range.last);
    }
    if (speed !== 0) this.player.play(speed);
  }

  pause(): void {
    if (this.player.isPlaying) this.player.pause();
  }

  /** Load the beginning of the next version while this one plays, so that it begins at once. */
  preloadNext(): void {
    if (this.player.mode !== "next" || !this.player.isPlaying || this.preloaded !== null) return;
    const next = this.page.following();
    if (next === undefined) return;
    const video = document.createElement("video");
    this.preloaded = video;
    void readDetails(next).then((found) => {
      if (typeof found === "string" || this.preloaded !== video) return;
      store.setDetails(found);
      if (found.film === null) return;
      const played = found.film.renditions.find(({ lines }) => lines === playedLines.peek());
      video.preload = "auto";
      video.muted = true;
      video.src = mediaUrl((played ?? found.film).url);
    });
  }

  /** Show the image or movie, unless a message is in its place. */
  render(): void {
    this.still.hidden = !this.isStill || this.stageNotice !== null;
    this.video.hidden = !this.video.hasAttribute("src") || this.stageNotice !== null;
  }

  /** Open another version; one of the same shot begins at the same frame, and continues to play. */
  private openVersion(details: Details): void {
    const shot = JSON.stringify(details.path);
    const { next, player } = this;
    const continues = isContinued(next, shot === this.openedShot);
    const { range, clip: before } = player;
    const clip = Clip.from(details.film?.exact ?? null);
    const kept = continues ? keptIndex(next, clip) : null;
    this.openedId = details.id;
    this.openedShot = shot;
    this.open(details, kept ?? 0);
    if (kept !== null && clip !== null && before !== null && range !== null) {
      player.setRangeEnd("in", clip.indexOf(before.numberAt(range.first)));
      player.setRangeEnd("out", clip.indexOf(before.numberAt(range.last)));
    }
    if (continues && next.speed !== 0) player.play(next.speed);
    this.next = START;
  }

  private open(details: Details, start: number): void {
    const notice = this.stripNotice;
    this.stageNotice = null;
    this.stripNotice = notice === "version-missing" ? notice : null;
    this.still.removeAttribute("src");
    if (details.film === null) {
      this.player.close();
      if (details.still !== null) this.still.src = mediaUrl(details.still);
      else this.stageNotice = details.is_encoding ? "encoding" : "no-movie";
    } else {
      const clip = Clip.from(details.film.exact);
      if (clip === null) this.stripNotice = "no-exact-rate";
      this.openedUrl = this.renditions.choose(details, details.film).url;
      this.player.open(this.openedUrl, clip, start);
      this.preloaded = null;
    }
    this.page.render();
  }

  private report(problem: PlaybackProblem): void {
    if (problem === "undecodable" || problem === "lost-connection") void this.diagnose(problem);
    else this.stripNotice = problem;
    this.page.render();
  }

  /** Find out why media does not load: the browser reports a damaged and an unreachable file in the same way. */
  private async diagnose(problem: "undecodable" | "lost-connection"): Promise<void> {
    const details = store.details.peek();
    const url = details?.film?.url ?? details?.still ?? null;
    if (url === null) return;
    this.stageNotice = problem;
    const cause = await probeMedia(mediaUrl(url));
    if (details?.id !== store.currentId.peek()) return;
    if (cause === "busy" && store.review.peek()?.is_watermarked) {
      this.stageNotice = "marking";
      this.stallTimer = window.setTimeout(() => this.reopen(), MARKING_INTERVAL_MS);
      this.page.render();
      return;
    }
    const isLost = cause === "busy" || (problem === "lost-connection" && cause === "undecodable");
    this.stageNotice = isLost ? "lost-connection" : cause;
    if (details?.film === null && cause === "undecodable") this.stageNotice = "image-undecodable";
    if (cause === "lost-connection" || cause === "busy") this.page.lose();
    this.page.render();
  }

  /** Show the waveform of the movie; it is read after the first image, which is more urgent. */
  private loadWaveform(): void {
    const details = store.details.peek();
    const { clip } = this.player;
    this.waveform.show(null, null);
    if (details === null || details.film === null || clip === null) return;
    void readWaveform(mediaUrl(details.film.url)).then((peaks) => {
      if (details.id !== store.currentId.peek()) return;
      this.waveform.show(peaks, clip);
      this.page.setKnownSound(peaks !== null && peaks.length > 0);
    });
  }

  /** Count an interruption of the playback that lasts; a short one is usual at the start of a movie. */
  private watchStall(): void {
    clearTimeout(this.stallTimer);
    this.stallTimer = window.setTimeout(() => {
      const isStalled = !this.video.paused && !this.video.seeking && this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
      if (isStalled) this.renditions.countStall();
    }, STALL_TIMEOUT_MS);
  }
}

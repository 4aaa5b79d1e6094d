/** The compared version: a second movie that follows the first one by the shot's frame numbers. */

import { Clip } from "../clip";
import { find, setText } from "../dom";
import type { Details } from "../model";
import { Player } from "../player";
import { mediaUrl } from "../server";
import type { Size } from "../strokes";
import { Difference } from "./difference";
import { MAX_CONTINUOUS_SPEED } from "./frame_clock";

/** Beyond this number of frames, the compared movie seeks instead of playing faster or slower. */
const MAX_DRIFT = 4;
/** From this number of frames on, the compared movie plays faster or slower until it is at the right frame. */
const MIN_CORRECTED_DRIFT = 2;
const FASTER = 1.5;
const SLOWER = 0.5;

/**
 * Return the factor of the speed of a movie that is `drift` frames behind, from its present factor.
 *
 * There are few changes, because the WebKit engine seeks at each of them.
 */
export function catchUpFactor(drift: number, factor: number): number {
  if (Math.abs(drift) >= MIN_CORRECTED_DRIFT) return drift > 0 ? FASTER : SLOWER;
  const isCorrected = factor === FASTER ? drift <= 0 : drift >= 0;
  return isCorrected ? 1 : factor;
}

/**
 * Follows the main player, which is never changed.
 *
 * While the main movie is paused or sought, both show exactly the same frame number. While it plays continuously, the
 * compared movie plays without sound and is corrected by its drift.
 */
export class Comparison {
  private readonly main: Player;
  private readonly video = find("other-movie", HTMLVideoElement);
  private readonly still = find("other-still", HTMLImageElement);
  private readonly notice = find("other-notice", HTMLElement);
  private readonly player: Player;
  private readonly difference = new Difference();
  private details: Details | null = null;
  private openedMedia = "[]";
  private isSyncing = false;
  private hasProblem = false;
  private factor = 1;

  constructor(main: Player, onChange: () => void) {
    this.main = main;
    this.player = new Player(this.video, onChange, () => {
      this.hasProblem = true;
      this.render();
    });
    this.player.mode = "once";
    this.player.isMuted = true;
    main.mayAdvance = () => this.details === null || this.isSettled;
  }

  /** Show this version beside the main one, or none. */
  open(details: Details | null, url: string | null): void {
    const media = JSON.stringify([details?.id, details?.film, details?.still]);
    if (media === this.openedMedia) return;
    this.openedMedia = media;
    this.details = details;
    this.hasProblem = false;
    this.player.close();
    this.still.removeAttribute("src");
    if (details?.film != null && url !== null) {
      this.player.open(url, Clip.from(details.film.exact), this.index ?? 0);
    } else if (details?.still != null) {
      this.still.src = mediaUrl(details.still);
    }
    this.sync();
  }

  /** The size of the compared image in its own pixels. */
  get imageSize(): Size {
    if (this.still.hasAttribute("src")) return { width: this.still.naturalWidth, height: this.still.naturalHeight };
    return { width: this.video.videoWidth, height: this.video.videoHeight };
  }

  /** Follow the main player. Called at each of its changes. */
  sync(): void {
    if (this.isSyncing) return;
    this.isSyncing = true;
    const { main, player, index } = this;
    if (this.details?.film != null && player.clip !== null && index !== null) {
      const isContinuous = main.speed > 0 && main.speed <= MAX_CONTINUOUS_SPEED;
      if (!isContinuous) player.show(index);
      else this.follow(index, (main.speed * rateOf(main)) / rateOf(player));
    } else if (player.isPlaying) {
      player.pause();
    }
    this.isSyncing = false;
    this.render();
  }

  private get isSettled(): boolean {
    const { index, player } = this;
    return index === null || player.clip === null || this.hasProblem || player.index === index;
  }

  /** The index in the compared movie of the main movie's frame number, or null if it does not have that frame. */
  private get index(): number | null {
    const clip = Clip.from(this.details?.film?.exact ?? null);
    if (clip === null || this.main.clip === null) return null;
    const number = this.main.clip.numberAt(this.main.target);
    return clip.contains(number) ? clip.indexOf(number) : null;
  }

  private follow(index: number, speed: number): void {
    const { player } = this;
    if (!player.isPlaying) {
      this.factor = 1;
      player.show(index);
      if (index < (player.clip?.lastIndex ?? 0)) player.play(speed);
      return;
    }
    const drift = index - (player.index ?? index);
    if (Math.abs(drift) > MAX_DRIFT) player.jump(index);
    this.factor = catchUpFactor(drift, this.factor);
    const rate = speed * this.factor;
    if (Math.abs(this.video.playbackRate - rate) > 0.01) this.video.playbackRate = rate;
  }

  private render(): void {
    const { details, still, video } = this;
    const text = details === null ? "" : this.reason(details);
    still.hidden = !still.hasAttribute("src") || text !== "";
    video.hidden = !video.hasAttribute("src") || text !== "";
    this.notice.hidden = text === "";
    setText(this.notice, text);
    const { clip, index } = this.player;
    video.dataset["frame"] = clip === null || index === null ? "" : String(clip.numberAt(index));
    this.difference.paint();
  }

  /** Return why the compared version shows no image, or "". */
  private reason(details: Details): string {
    if (details.film === null) return details.still === null ? "This version has no movie." : "";
    if (this.hasProblem) return "This movie cannot be compared.";
    if (this.player.clip === null || this.main.clip === null) return "Without frame numbers, movies cannot be compared.";
    if (this.index !== null) return "";
    return `Frame ${this.main.clip.numberAt(this.main.target)} is not in this version.`;
  }
}

function rateOf({ clip }: Player): number {
  return clip === null ? 1 : clip.rate.numerator / clip.rate.denominator;
}

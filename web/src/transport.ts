/** The counters and buttons under the timeline. */

import { formatRate } from "./clip";
import { find, setText } from "./dom";
import type { Command } from "./keys";
import type { Player } from "./player";

export class Transport {
  private readonly root = find("transport", HTMLElement);
  private readonly field = find("frame-number", HTMLInputElement);
  private readonly position = find("frame-position", HTMLElement);
  private readonly timeCode = find("time-code", HTMLElement);
  private readonly rate = find("frame-rate", HTMLElement);
  private readonly speed = find("speed", HTMLElement);
  private readonly play = find("play", HTMLButtonElement);
  private readonly loop = find("loop", HTMLButtonElement);
  private readonly sound = find("sound", HTMLButtonElement);
  private readonly player: Player;
  private readonly video: HTMLVideoElement;

  constructor(player: Player, video: HTMLVideoElement, runCommand: (command: Command) => void) {
    this.player = player;
    this.video = video;
    for (const button of this.root.querySelectorAll<HTMLButtonElement>("button[data-command]")) {
      button.addEventListener("click", () => runCommand(button.dataset["command"] as Command));
    }
    find("full-screen", HTMLButtonElement).hidden = !document.fullscreenEnabled;
    this.field.addEventListener("focus", () => this.field.select());
    // Some engines clear that selection when the mouse button is released.
    this.field.addEventListener("mouseup", (event) => {
      event.preventDefault();
      this.field.select();
    });
    this.field.addEventListener("keydown", (event) => this.onKeyDown(event));
    this.field.addEventListener("blur", () => this.render());
  }

  /** Show the state of the player. */
  render(): void {
    const { clip, index, isPlaying, speed } = this.player;
    if (document.activeElement !== this.field) {
      this.field.value = clip && index !== null ? String(clip.numberAt(index)) : "–";
    }
    this.root.dataset["numbers"] = String(clip !== null);
    this.field.disabled = clip === null || !this.player.canSeek;
    setText(this.position, clip && index !== null ? `${index + 1} / ${clip.frameCount}` : "–");
    setText(this.timeCode, clip && index !== null ? clip.timeCode(index) : formatSeconds(this.video.currentTime));
    setText(this.rate, clip ? `${formatRate(clip.rate)} fps` : "");
    setText(this.speed, Math.abs(speed) > 1 || speed < 0 ? `${speed}×` : "");
    this.renderButtons(isPlaying);
  }

  private renderButtons(isPlaying: boolean): void {
    this.root.dataset["playing"] = String(isPlaying);
    this.play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    this.play.disabled = !this.video.hasAttribute("src") || this.video.error !== null;
    this.loop.setAttribute("aria-pressed", String(this.player.isLooping));
    this.sound.hidden = !this.player.hasSound;
    this.sound.setAttribute("aria-pressed", String(!this.player.isMuted));
    for (const button of this.root.querySelectorAll<HTMLButtonElement>("button[data-needs-frames]")) {
      button.disabled = this.player.clip === null || !this.player.canSeek;
    }
  }

  /** Go to the typed frame on Enter, discard it on Escape. */
  private onKeyDown(event: KeyboardEvent): void {
    const { clip } = this.player;
    if (event.key === "Enter" && clip !== null && /^\s*-?\d+\s*$/.test(this.field.value)) {
      this.player.show(clip.indexOf(Number(this.field.value)));
    }
    if (event.key === "Enter" || event.key === "Escape") this.field.blur();
  }
}

/** Format minutes and seconds, for a movie without frame numbers. */
function formatSeconds(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

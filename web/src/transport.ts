/** The counters and buttons under the timeline. */

import { formatRate } from "./clip";
import { find, setText } from "./dom";
import type { Command } from "./keys";
import { formatSpeed, SPEEDS } from "./playback/frame_clock";
import { readSetting, writeSetting } from "./playback/view_state";
import type { Player } from "./player";

const VOLUME_KEY = "ft-dcc-volume";

export class Transport {
  private readonly root = find("transport", HTMLElement);
  private readonly field = find("frame-number", HTMLInputElement);
  private readonly position = find("frame-position", HTMLElement);
  private readonly timeCode = find("time-code", HTMLElement);
  private readonly rate = find("frame-rate", HTMLElement);
  private readonly speed = find("speed", HTMLElement);
  private readonly play = find("play", HTMLButtonElement);
  private readonly speeds = find("base-speed", HTMLSelectElement);
  private readonly modes = { loop: find("loop", HTMLButtonElement), "ping-pong": find("ping-pong", HTMLButtonElement), next: find("play-on", HTMLButtonElement) };
  private readonly sound = find("sound", HTMLButtonElement);
  private readonly volume = find("volume", HTMLInputElement);
  private readonly clearRange = find("clear-range", HTMLButtonElement);
  private readonly player: Player;
  private readonly video: HTMLVideoElement;
  private knownSound = false;

  constructor(player: Player, video: HTMLVideoElement, runCommand: (command: Command) => void) {
    this.player = player;
    this.video = video;
    for (const button of this.root.querySelectorAll<HTMLButtonElement>("button[data-command]")) {
      button.addEventListener("click", () => runCommand(button.dataset["command"] as Command));
    }
    this.speeds.append(...SPEEDS.map((speed) => new Option(formatSpeed(speed), String(speed))));
    this.speeds.addEventListener("change", () => (player.baseSpeed = Number(this.speeds.value)));
    this.volume.addEventListener("input", () => {
      player.volume = Number(this.volume.value) / 100;
      writeSetting(VOLUME_KEY, this.volume.value);
    });
    const volume = Number(readSetting(VOLUME_KEY) || "100");
    if (volume >= 0 && volume <= 100) player.volume = volume / 100;
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
    setText(this.speed, speed !== 0 && speed !== 1 ? formatSpeed(speed) : "");
    this.renderButtons(isPlaying);
  }

  private renderButtons(isPlaying: boolean): void {
    this.root.dataset["playing"] = String(isPlaying);
    this.play.setAttribute("aria-label", isPlaying ? "Pause" : "Play");
    this.play.disabled = !this.video.hasAttribute("src") || this.video.error !== null;
    for (const [mode, button] of Object.entries(this.modes)) {
      button.setAttribute("aria-pressed", String(this.player.mode === mode));
    }
    this.speeds.value = String(this.player.baseSpeed);
    this.clearRange.hidden = this.player.range === null;
    this.renderSound();
    for (const button of this.root.querySelectorAll<HTMLButtonElement>("button[data-needs-frames]")) {
      button.disabled = this.player.clip === null || !this.player.canSeek;
    }
  }

  private renderSound(): void {
    const { hasSound, isMuted, volume } = this.player;
    this.sound.hidden = this.volume.hidden = !hasSound && !this.knownSound;
    this.sound.setAttribute("aria-pressed", String(!isMuted));
    this.volume.value = String(isMuted ? 0 : Math.round(volume * 100));
  }

  /** Show the sound's controls before the engine reports sound, which some do only once the movie plays. */
  setKnownSound(hasSound: boolean): void {
    this.knownSound = hasSound;
    this.renderSound();
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

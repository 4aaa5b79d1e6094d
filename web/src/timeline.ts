/** The timeline under the picture: every frame a cell, dragged with mouse, pen or finger. */

import { find, make, setText } from "./dom";
import type { Player } from "./player";
import { ticks } from "./ticks";

/** Room that one label needs, in letter sizes of the page. */
const LABEL_WIDTH = 4;

export class Timeline {
  private readonly root = find("timeline", HTMLElement);
  private readonly track = find("track", HTMLElement);
  private readonly labels = find("tick-labels", HTMLElement);
  private readonly buffered = find("buffered", HTMLElement);
  private readonly hint = find("frame-hint", HTMLElement);
  private readonly player: Player;
  private readonly video: HTMLVideoElement;
  private readonly marks = find("marks", HTMLElement);
  private room = 0;
  private marked = "";
  private drawn = "";

  constructor(player: Player, video: HTMLVideoElement) {
    this.player = player;
    this.video = video;
    this.root.addEventListener("pointerdown", (event) => this.begin(event));
    this.root.addEventListener("pointermove", (event) => this.move(event));
    this.root.addEventListener("pointerleave", () => (this.hint.hidden = true));
    new ResizeObserver(() => this.measure()).observe(this.track);
  }

  /** Draws what the player says. */
  render(): void {
    const { clip } = this.player;
    this.drawTicks();
    this.drawBuffered();
    const count = clip?.frameCount ?? 0;
    const begin = clip ? this.player.target / count : this.video.currentTime / (this.video.duration || Infinity);
    this.root.style.setProperty("--head", String(begin));
    this.root.style.setProperty("--cell", String(clip ? 1 / count : 0));
    this.root.dataset["seekable"] = String(this.player.canSeek);
    this.describe();
  }

  /** Marks the frames with these numbers. */
  mark(frames: readonly number[]): void {
    const { clip } = this.player;
    const inside = clip === null ? [] : frames.filter((frame) => clip.numberAt(clip.indexOf(frame)) === frame);
    const key = clip === null ? "" : `${clip.firstFrame} ${clip.frameCount} ${inside.join(" ")}`;
    if (clip === null || key === this.marked) {
      if (clip === null) this.marks.replaceChildren();
      this.marked = key;
      return;
    }
    this.marked = key;
    this.marks.replaceChildren(
      ...inside.map((frame) => {
        const mark = make("span", "mark");
        mark.style.setProperty("--at", String((clip.indexOf(frame) + 0.5) / clip.frameCount));
        return mark;
      }),
    );
  }

  private measure(): void {
    const letter = parseFloat(getComputedStyle(this.track).fontSize);
    this.room = Math.floor(this.track.clientWidth / (letter * LABEL_WIDTH));
    this.render();
  }

  /** Tells a screen reader what the slider stands on. */
  private describe(): void {
    const { clip, target } = this.player;
    this.root.setAttribute("aria-disabled", String(!this.player.canSeek));
    this.root.setAttribute("aria-valuemin", String(clip?.firstFrame ?? 0));
    this.root.setAttribute("aria-valuemax", String(clip?.numberAt(clip.lastIndex) ?? 0));
    this.root.setAttribute("aria-valuenow", String(clip?.numberAt(target) ?? 0));
    this.root.setAttribute("aria-valuetext", clip ? `Frame ${clip.numberAt(target)}` : "No frame numbers");
  }

  private drawTicks(): void {
    const { clip } = this.player;
    const key = clip ? `${clip.firstFrame} ${clip.frameCount} ${this.room}` : "";
    if (key === this.drawn) return;
    this.drawn = key;
    this.labels.replaceChildren();
    if (clip === null) return;
    for (const index of ticks(clip, this.room)) {
      const label = make("span", "tick", String(clip.numberAt(index)));
      label.style.setProperty("--at", String((index + 0.5) / clip.frameCount));
      this.labels.append(label);
    }
    this.labels.firstElementChild?.classList.add("tick-first");
    this.labels.lastElementChild?.classList.add("tick-last");
  }

  private drawBuffered(): void {
    const { buffered, duration } = this.video;
    const end = buffered.length > 0 && duration > 0 ? buffered.end(buffered.length - 1) / duration : 0;
    this.buffered.style.setProperty("--until", String(Math.min(1, end)));
  }

  private begin(event: PointerEvent): void {
    if (event.button !== 0 || !this.player.canSeek) return;
    this.root.setPointerCapture(event.pointerId);
    this.scrub(event);
  }

  private move(event: PointerEvent): void {
    this.showHint(event);
    if (this.root.hasPointerCapture(event.pointerId)) this.scrub(event);
  }

  private scrub(event: PointerEvent): void {
    const { clip } = this.player;
    const part = this.partAt(event);
    if (clip === null) this.player.showPart(part);
    else this.player.show(Math.floor(part * clip.frameCount));
  }

  private showHint(event: PointerEvent): void {
    const { clip } = this.player;
    this.hint.hidden = clip === null || !this.player.canSeek;
    if (clip === null) return;
    const part = this.partAt(event);
    const index = clip.nearest(Math.floor(part * clip.frameCount));
    setText(this.hint, String(clip.numberAt(index)));
    this.hint.style.setProperty("--at", String(part));
  }

  private partAt(event: PointerEvent): number {
    const { left, width } = this.track.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1);
  }
}

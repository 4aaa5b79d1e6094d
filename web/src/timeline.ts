/** The timeline under the image: one cell for each frame, dragged with mouse, pen or finger. */

import { find, make, setText } from "./dom";
import type { Player } from "./player";
import { ticks } from "./ticks";

/** A frame or range with a note or drawing. */
export interface Mark {
  readonly frame: number;
  readonly end: number | null;
  readonly kind: "open" | "drawn" | "done";
  readonly text: string;
}

/** Width that one label needs, in font sizes of the page. */
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
  private maxLabels = 0;
  private shownMarks = "";
  private shownTicks = "";

  constructor(player: Player, video: HTMLVideoElement) {
    this.player = player;
    this.video = video;
    this.root.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    this.root.addEventListener("pointermove", (event) => this.onPointerMove(event));
    this.root.addEventListener("pointerleave", () => (this.hint.hidden = true));
    new ResizeObserver(() => this.measure()).observe(this.track);
  }

  /** Show the state of the player. */
  render(): void {
    const { clip } = this.player;
    this.renderTicks();
    this.renderBuffered();
    const count = clip?.frameCount ?? 0;
    const start = clip ? this.player.target / count : this.video.currentTime / (this.video.duration || Infinity);
    this.root.style.setProperty("--head", String(start));
    this.root.style.setProperty("--cell", String(clip ? 1 / count : 0));
    this.root.dataset["seekable"] = String(this.player.canSeek);
    this.renderRange();
    this.renderSliderState();
  }

  /** Mark these frames and ranges; frames outside of the movie have no mark. */
  mark(all: readonly Mark[]): void {
    const { clip } = this.player;
    const inside = clip === null ? [] : all.filter(({ frame }) => clip.numberAt(clip.indexOf(frame)) === frame);
    const key = clip === null ? "" : JSON.stringify([clip.firstFrame, clip.frameCount, inside]);
    if (key === this.shownMarks) return;
    this.shownMarks = key;
    if (clip === null) {
      this.marks.replaceChildren();
      return;
    }
    this.marks.replaceChildren(
      ...inside.map(({ frame, end, kind, text }) => {
        // No button: a slider contains no other control. The keys , and . go to the marks.
        const mark = make("span", "mark");
        mark.dataset["kind"] = kind;
        mark.dataset["text"] = end === null ? `${frame} · ${text}` : `${frame}–${end} · ${text}`;
        const index = clip.indexOf(frame);
        mark.style.setProperty("--at", String((index + 0.5) / clip.frameCount));
        mark.style.setProperty("--length", String(end === null ? 0 : (clip.indexOf(end) - index) / clip.frameCount));
        mark.addEventListener("pointerdown", (event) => event.stopPropagation());
        mark.addEventListener("click", () => this.player.show(index));
        return mark;
      }),
    );
  }

  /** Show the in and out points. */
  private renderRange(): void {
    const { clip, range } = this.player;
    this.root.dataset["range"] = String(clip !== null && range !== null);
    if (clip === null || range === null) return;
    this.root.style.setProperty("--in", String(range.first / clip.frameCount));
    this.root.style.setProperty("--out", String((range.last + 1) / clip.frameCount));
  }

  private measure(): void {
    const fontSize = parseFloat(getComputedStyle(this.track).fontSize);
    this.maxLabels = Math.floor(this.track.clientWidth / (fontSize * LABEL_WIDTH));
    this.render();
  }

  /** Set the slider's state for screen readers. */
  private renderSliderState(): void {
    const { clip, target } = this.player;
    this.root.setAttribute("aria-disabled", String(!this.player.canSeek));
    this.root.setAttribute("aria-valuemin", String(clip?.firstFrame ?? 0));
    this.root.setAttribute("aria-valuemax", String(clip?.numberAt(clip.lastIndex) ?? 0));
    this.root.setAttribute("aria-valuenow", String(clip?.numberAt(target) ?? 0));
    this.root.setAttribute("aria-valuetext", clip ? `Frame ${clip.numberAt(target)}` : "No frame numbers");
  }

  private renderTicks(): void {
    const { clip } = this.player;
    const key = clip ? `${clip.firstFrame} ${clip.frameCount} ${this.maxLabels}` : "";
    if (key === this.shownTicks) return;
    this.shownTicks = key;
    this.labels.replaceChildren();
    if (clip === null) return;
    for (const index of ticks(clip, this.maxLabels)) {
      const label = make("span", "tick", String(clip.numberAt(index)));
      label.style.setProperty("--at", String((index + 0.5) / clip.frameCount));
      this.labels.append(label);
    }
    this.labels.firstElementChild?.classList.add("tick-first");
    this.labels.lastElementChild?.classList.add("tick-last");
  }

  private renderBuffered(): void {
    const { buffered, duration } = this.video;
    const end = buffered.length > 0 && duration > 0 ? buffered.end(buffered.length - 1) / duration : 0;
    this.buffered.style.setProperty("--until", String(Math.min(1, end)));
  }

  private onPointerDown(event: PointerEvent): void {
    if (event.button !== 0 || !this.player.canSeek) return;
    this.root.setPointerCapture(event.pointerId);
    this.scrub(event);
  }

  private onPointerMove(event: PointerEvent): void {
    this.showHint(event);
    if (this.root.hasPointerCapture(event.pointerId)) this.scrub(event);
  }

  private scrub(event: PointerEvent): void {
    const { clip } = this.player;
    const fraction = this.fractionAt(event);
    if (clip === null) this.player.showFraction(fraction);
    else this.player.show(Math.floor(fraction * clip.frameCount));
  }

  private showHint(event: PointerEvent): void {
    const { clip } = this.player;
    this.hint.hidden = clip === null || !this.player.canSeek;
    if (clip === null) return;
    const fraction = this.fractionAt(event);
    const index = clip.nearest(Math.floor(fraction * clip.frameCount));
    const mark = event.target instanceof HTMLElement ? event.target.dataset["text"] : undefined;
    this.hint.dataset["mark"] = String(mark !== undefined);
    setText(this.hint, mark ?? String(clip.numberAt(index)));
    this.hint.style.setProperty("--at", String(fraction));
  }

  private fractionAt(event: PointerEvent): number {
    const { left, width } = this.track.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - left) / width, 0), 1);
  }
}

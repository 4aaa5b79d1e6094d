/** Places the images on the stage, and zooms and pans them with wheel, pinch and drag. */

import { effect } from "@preact/signals";

import { find } from "../dom";
import type { Rect, Size } from "../strokes";
import { centreAfterDrag, centreForZoom, clampCentre, clampZoom, halves, imageRect } from "./geometry";
import { centre, comparedId, compareMode, isFlipped, isOtherHeld, percent, wipeAt, zoom } from "./view_state";

/** A wheel step of 100 pixels changes the zoom by this factor. */
const WHEEL_FACTOR = 1.25;
const LINE_PIXELS = 33;
/** A press that moves less is a click. */
const CLICK_DISTANCE = 4;

interface Pointer {
  x: number;
  y: number;
}

export class Viewport {
  private readonly stage = find("stage", HTMLElement);
  private readonly panes = [find("pane", HTMLElement), find("other-pane", HTMLElement)] as const;
  private readonly canvas = find("drawing", HTMLCanvasElement);
  private readonly wipe = find("wipe", HTMLElement);
  private readonly imageSize: () => Size;
  private readonly onChange: () => void;
  private readonly pointers = new Map<number, Pointer>();
  private shownLayout = "";
  private wasDragged = false;
  private pressedAt: Pointer = { x: 0, y: 0 };

  /** `imageSize` returns the size of the selected version's image, `onClick` is called for a click on an image. */
  constructor(imageSize: () => Size, onChange: () => void, onClick: () => void) {
    this.imageSize = imageSize;
    this.onChange = onChange;
    const { stage } = this;
    stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.onDown(event));
    stage.addEventListener("pointermove", (event) => this.onMove(event));
    for (const type of ["pointerup", "pointercancel"] as const) {
      stage.addEventListener(type, (event) => this.pointers.delete(event.pointerId));
    }
    stage.addEventListener("click", (event) => {
      if (event.target instanceof HTMLVideoElement && !this.wasDragged) onClick();
    });
    this.addWipeListeners();
    new ResizeObserver(() => this.layout()).observe(stage);
    effect(() => this.layout());
  }

  /** The rectangle of the selected version's image on the stage. */
  rect(): Rect {
    return imageRect(this.pane(), this.imageSize(), zoom.peek(), centre.peek(), isFlipped.peek());
  }

  fit(): void {
    zoom.value = 1;
    centre.value = [0.5, 0.5];
  }

  /** Show one pixel of the image on one pixel of the screen. */
  showPixels(): void {
    const { percent: shown } = this.scale();
    if (shown > 0) this.zoomBy(100 / shown);
  }

  /** Zoom by a factor at a point of the stage, or at its centre. */
  zoomBy(factor: number, at?: Pointer): void {
    const [pane, rect] = [this.pane(), this.rect()];
    if (rect.width === 0) return;
    const next = clampZoom(zoom.peek() * factor);
    const { x, y } = at ?? { x: pane.left + pane.width / 2, y: pane.top + pane.height / 2 };
    const moved = centreForZoom(pane, rect, next / zoom.peek(), x, y);
    zoom.value = next;
    this.setCentre(moved);
  }

  /** Apply zoom, panes and compare mode to the elements. */
  layout(): void {
    const image = this.imageSize();
    const mode = comparedId.value === null ? "off" : compareMode.value;
    const [main, other] = this.paneRects(mode);
    const key = JSON.stringify([image, mode, main, zoom.value, centre.value, isFlipped.value, isOtherHeld.value, wipeAt.value]);
    if (key === this.shownLayout) return;
    this.shownLayout = key;
    const { dataset, style } = this.stage;
    dataset["compare"] = mode;
    dataset["held"] = String(isOtherHeld.value);
    dataset["zoomed"] = String(zoom.value > 1);
    if (image.width > 0) style.setProperty("--aspect", `${image.width} / ${image.height}`);
    style.setProperty("--wipe", String(wipeAt.value));
    this.wipe.setAttribute("aria-valuenow", String(Math.round(wipeAt.value * 100)));
    [main, other].forEach((rect, index) => this.place(this.panes[index] as HTMLElement, rect, image));
    const { clientWidth, clientHeight } = this.stage;
    const insets = [main.top, clientWidth - main.left - main.width, clientHeight - main.top - main.height, main.left];
    this.canvas.style.clipPath = `inset(${insets.map((each) => `${each}px`).join(" ")})`;
    percent.value = this.scale().percent;
    this.onChange();
  }

  private place(pane: HTMLElement, rect: Rect, image: Size): void {
    const { style } = pane;
    [style.left, style.top] = [`${rect.left}px`, `${rect.top}px`];
    [style.width, style.height] = [`${rect.width}px`, `${rect.height}px`];
    const shown = imageRect({ ...rect, left: 0, top: 0 }, image, zoom.peek(), centre.peek(), isFlipped.peek());
    const [dx, dy] = [shown.left + shown.width / 2 - rect.width / 2, shown.top + shown.height / 2 - rect.height / 2];
    const isPlain = zoom.peek() === 1 && !isFlipped.peek();
    const across = isFlipped.peek() ? -zoom.peek() : zoom.peek();
    style.setProperty("--image", isPlain ? "none" : `translate(${dx}px, ${dy}px) scale(${across}, ${zoom.peek()})`);
  }

  private paneRects(mode: string): readonly [Rect, Rect] {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (mode === "side") return halves({ width, height }, this.imageSize());
    const whole = { left: 0, top: 0, width, height };
    return [whole, whole];
  }

  private pane(): Rect {
    return this.paneRects(comparedId.peek() === null ? "off" : compareMode.peek())[0];
  }

  private scale(): { percent: number } {
    const [rect, image] = [this.rect(), this.imageSize()];
    const size = Math.abs(rect.width) * window.devicePixelRatio;
    return { percent: image.width > 0 ? (100 * size) / image.width : 0 };
  }

  private setCentre(position: readonly [number, number]): void {
    const rect = this.rect();
    centre.value = clampCentre(this.pane(), { width: Math.abs(rect.width), height: rect.height }, position);
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * LINE_PIXELS;
    // A pinch on a touch pad arrives as small steps with Ctrl.
    const step = Math.max(-1, Math.min(1, (event.ctrlKey ? pixels * 4 : pixels) / 100));
    this.zoomBy(WHEEL_FACTOR ** -step, this.pointIn(event));
  }

  private onDown(event: PointerEvent): void {
    if (this.pointers.size === 0) this.wasDragged = false;
    const isOnImage = event.target instanceof Element && event.target.closest("button, a, #wipe, textarea") === null;
    const isDrawing = this.stage.dataset["drawing"] === "true" && event.button === 0 && event.pointerType !== "touch";
    if (!isOnImage || isDrawing || event.button > 1) return;
    if (event.button === 1) event.preventDefault();
    this.pressedAt = this.pointIn(event);
    this.pointers.set(event.pointerId, this.pressedAt);
  }

  private onMove(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) return;
    const now = this.pointIn(event);
    if (this.pointers.size === 2) {
      this.pinch(event.pointerId, before, now);
    } else {
      const distance = Math.hypot(now.x - this.pressedAt.x, now.y - this.pressedAt.y);
      if (!this.wasDragged && (distance < CLICK_DISTANCE || zoom.peek() <= 1)) return;
      if (this.stage.dataset["drawing"] === "true" && event.pointerType === "touch") return;
      if (!this.wasDragged) this.stage.setPointerCapture(event.pointerId);
      this.setCentre(centreAfterDrag(this.rect(), centre.peek(), now.x - before.x, now.y - before.y));
    }
    this.wasDragged = true;
    this.pointers.set(event.pointerId, now);
  }

  private pinch(id: number, before: Pointer, now: Pointer): void {
    const other = [...this.pointers].find(([each]) => each !== id)?.[1];
    if (other === undefined) return;
    const [old, next] = [distance(before, other), distance(now, other)];
    const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
    this.setCentre(centreAfterDrag(this.rect(), centre.peek(), (now.x - before.x) / 2, (now.y - before.y) / 2));
    if (old > 0) this.zoomBy(next / old, middle);
  }

  private addWipeListeners(): void {
    const { wipe } = this;
    wipe.addEventListener("pointerdown", (event) => {
      wipe.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    wipe.addEventListener("pointermove", (event) => {
      if (wipe.hasPointerCapture(event.pointerId)) setWipe(this.pointIn(event).x / this.stage.clientWidth);
    });
    wipe.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      setWipe(wipeAt.peek() + step);
    });
  }

  private pointIn(event: MouseEvent): Pointer {
    const { left, top } = this.stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}

function setWipe(value: number): void {
  wipeAt.value = Math.min(Math.max(value, 0), 1);
}

function distance(one: Pointer, other: Pointer): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

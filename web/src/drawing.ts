/** The canvas over the image: shows shapes, and draws, erases and moves those of the draft. */

import { effect } from "@preact/signals";

import { find } from "./dom";
import { newId } from "./drafts";
import type { Point, Position, Shape } from "./model";
import { movedShape, paintPointer, paintShape, shapeAt } from "./shapes";
import { toImage, type Rect, type Size } from "./strokes";
import { colour, opacity, tool, width } from "./tools";

/** Points that are closer than this part of the image are dropped: pens send more than the eye sees. */
const MIN_DISTANCE = 0.0015;
/** The height of a text is this multiple of the width of a line. */
const TEXT_SCALE = 6;
const GHOST_OPACITY = 0.25;

/** What the canvas draws into: the shapes of the draft on the frame on the screen. */
export interface DrawingTarget {
  /** Return whether drawing may start on the frame on the screen; the movie is paused then. */
  readonly start: () => boolean;
  readonly shapes: () => readonly Shape[];
  /** Replace the shapes, as one step of the undo history. */
  readonly change: (shapes: readonly Shape[]) => void;
  /** The shape that is being drawn has changed. */
  readonly progress: () => void;
}

/** The pointer of a presenter on the image. */
export interface NamedPointer {
  readonly position: Position;
  readonly name: string;
}

export class Drawing {
  private readonly stage = find("stage", HTMLElement);
  private readonly canvas = find("drawing", HTMLCanvasElement);
  private readonly textField = find("drawing-text", HTMLTextAreaElement);
  private readonly imageSize: () => Size;
  private readonly imageRect: () => Rect;
  private readonly target: DrawingTarget;
  private shapes: readonly Shape[] = [];
  private ghosts: readonly Shape[] = [];
  /** The shape that is being drawn. */
  private unfinished: Shape | null = null;
  private moved: { readonly shape: Shape; readonly from: Position } | null = null;
  private isErasing = false;
  private textAt: Position | null = null;
  private active = false;
  private namedPointer: NamedPointer | null = null;

  /** Connect the canvas; `imageSize` is the size of the image in its own pixels, `imageRect` its place on the stage. */
  constructor(imageSize: () => Size, imageRect: () => Rect, target: DrawingTarget) {
    this.imageSize = imageSize;
    this.imageRect = imageRect;
    this.target = target;
    this.canvas.addEventListener("pointerdown", (event) => this.start(event));
    this.canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"] as const) {
      this.canvas.addEventListener(type, (event) => this.end(event));
    }
    this.textField.addEventListener("blur", () => this.finishText());
    this.textField.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.textField.value = "";
      if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
        event.preventDefault();
        this.textField.blur();
      }
    });
    new ResizeObserver(() => this.paint()).observe(this.stage);
    effect(() => {
      this.canvas.dataset["tool"] = tool.value;
    });
  }

  get isActive(): boolean {
    return this.active;
  }

  /** Whether a shape is being drawn or moved. */
  get isBusy(): boolean {
    return this.unfinished !== null;
  }

  set isActive(isActive: boolean) {
    this.active = isActive;
    this.stage.dataset["drawing"] = String(isActive);
    if (!isActive) {
      this.finishText();
      this.unfinished = this.moved = null;
    }
    this.paint();
  }

  /** The shapes of the draft, with the one that is being drawn or moved. */
  get draftShapes(): readonly Shape[] {
    const [shapes, unfinished] = [this.target.shapes(), this.unfinished];
    if (unfinished === null) return shapes;
    const others = shapes.filter(({ id }) => id !== unfinished.id);
    return [...others, unfinished];
  }

  /** Show the pointer of a presenter, or none. */
  set pointer(pointer: NamedPointer | null) {
    this.namedPointer = pointer;
    this.canvas.dataset["pointer"] = pointer === null ? "" : pointer.position.join(" ");
    this.paint();
  }

  /** Return the position of the mouse on the image, or null outside of it. */
  positionOf(event: PointerEvent): Position | null {
    const [across, down] = this.pointOf(event);
    return across < 0 || across > 1 || down < 0 || down > 1 ? null : [across, down];
  }

  /** Show these shapes, and ghosts of neighbouring frames, instead of the present ones. */
  show(shapes: readonly Shape[], ghosts: readonly Shape[]): void {
    this.shapes = shapes;
    this.ghosts = ghosts;
    this.canvas.dataset["strokes"] = String(shapes.length);
    this.canvas.dataset["ghosts"] = String(ghosts.length);
    this.paint();
  }

  private start(event: PointerEvent): void {
    if (!this.active || event.button !== 0 || this.unfinished !== null || !this.target.start()) return;
    event.preventDefault();
    if (this.textAt !== null) {
      this.textField.blur();
      return;
    }
    this.canvas.setPointerCapture(event.pointerId);
    const point = this.pointOf(event);
    const position: Position = [point[0], point[1]];
    const style = { id: newId(), colour: colour.peek(), opacity: opacity.peek() };
    const kind = tool.peek();
    if (kind === "text") this.startText(position);
    else if (kind === "eraser") this.erase(position);
    else if (kind === "move") this.startMove(position);
    else if (kind === "pen") this.unfinished = { ...style, kind, width: width.peek(), points: [point] };
    else this.unfinished = { ...style, kind, width: width.peek(), from: position, to: position };
    this.isErasing = kind === "eraser";
    this.paint();
  }

  private move(event: PointerEvent): void {
    if (!this.canvas.hasPointerCapture(event.pointerId)) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    for (const each of coalesced.length > 0 ? coalesced : [event]) {
      const point = this.pointOf(each);
      if (this.isErasing) this.erase([point[0], point[1]]);
      else this.extend(point);
    }
    this.paint();
    this.target.progress();
  }

  private extend(point: Point): void {
    const shape = this.unfinished;
    if (shape === null) return;
    if (this.moved !== null) {
      const { shape: origin, from } = this.moved;
      this.unfinished = movedShape(origin, point[0] - from[0], point[1] - from[1]);
    } else if (shape.kind === "pen") {
      const last = shape.points.at(-1);
      if (last === undefined || Math.hypot(point[0] - last[0], point[1] - last[1]) < MIN_DISTANCE) return;
      this.unfinished = { ...shape, points: [...shape.points, point] };
    } else if (shape.kind !== "text") {
      this.unfinished = { ...shape, to: [point[0], point[1]] };
    }
  }

  private end(event: PointerEvent): void {
    if (!this.canvas.hasPointerCapture(event.pointerId)) return;
    const [shape, moved] = [this.unfinished, this.moved];
    this.unfinished = this.moved = null;
    this.isErasing = false;
    if (event.type === "pointerup" && shape !== null) {
      const shapes = this.target.shapes();
      if (moved === null) this.target.change([...shapes, shape]);
      else this.target.change(shapes.map((each) => (each.id === shape.id ? shape : each)));
    }
    this.paint();
  }

  private startMove(position: Position): void {
    const shape = shapeAt(this.target.shapes(), position, this.aspect);
    if (shape === null) return;
    this.moved = { shape, from: position };
    this.unfinished = shape;
  }

  /** Remove the whole shape under the pointer. */
  private erase(position: Position): void {
    const shapes = this.target.shapes();
    const shape = shapeAt(shapes, position, this.aspect);
    if (shape !== null) this.target.change(shapes.filter(({ id }) => id !== shape.id));
  }

  private startText(position: Position): void {
    const rect = this.imageRect();
    this.textAt = position;
    this.textField.hidden = false;
    this.textField.value = "";
    const { style } = this.textField;
    style.left = `${rect.left + position[0] * rect.width}px`;
    style.top = `${rect.top + position[1] * rect.height}px`;
    style.fontSize = `${width.peek() * TEXT_SCALE * rect.height}px`;
    style.color = colour.peek();
    // The canvas takes the focus back when the pointer is released otherwise.
    setTimeout(() => this.textField.focus());
  }

  /** Add the text that is being written to the draft. */
  finishText(): void {
    const [at, text] = [this.textAt, this.textField.value.trim()];
    this.textAt = null;
    this.textField.hidden = true;
    if (at === null || text === "") return;
    const style = { id: newId(), colour: colour.peek(), opacity: opacity.peek() };
    const shape: Shape = { ...style, kind: "text", at, text, size: width.peek() * TEXT_SCALE };
    this.target.change([...this.target.shapes(), shape]);
  }

  private get aspect(): number {
    const { width: across, height } = this.imageSize();
    return height > 0 ? across / height : 1;
  }

  private pointOf(event: PointerEvent): Point {
    const { left, top } = this.canvas.getBoundingClientRect();
    return toImage(this.imageRect(), event.clientX - left, event.clientY - top, event.pressure);
  }

  private paint(): void {
    const { clientWidth, clientHeight } = this.stage;
    const density = window.devicePixelRatio;
    const [across, down] = [Math.round(clientWidth * density), Math.round(clientHeight * density)];
    if (this.canvas.width !== across) this.canvas.width = across;
    if (this.canvas.height !== down) this.canvas.height = down;
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, clientWidth, clientHeight);
    const rect = this.imageRect();
    if (rect.width === 0) return; // A mirrored image has a negative width.
    for (const shape of this.ghosts) paintShape(context, rect, shape, GHOST_OPACITY);
    const movedId = this.moved?.shape.id;
    for (const shape of this.shapes) if (shape.id !== movedId) paintShape(context, rect, shape);
    if (this.unfinished !== null) paintShape(context, rect, this.unfinished);
    if (this.namedPointer !== null) paintPointer(context, rect, this.namedPointer.position, this.namedPointer.name);
  }
}

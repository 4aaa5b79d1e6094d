/** The sheet over the picture: shows drawings, and takes new strokes. */

import { find, make } from "./dom";
import { pixelAt, placeOf, pointAt, thickness, type Place, type Point, type Size } from "./strokes";
import type { Stroke } from "./server";

const COLOURS = [
  ["Red", "#ff5148"],
  ["Yellow", "#ffd23f"],
  ["Green", "#5bd75b"],
  ["Blue", "#4aa8ff"],
  ["White", "#ffffff"],
] as const;
const WIDTH = 0.008;
/** A pen tells more often than anybody sees. */
const CLOSEST = 0.0015;

export class Drawing {
  private readonly stage = find("stage", HTMLElement);
  private readonly sheet = find("sheet", HTMLCanvasElement);
  private readonly tools = find("pens", HTMLElement);
  private readonly toggle = find("draw", HTMLButtonElement);
  private readonly picture: () => Size;
  private readonly onStroke: (stroke: Stroke) => void;
  private readonly mayBegin: () => boolean;
  private shown: readonly Stroke[] = [];
  private begun: Point[] | null = null;
  private colour: string = COLOURS[0][1];
  private active = false;

  /**
   * `picture` says how large the picture on the screen is, in pixels of its own, `mayBegin` whether a stroke belongs
   * on it; `onStroke` gets each that is finished.
   */
  constructor(picture: () => Size, mayBegin: () => boolean, onStroke: (stroke: Stroke) => void) {
    this.picture = picture;
    this.mayBegin = mayBegin;
    this.onStroke = onStroke;
    this.sheet.addEventListener("pointerdown", (event) => this.begin(event));
    this.sheet.addEventListener("pointermove", (event) => this.move(event));
    for (const type of ["pointerup", "pointercancel"] as const) {
      this.sheet.addEventListener(type, (event) => this.end(event));
    }
    new ResizeObserver(() => this.paint()).observe(this.stage);
    for (const [name, colour] of COLOURS) this.tools.append(this.pen(name, colour));
  }

  get isActive(): boolean {
    return this.active;
  }

  set isActive(isActive: boolean) {
    this.active = isActive;
    this.stage.dataset["drawing"] = String(isActive);
    this.toggle.setAttribute("aria-pressed", String(isActive));
    this.tools.hidden = !isActive;
    if (!isActive) this.begun = null;
    this.paint();
  }

  /** Shows these strokes and no others. */
  show(strokes: readonly Stroke[]): void {
    this.shown = strokes;
    this.sheet.dataset["strokes"] = String(strokes.length);
    this.paint();
  }

  private pen(name: string, colour: string): HTMLButtonElement {
    const button = make("button", "pen");
    button.type = "button";
    button.style.setProperty("--pen", colour);
    button.setAttribute("aria-label", `${name} pen`);
    button.setAttribute("aria-pressed", String(colour === this.colour));
    button.addEventListener("click", () => {
      this.colour = colour;
      for (const other of this.tools.querySelectorAll("button")) {
        other.setAttribute("aria-pressed", String(other === button));
      }
    });
    return button;
  }

  private begin(event: PointerEvent): void {
    if (!this.active || event.button !== 0 || this.begun !== null || !this.mayBegin()) return;
    event.preventDefault();
    this.sheet.setPointerCapture(event.pointerId);
    this.begun = [this.point(event)];
    this.paint();
  }

  private move(event: PointerEvent): void {
    if (this.begun === null || !this.sheet.hasPointerCapture(event.pointerId)) return;
    const each = event.getCoalescedEvents?.() ?? [];
    for (const part of each.length > 0 ? each : [event]) this.add(this.point(part));
    this.paint();
  }

  private add(point: Point): void {
    const last = this.begun?.at(-1);
    if (last === undefined || Math.hypot(point[0] - last[0], point[1] - last[1]) < CLOSEST) return;
    this.begun?.push(point);
  }

  private end(event: PointerEvent): void {
    if (this.begun === null || !this.sheet.hasPointerCapture(event.pointerId)) return;
    const stroke: Stroke = { kind: "pen", colour: this.colour, width: WIDTH, points: this.begun };
    this.begun = null;
    if (event.type === "pointerup") this.onStroke(stroke);
    this.paint();
  }

  private point(event: PointerEvent): Point {
    const { left, top } = this.sheet.getBoundingClientRect();
    return pointAt(this.place(), event.clientX - left, event.clientY - top, event.pressure);
  }

  private place(): Place {
    const { clientWidth: width, clientHeight: height } = this.stage;
    return placeOf({ width, height }, this.picture());
  }

  private paint(): void {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const density = window.devicePixelRatio;
    const [across, down] = [Math.round(width * density), Math.round(height * density)];
    if (this.sheet.width !== across) this.sheet.width = across;
    if (this.sheet.height !== down) this.sheet.height = down;
    const context = this.sheet.getContext("2d");
    if (context === null) return;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    const place = this.place();
    for (const stroke of this.shown) paintStroke(context, place, stroke);
    if (this.begun !== null) {
      paintStroke(context, place, { kind: "pen", colour: this.colour, width: WIDTH, points: this.begun });
    }
  }
}

/** One line after the other, each as thick as the pen was pressed there; round ends join them. */
function paintStroke(context: CanvasRenderingContext2D, place: Place, stroke: Stroke): void {
  context.strokeStyle = stroke.colour;
  context.lineCap = context.lineJoin = "round";
  let before = stroke.points[0];
  for (const point of stroke.points) {
    if (before === undefined) return;
    const [from, to] = [pixelAt(place, before), pixelAt(place, point)];
    context.lineWidth = thickness(place, stroke.width, point[2]);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
    before = point;
  }
}

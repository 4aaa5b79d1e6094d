/** Painting of shapes, and which shape is under a pointer. Sizes are fractions of the image's height. */

import { getStroke } from "perfect-freehand";

import type { PenShape, Position, Shape, TextShape, TwoPointShape } from "./model";
import { lineWidth, toScreen, type Rect } from "./strokes";

/** Distance from a shape, as a part of the image's height, at which the pointer still touches it. */
const TOUCH_DISTANCE = 0.012;
const ARROW_HEAD_LENGTH = 5;
const TEXT_FONT = "Inter, system-ui, sans-serif";
const LINE_HEIGHT = 1.2;

/** Paint a shape on an image that covers a rectangle of the canvas. */
export function paintShape(context: CanvasRenderingContext2D, rect: Rect, shape: Shape, opacity = 1): void {
  context.save();
  context.globalAlpha = shape.opacity * opacity;
  context.strokeStyle = context.fillStyle = shape.colour;
  context.lineCap = context.lineJoin = "round";
  if (shape.kind === "pen") paintPen(context, rect, shape);
  else if (shape.kind === "text") paintText(context, rect, shape);
  else paintTwoPoints(context, rect, shape);
  context.restore();
}

/** Paint a stroke whose thickness is half of its width to one and a half times, by the pressure. */
function paintPen(context: CanvasRenderingContext2D, rect: Rect, shape: PenShape): void {
  const points = shape.points.map((point) => ({ ...toScreen(rect, point), pressure: point[2] }));
  const options = { size: Math.max(1, rect.height * shape.width), thinning: 0.5, smoothing: 0.5, streamline: 0, last: true };
  const outline = getStroke(points, { ...options, simulatePressure: false });
  if (outline.length === 0) return;
  context.beginPath();
  outline.forEach(([x = 0, y = 0], index) => (index === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.closePath();
  context.fill();
}

function paintTwoPoints(context: CanvasRenderingContext2D, rect: Rect, shape: TwoPointShape): void {
  const [from, to] = [toScreen(rect, shape.from), toScreen(rect, shape.to)];
  context.lineWidth = lineWidth(rect, shape.width, 0.5);
  context.beginPath();
  if (shape.kind === "rectangle") {
    context.rect(from.x, from.y, to.x - from.x, to.y - from.y);
  } else if (shape.kind === "ellipse") {
    const [x, y] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
    context.ellipse(x, y, Math.abs(to.x - from.x) / 2, Math.abs(to.y - from.y) / 2, 0, 0, 2 * Math.PI);
  } else {
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    if (shape.kind === "arrow") addArrowHead(context, from, to);
  }
  context.stroke();
}

type ScreenPoint = { readonly x: number; readonly y: number };

function addArrowHead(context: CanvasRenderingContext2D, from: ScreenPoint, to: ScreenPoint): void {
  const angle = Math.atan2(to.y - from.y, to.x - from.x);
  const length = Math.min(context.lineWidth * ARROW_HEAD_LENGTH, Math.hypot(to.x - from.x, to.y - from.y));
  for (const side of [-0.45, 0.45]) {
    context.moveTo(to.x, to.y);
    context.lineTo(to.x - length * Math.cos(angle + side), to.y - length * Math.sin(angle + side));
  }
}

function paintText(context: CanvasRenderingContext2D, rect: Rect, shape: TextShape): void {
  const size = shape.size * rect.height;
  const { x, y } = toScreen(rect, shape.at);
  context.font = `600 ${size}px ${TEXT_FONT}`;
  context.textBaseline = "top";
  // A dark edge keeps the text readable on any image.
  context.lineWidth = size / 8;
  context.strokeStyle = "rgb(0 0 0 / 70%)";
  shape.text.split("\n").forEach((line, index) => {
    context.strokeText(line, x, y + index * size * LINE_HEIGHT);
    context.fillText(line, x, y + index * size * LINE_HEIGHT);
  });
}

/** Paint the pointer of a person: a ring of the same size at every zoom, and the name. */
export function paintPointer(context: CanvasRenderingContext2D, rect: Rect, position: Position, name: string): void {
  const { x, y } = toScreen(rect, position);
  context.save();
  context.lineWidth = 3;
  for (const [colour, radius] of [["rgb(0 0 0 / 70%)", 9], ["#ffd23f", 7]] as const) {
    context.strokeStyle = colour;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
  context.font = `600 13px ${TEXT_FONT}`;
  context.textBaseline = "middle";
  context.strokeStyle = "rgb(0 0 0 / 70%)";
  context.fillStyle = "#ffd23f";
  context.strokeText(name, x + 14, y);
  context.fillText(name, x + 14, y);
  context.restore();
}

/** Return the topmost shape at a position on an image of this aspect ratio (width by height), or null. */
export function shapeAt(shapes: readonly Shape[], position: Position, aspect: number): Shape | null {
  return [...shapes].reverse().find((shape) => isTouched(shape, position, aspect)) ?? null;
}

function isTouched(shape: Shape, position: Position, aspect: number): boolean {
  const scale = ([x, y]: Position | readonly number[]): [number, number] => [(x ?? 0) * aspect, y ?? 0];
  const at = scale(position);
  if (shape.kind === "text") {
    const [left, top] = scale(shape.at);
    const lines = shape.text.split("\n");
    const width = Math.max(...lines.map(({ length }) => length)) * shape.size * 0.62;
    const height = lines.length * shape.size * LINE_HEIGHT;
    return at[0] >= left && at[0] <= left + width && at[1] >= top && at[1] <= top + height;
  }
  const reach = shape.width + TOUCH_DISTANCE;
  return outline(shape).some(([one, other]) => distance(at, scale(one), scale(other)) <= reach);
}

/** Return the lines that a shape consists of. */
function outline(shape: PenShape | TwoPointShape): [readonly number[], readonly number[]][] {
  if (shape.kind === "pen") {
    return shape.points.map((point, index) => [shape.points[index - 1] ?? point, point]);
  }
  const [[left, top], [right, bottom]] = [shape.from, shape.to];
  if (shape.kind === "line" || shape.kind === "arrow") return [[shape.from, shape.to]];
  const corners =
    shape.kind === "rectangle"
      ? [[left, top], [right, top], [right, bottom], [left, bottom]]
      : Array.from({ length: 24 }, (_, step) => {
          const angle = (step * Math.PI) / 12;
          return [
            (left + right) / 2 + (Math.cos(angle) * (right - left)) / 2,
            (top + bottom) / 2 + (Math.sin(angle) * (bottom - top)) / 2,
          ];
        });
  return corners.map((corner, index) => [corner, corners[(index + 1) % corners.length] ?? corner]);
}

function distance(at: [number, number], one: [number, number], other: [number, number]): number {
  const [dx, dy] = [other[0] - one[0], other[1] - one[1]];
  const length = dx * dx + dy * dy;
  const part = length === 0 ? 0 : Math.min(1, Math.max(0, ((at[0] - one[0]) * dx + (at[1] - one[1]) * dy) / length));
  return Math.hypot(at[0] - one[0] - part * dx, at[1] - one[1] - part * dy);
}

/** Return the shape moved by a part of the image. */
export function movedShape(shape: Shape, across: number, down: number): Shape {
  const move = ([x, y]: Position): Position => [clamp(x + across), clamp(y + down)];
  if (shape.kind === "pen") {
    const points = shape.points.map(([x, y, pressure]) => [...move([x, y]), pressure] as const);
    return { ...shape, points };
  }
  if (shape.kind === "text") return { ...shape, at: move(shape.at) };
  return { ...shape, from: move(shape.from), to: move(shape.to) };
}

function clamp(value: number): number {
  return Number(Math.min(Math.max(value, -1), 2).toFixed(5));
}

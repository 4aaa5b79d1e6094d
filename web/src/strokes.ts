/** Geometry of strokes on the screen. Independent of the browser. */

import type { Point, Position } from "./model";


export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle on the screen, in pixels. */
export interface Rect extends Size {
  readonly left: number;
  readonly top: number;
}

/** Return the rectangle of an image that is centred in a box, as large as possible, in its own aspect ratio. */
export function fitRect(box: Size, image: Size): Rect {
  if (image.width <= 0 || image.height <= 0) return { left: 0, top: 0, width: 0, height: 0 };
  const scale = Math.min(box.width / image.width, box.height / image.height);
  const [width, height] = [image.width * scale, image.height * scale];
  return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height };
}

/** Convert a position on the screen to the image. A pointer without pressure has a pressure of 0.5. */
export function toImage(rect: Rect, x: number, y: number, pressure: number): Point {
  const round = (value: number): number => Number(Math.min(Math.max(value, -1), 2).toFixed(5));
  const pressed = pressure > 0 ? Math.min(pressure, 1) : 0.5;
  return [round((x - rect.left) / rect.width), round((y - rect.top) / rect.height), Number(pressed.toFixed(3))];
}

/** Convert a position on the image to the screen. */
export function toScreen(rect: Rect, point: Point | Position): { x: number; y: number } {
  return { x: rect.left + point[0] * rect.width, y: rect.top + point[1] * rect.height };
}

/** Return the thickness of a line in pixels: half of its width to one and a half times, by the pressure. */
export function lineWidth(rect: Rect, width: number, pressure: number): number {
  return Math.max(1, rect.height * width * (0.5 + pressure));
}

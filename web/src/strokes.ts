/** Where a stroke lies on the screen: pure arithmetic, no browser in it. */

export type Point = readonly [across: number, down: number, pressure: number];

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A rectangle on the screen, in pixels. */
export interface Place extends Size {
  readonly left: number;
  readonly top: number;
}

/** Where the picture is in a box that shows all of it, centred, in its own proportions. */
export function placeOf(box: Size, picture: Size): Place {
  if (picture.width <= 0 || picture.height <= 0) return { left: 0, top: 0, width: 0, height: 0 };
  const scale = Math.min(box.width / picture.width, box.height / picture.height);
  const [width, height] = [picture.width * scale, picture.height * scale];
  return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height };
}

/** The part of the picture at a place on the screen; a pointer without pressure presses half. */
export function pointAt(place: Place, x: number, y: number, pressure: number): Point {
  const part = (value: number): number => Number(Math.min(Math.max(value, -1), 2).toFixed(5));
  const pressed = pressure > 0 ? Math.min(pressure, 1) : 0.5;
  return [part((x - place.left) / place.width), part((y - place.top) / place.height), Number(pressed.toFixed(3))];
}

/** The place on the screen of a part of the picture. */
export function pixelAt(place: Place, point: Point): { x: number; y: number } {
  return { x: place.left + point[0] * place.width, y: place.top + point[1] * place.height };
}

/** How thick a line is at this pressure: half of its width to one and a half times. */
export function thickness(place: Place, width: number, pressure: number): number {
  return Math.max(1, place.height * width * (0.5 + pressure));
}

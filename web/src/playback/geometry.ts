/** Geometry of the stage: panes, zoom and pan. Independent of the browser. */

import type { Position } from "../model";
import { fitRect, type Rect, type Size } from "../strokes";

export const COMPARE_MODES = ["toggle", "side", "wipe", "difference"] as const;
export type CompareMode = (typeof COMPARE_MODES)[number];

export const MIN_ZOOM = 0.25;
export const MAX_ZOOM = 32;

/** Return the panes of the selected and the compared version: halves of the stage, divided so that images are largest. */
export function halves(stage: Size, image: Size): readonly [Rect, Rect] {
  const [across, down] = [stage.width / 2, stage.height / 2];
  const beside = fitRect({ width: across, height: stage.height }, image).width;
  const below = fitRect({ width: stage.width, height: down }, image).width;
  if (beside >= below) {
    const half = { top: 0, width: across, height: stage.height };
    return [{ left: 0, ...half }, { left: across, ...half }];
  }
  const half = { left: 0, width: stage.width, height: down };
  return [{ top: 0, ...half }, { top: down, ...half }];
}

/** Return the rectangle of an image in its pane; a mirrored image has a negative width and begins at its right edge. */
export function imageRect(pane: Rect, image: Size, zoom: number, centre: Position, isFlipped: boolean): Rect {
  const fit = fitRect(pane, image);
  const [width, height] = [fit.width * zoom, fit.height * zoom];
  const [x, y] = clampCentre(pane, { width, height }, centre);
  const top = pane.top + pane.height / 2 - y * height;
  if (isFlipped) return { left: pane.left + pane.width / 2 + x * width, top, width: -width, height };
  return { left: pane.left + pane.width / 2 - x * width, top, width, height };
}

/** Return the centre so that an image larger than its pane fills it, and a smaller one is in its middle. */
export function clampCentre(pane: Size, shown: Size, [x, y]: Position): Position {
  return [clampAxis(pane.width, shown.width, x), clampAxis(pane.height, shown.height, y)];
}

function clampAxis(pane: number, shown: number, value: number): number {
  if (shown <= pane) return 0.5;
  const margin = pane / shown / 2;
  return Math.min(Math.max(value, margin), 1 - margin);
}

/** Return the centre that keeps the image under a point of the pane in its place when the zoom changes. */
export function centreForZoom(pane: Rect, before: Rect, factor: number, x: number, y: number): Position {
  const [width, height] = [before.width * factor, before.height * factor];
  const at: Position = [(x - before.left) / before.width, (y - before.top) / before.height];
  return [at[0] - (x - pane.left - pane.width / 2) / width, at[1] - (y - pane.top - pane.height / 2) / height];
}

/** Return the centre after the image was dragged by a distance in pixels. */
export function centreAfterDrag(rect: Rect, [x, y]: Position, dx: number, dy: number): Position {
  return [x - dx / rect.width, y - dy / rect.height];
}

export function clampZoom(zoom: number): number {
  return Math.min(Math.max(zoom, MIN_ZOOM), MAX_ZOOM);
}

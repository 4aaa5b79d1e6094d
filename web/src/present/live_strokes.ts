/** The unsent drawing of a presenter: messages with what has changed, and the shapes that followers see. */

import type { Shape } from "../model";

/** Points in one message; longer strokes are sent in several. */
const MAX_POINTS = 500;

/** The shapes on one frame of one version. */
export interface LiveStrokes {
  readonly entry: string | null;
  readonly frame: number | null;
  readonly shapes: readonly Shape[];
}

export const NO_STROKES: LiveStrokes = { entry: null, frame: null, shapes: [] };

interface Place {
  readonly entry: string;
  readonly frame: number | null;
}

export type StrokeMessage =
  | (Place & { readonly type: "stroke"; readonly shape: Shape; readonly start: number })
  | (Place & { readonly type: "strokes"; readonly ids: readonly string[] });

/** Return the messages that turn the strokes that were sent into the present ones. */
export function strokeMessages(sent: LiveStrokes, now: LiveStrokes): StrokeMessage[] {
  if (now.entry === null) return [];
  const place = { entry: now.entry, frame: now.frame };
  const isSamePlace = sent.entry === now.entry && sent.frame === now.frame;
  const known = new Map(isSamePlace ? sent.shapes.map((shape) => [shape.id, shape]) : []);
  const messages: StrokeMessage[] = now.shapes.flatMap((shape) => shapeMessages(place, known.get(shape.id), shape));
  const [idsBefore, ids] = [[...known.keys()], now.shapes.map(({ id }) => id)];
  const isAddedOnly = idsBefore.every((id, index) => ids[index] === id);
  const mustClear = !isSamePlace && sent.shapes.length > 0 && ids.length === 0;
  if (!isAddedOnly || mustClear) messages.push({ type: "strokes", ...place, ids });
  return messages;
}

function shapeMessages(place: Place, before: Shape | undefined, shape: Shape): StrokeMessage[] {
  if (before === shape) return [];
  if (shape.kind !== "pen") return [{ type: "stroke", ...place, shape, start: 0 }];
  // A stroke that grows keeps its earlier points; a stroke that is moved has others.
  const isGrown = before?.kind === "pen" && before.points.every((point, index) => point === shape.points[index]);
  const messages: StrokeMessage[] = [];
  for (let start = isGrown ? before.points.length : 0; start < shape.points.length; start += MAX_POINTS) {
    messages.push({ type: "stroke", ...place, shape: { ...shape, points: shape.points.slice(start, start + MAX_POINTS) }, start });
  }
  return messages;
}

/** Return the strokes after a message. */
export function applyStrokes(strokes: LiveStrokes, message: StrokeMessage): LiveStrokes {
  const isSamePlace = strokes.entry === message.entry && strokes.frame === message.frame;
  const known = isSamePlace ? strokes.shapes : [];
  const place = { entry: message.entry, frame: message.frame };
  if (message.type === "strokes") {
    const shapes = message.ids.flatMap((id) => known.filter((shape) => shape.id === id));
    return { ...place, shapes };
  }
  const { shape, start } = message;
  const before = known.find(({ id }) => id === shape.id);
  const whole =
    shape.kind === "pen" && before?.kind === "pen"
      ? { ...shape, points: [...before.points.slice(0, start), ...shape.points] }
      : shape;
  const shapes = before === undefined ? [...known, whole] : known.map((each) => (each.id === shape.id ? whole : each));
  return { ...place, shapes };
}

/** What is drawn on a frame, and the marks on the timeline: of notes, of programs and of the draft. Independent of the browser. */

import { drawnFrames, type Draft } from "../drafts";
import type { Details, Shape } from "../model";
import type { LiveStrokes } from "../present/live_strokes";
import type { Mark } from "../timeline";

/** Neighbouring frames whose drawings are shown as ghosts. */
const GHOST_FRAMES = 2;

/** What is drawn on the frames of a version; `live` is the presenter's unsent drawing, if it is followed. */
export interface Drawn {
  readonly details: Details;
  readonly draft: Draft;
  readonly live: LiveStrokes | null;
}

/** Return the shapes on a frame: of notes, of programs, and of the draft. */
export function shapesAt({ details, draft, live }: Drawn, frame: number): Shape[] {
  const isShown = (first: number | null, last: number | null): boolean =>
    first !== null && frame >= first && frame <= (last ?? first);
  const drafted = drawnFrames(draft).filter((each) => isShown(each, each + draft.hold - 1));
  const stored = [
    ...details.drawings.filter((each) => isShown(each.frame, each.end_frame)).flatMap(({ shapes }) => shapes),
    ...details.notes.filter((each) => isShown(each.frame, each.drawing_end)).flatMap(({ drawing }) => drawing),
    ...drafted.flatMap((each) => draft.drawings[each] ?? []),
  ];
  const isLive = live !== null && live.entry === details.id && live.frame === frame;
  // The presenter's drawing becomes that of a note when it is sent.
  return [...stored, ...(isLive ? live.shapes.filter(({ id }) => !stored.some((each) => each.id === id)) : [])];
}

/** Return the shapes of neighbouring frames that are not on the frame itself, each once. */
export function ghostsAt(drawn: Drawn, frame: number): Shape[] {
  const distances = Array.from({ length: GHOST_FRAMES }, (_, index) => index + 1);
  const near = distances.flatMap((distance) => [frame - distance, frame + distance]);
  const shown = new Set(shapesAt(drawn, frame).map(({ id }) => id));
  const ghosts = near.flatMap((each) => shapesAt(drawn, each)).filter(({ id }) => !shown.has(id));
  return [...new Map(ghosts.map((shape) => [shape.id, shape])).values()];
}

/** Return the frames and ranges that the timeline marks. */
export function marksOf(details: Details | null): Mark[] {
  if (details === null) return [];
  const notes = details.notes.flatMap(({ frame, end_frame, drawing, done, content, author }) =>
    frame === null ? [] : [{ frame, end: end_frame, kind: done !== null ? "done" : drawing.length > 0 ? "drawn" : "open", text: `${author}: ${content}` } as const],
  );
  return [...notes, ...details.drawings.map(({ frame, end_frame }) => ({ frame, end: end_frame, kind: "drawn", text: "Drawing" }) as const)];
}

/** Return the next marked frame in a direction, or undefined beyond the last one. */
export function nextMark(marks: readonly Mark[], frame: number, direction: 1 | -1): number | undefined {
  const frames = [...new Set(marks.map((mark) => mark.frame))].sort((one, other) => one - other);
  const beyond = frames.filter((each) => (each - frame) * direction > 0);
  return direction > 0 ? beyond[0] : beyond.at(-1);
}

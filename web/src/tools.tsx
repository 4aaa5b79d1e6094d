/** The drawing tools, outside of the image. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";

import { changeDraft, draftOf } from "./drafts";
import { Icon, Options } from "./elements";
import { currentId, details, isDrawing } from "./store";

export const TOOLS = {
  pen: "Pen",
  line: "Line",
  arrow: "Arrow",
  rectangle: "Rectangle",
  ellipse: "Ellipse",
  text: "Text",
  eraser: "Eraser: removes whole shapes",
  move: "Move a shape",
} as const;
export type Tool = keyof typeof TOOLS;

const COLOURS = [
  ["Red", "#ff5148"],
  ["Yellow", "#ffd23f"],
  ["Green", "#5bd75b"],
  ["Blue", "#4aa8ff"],
  ["White", "#ffffff"],
] as const;
const WIDTHS = [0.004, 0.008, 0.016, 0.032] as const;
const HOLDS = [1, 2, 4, 8, 12, 24] as const;

export const tool = signal<Tool>("pen");
export const colour = signal<string>(COLOURS[0][1]);
/** A fraction of the image's height. */
export const width = signal<number>(0.008);
export const opacity = signal(1);
export const hasGhosts = signal(false);

export function DrawingTools(): JSX.Element | null {
  if (!isDrawing.value) return null;
  return (
    <div id="pens" class="tools" role="toolbar" aria-label="Drawing tools">
      <div class="tool-group" role="group" aria-label="Tool">
        {(Object.keys(TOOLS) as Tool[]).map((each) => (
          <button
            key={each}
            type="button"
            class="tool"
            data-tool={each}
            aria-pressed={tool.value === each}
            aria-label={TOOLS[each]}
            title={TOOLS[each]}
            onClick={() => (tool.value = each)}
          >
            <Icon name={each} />
          </button>
        ))}
      </div>
      <div class="tool-group" role="group" aria-label="Colour">
        {COLOURS.map(([name, value], index) => (
          <button
            key={value}
            type="button"
            class={`pen pen-${index}`}
            aria-label={name}
            title={name}
            aria-pressed={colour.value === value}
            onClick={() => (colour.value = value)}
          />
        ))}
      </div>
      <Choice name="Width" value={width.value} values={WIDTHS} text={(value) => `${value * 1000}`} onChange={(value) => (width.value = value)} />
      <Choice name="Opacity" value={opacity.value} values={[1, 0.75, 0.5, 0.25]} text={(value) => `${value * 100} %`} onChange={(value) => (opacity.value = value)} />
      {details.value?.film != null && <FrameTools />}
    </div>
  );
}

function FrameTools(): JSX.Element {
  const id = currentId.value ?? "";
  const hold = draftOf(id).value.hold;
  return (
    <>
      <Choice name="Hold" value={hold} values={HOLDS} text={(value) => (value === 1 ? "1 frame" : `${value} frames`)} onChange={(value) => changeDraft(id, { hold: value })} />
      <label class="tool-choice">
        <input type="checkbox" checked={hasGhosts.value} onChange={(event) => (hasGhosts.value = event.currentTarget.checked)} />
        Ghosts
      </label>
    </>
  );
}

function Choice(props: {
  readonly name: string;
  readonly value: number;
  readonly values: readonly number[];
  readonly text: (value: number) => string;
  readonly onChange: (value: number) => void;
}): JSX.Element {
  return (
    <label class="tool-choice">
      {props.name}
      <select value={props.value} onChange={(event) => props.onChange(Number(event.currentTarget.value))}>
        <Options of={props.values.map((each) => [each, props.text(each)])} />
      </select>
    </label>
  );
}

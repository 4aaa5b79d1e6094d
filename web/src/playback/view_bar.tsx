/** The bar above the image: panels, zoom, compare and quality. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";

import { Icon, Options } from "../elements";
import { formatVersion } from "../format";
import type { Command } from "../keys";
import type { Entry } from "../model";
import { current, details, review } from "../store";
import { COMPARE_MODES, type CompareMode } from "./geometry";
import { availableLines, type Quality } from "./quality";
import { comparedId, compareMode, fold, folded, isFlipped, isOtherHeld, percent, zoom } from "./view_state";

const MODE_NAMES: Record<CompareMode, string> = { toggle: "Toggle", side: "Side by side", wipe: "Wipe", difference: "Difference" };

export const quality = signal<Quality>("auto");
/** The lines of the movie that is played, or null for the movie itself. */
export const playedLines = signal<number | null>(null);
/** Whether the server makes the rendition that was chosen. */
export const isMakingRendition = signal(false);

interface BarProps {
  readonly runCommand: (command: Command) => void;
  readonly compareWith: (id: string | null) => void;
  readonly setQuality: (quality: Quality) => void;
}

export function ViewBar(props: BarProps): JSX.Element {
  const { runCommand } = props;
  return (
    <div class="view-bar" role="group" aria-label="View">
      <FoldButton panel="list" text="List of versions" icon="list" />
      <div class="view-group" role="group" aria-label="Zoom">
        <IconButton text="Zoom out (-)" icon="minus" onClick={() => runCommand("zoom-out")} />
        <output id="zoom" class="zoom" title="Pixels of the screen for each pixel of the image">
          {percent.value === 0 ? "–" : `${Math.round(percent.value)} %`}
        </output>
        <IconButton text="Zoom in (+)" icon="plus" onClick={() => runCommand("zoom-in")} />
        <TextButton text="Fit" title="Fit into the window (F)" isPressed={zoom.value === 1} onClick={() => runCommand("fit")} />
        <TextButton text="100 %" title="One pixel of the image on one of the screen (1)" isPressed={Math.round(percent.value) === 100} onClick={() => runCommand("pixels")} />
        <IconButton text="Mirror image (H)" icon="flip" isPressed={isFlipped.value} onClick={() => runCommand("flip")} />
      </div>
      <CompareTools {...props} />
      <QualitySelect {...props} />
      <FoldButton panel="side" text="Notes and version" icon="side" />
    </div>
  );
}

function CompareTools({ compareWith }: BarProps): JSX.Element | null {
  const entries = review.value?.entries ?? [];
  const entry = current.value;
  if (entry === null || entries.length < 2) return null;
  const isSameAsset = (other: Entry): boolean => entry.stack !== undefined && other.stack === entry.stack;
  const others = entries.filter(({ id }) => id !== entry.id);
  const [own, rest] = [others.filter(isSameAsset), others.filter((other) => !isSameAsset(other))];
  return (
    <div class="view-group" role="group" aria-label="Compare">
      <select
        id="compare-with"
        aria-label="Compare with"
        title="Compare with another version (C)"
        value={comparedId.value ?? ""}
        onChange={(event) => compareWith(event.currentTarget.value === "" ? null : event.currentTarget.value)}
      >
        <option value="">Compare with…</option>
        {own.length > 0 && (
          <optgroup label={entry.name}><Options of={own.map((each) => [each.id, formatVersion(each)])} /></optgroup>
        )}
        {rest.length > 0 && (
          <optgroup label="Other versions">
            <Options of={rest.map((each) => [each.id, `${each.name} ${formatVersion(each)}`])} />
          </optgroup>
        )}
      </select>
      {comparedId.value !== null && <CompareModes compareWith={compareWith} />}
    </div>
  );
}

function CompareModes({ compareWith }: { readonly compareWith: (id: null) => void }): JSX.Element {
  const hold = (isHeld: boolean): void => void (isOtherHeld.value = isHeld);
  return (
    <>
      <select
        id="compare-mode"
        aria-label="How to compare"
        title="Next way to compare (Shift C)"
        value={compareMode.value}
        onChange={(event) => (compareMode.value = event.currentTarget.value as CompareMode)}
      >
        <Options of={COMPARE_MODES.map((mode) => [mode, MODE_NAMES[mode]])} />
      </select>
      {compareMode.value === "toggle" && (
        <button
          type="button"
          id="hold-other"
          class="view-button"
          title="Hold to see the other version (V)"
          aria-pressed={isOtherHeld.value}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId);
            hold(true);
          }}
          onPointerUp={() => hold(false)}
          onPointerCancel={() => hold(false)}
          onKeyDown={(event) => (event.key === " " || event.key === "Enter") && hold(true)}
          onKeyUp={() => hold(false)}
          onBlur={() => hold(false)}
        >
          Hold
        </button>
      )}
      <IconButton text="End the comparison (C)" icon="close" onClick={() => compareWith(null)} />
    </>
  );
}

function QualitySelect({ setQuality }: BarProps): JSX.Element | null {
  const movie = details.value?.film;
  const lines = movie == null ? [] : availableLines(movie);
  if (lines.length === 0) return null;
  const played = playedLines.value === null ? "" : ` (${playedLines.value})`;
  return (
    <select
      id="quality"
      aria-label="Quality"
      title="Smaller movies load faster and have the same frames"
      value={String(quality.value)}
      onChange={(event) => {
        const { value } = event.currentTarget;
        setQuality(value === "auto" || value === "original" ? value : Number(value));
      }}
    >
      <option value="auto">{isMakingRendition.value ? "Auto (preparing)" : `Auto${played}`}</option>
      <option value="original">Original</option>
      <Options of={lines.map((each) => [each, `${each} lines`])} />
    </select>
  );
}

interface ButtonProps {
  readonly text: string;
  readonly isPressed?: boolean;
  readonly onClick: () => void;
}

function IconButton({ text, icon, isPressed, onClick }: ButtonProps & { readonly icon: string }): JSX.Element {
  return (
    <button type="button" class="view-button" aria-label={text} title={text} aria-pressed={isPressed} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}

function TextButton({ text, title, isPressed, onClick }: ButtonProps & { readonly title: string }): JSX.Element {
  return (
    <button type="button" class="view-button" title={title} aria-pressed={isPressed} onClick={onClick}>
      {text}
    </button>
  );
}

function FoldButton(props: { readonly panel: "list" | "side"; readonly text: string; readonly icon: string }): JSX.Element {
  const { panel, text, icon } = props;
  const isFolded = folded.value.has(panel);
  return (
    <button
      type="button"
      id={`fold-${panel}`}
      class={`view-button fold-button fold-${panel}`}
      aria-label={text}
      aria-expanded={!isFolded}
      aria-controls={panel === "list" ? "versions" : "side"}
      title={`${isFolded ? "Show" : "Hide"}: ${text} (P hides both)`}
      onClick={() => fold(panel, !isFolded)}
    >
      <Icon name={icon} />
    </button>
  );
}

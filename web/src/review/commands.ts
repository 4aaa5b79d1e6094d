/** Runs the commands of keys and buttons: playback, range, notes and drawing. */

import { changeDraft, draftOf, drawnFrames, redo, undo } from "../drafts";
import { find } from "../dom";
import { commandOf, isHistoryKey, type Command } from "../keys";
import { viewCommands } from "../playback/controls";
import { neighbouringSpeed } from "../playback/frame_clock";
import { fold } from "../playback/view_state";
import type { Viewport } from "../playback/viewport";
import { closeSheet, isSmall, openNote, sheet } from "../phone";
import * as store from "../store";
import { isDrawing } from "../store";
import { hasGhosts } from "../tools";
import type { Media } from "./media";
import { marksOf, nextMark } from "./shown_shapes";

/** A follower stays with the presenter after these; others move on the page. */
const FOLLOWING_COMMANDS = new Set<Command>([
  ...(["mute", "ghosts", "write-note", "full-screen", "help", "panels"] as const),
  ...(["zoom-in", "zoom-out", "fit", "pixels", "flip"] as const),
]);

/** What the commands need of the page. */
export interface CommandPage {
  readonly media: Pick<Media, "player" | "frame" | "pause">;
  readonly viewport: Viewport;
  /** Leave the presentation that is followed. */
  readonly leave: () => void;
  /** Select the version this many rows further down. */
  readonly moveBy: (count: number) => void;
  readonly toggleKeysDialog: () => void;
}

export class Commands {
  private readonly page: CommandPage;
  private readonly table: Record<Command, () => void>;

  constructor(page: CommandPage) {
    this.page = page;
    const { player } = page.media;
    this.table = {
      toggle: () => player.toggle(),
      back: () => player.step(-1),
      forward: () => player.step(1),
      "back-ten": () => player.step(-10),
      "forward-ten": () => player.step(10),
      first: () => player.show(0),
      last: () => player.show(player.clip?.lastIndex ?? 0),
      "shuttle-back": () => player.shuttle(-1),
      stop: () => player.pause(),
      "shuttle-forward": () => player.shuttle(1),
      loop: () => (player.mode = player.mode === "loop" ? "once" : "loop"),
      "ping-pong": () => (player.mode = player.mode === "ping-pong" ? "loop" : "ping-pong"),
      "play-on": () => (player.mode = player.mode === "next" ? "loop" : "next"),
      slower: () => this.changeSpeed(-1),
      faster: () => this.changeSpeed(1),
      mute: () => (player.isMuted = !player.isMuted),
      "previous-version": () => page.moveBy(-1),
      "next-version": () => page.moveBy(1),
      "previous-note": () => this.goToNote(-1),
      "next-note": () => this.goToNote(1),
      "write-note": () => this.focusNote(),
      "mark-in": () => this.setRange("in"),
      "mark-out": () => this.setRange("out"),
      "clear-range": () => this.clearRange(),
      ...viewCommands(page.viewport),
      draw: () => this.toggleDrawing(),
      ghosts: () => (hasGhosts.value = !hasGhosts.peek()),
      "full-screen": () => void this.toggleFullScreen(),
      help: () => page.toggleKeysDialog(),
    };
  }

  run(command: Command): void {
    if (!FOLLOWING_COMMANDS.has(command)) this.page.leave();
    this.table[command]();
  }

  onKeyDown(event: KeyboardEvent): void {
    const step = isHistoryKey(event);
    const id = store.currentId.peek();
    const frame = this.page.media.frame;
    if (step !== null && isDrawing.peek() && id !== null && frame !== null) {
      event.preventDefault();
      (step === "undo" ? undo : redo)(id, frame);
      return;
    }
    if (event.key === "Escape" && isDrawing.peek()) isDrawing.value = false;
    else if (event.key === "Escape" && sheet.peek() !== null) closeSheet();
    const command = commandOf(event);
    if (command === null) return;
    event.preventDefault();
    this.run(command);
  }

  private goToNote(direction: 1 | -1): void {
    const { player } = this.page.media;
    const frame = this.page.media.frame;
    const next = frame === null ? undefined : nextMark(marksOf(store.details.peek()), frame, direction);
    if (next !== undefined) player.show(player.clip?.indexOf(next) ?? 0);
  }

  /** Put the cursor into the note; its panel may be folded. */
  private focusNote(): void {
    if (isSmall.peek()) return openNote();
    fold("side", false);
    document.getElementById("note-text")?.focus();
  }

  /** Set the first or last frame of playback and of the note to the frame on the screen. */
  private setRange(end: "in" | "out"): void {
    const { player } = this.page.media;
    const id = store.currentId.peek();
    const frame = this.page.media.frame;
    if (frame !== null && player.clip !== null) player.setRangeEnd(end, player.clip.indexOf(frame));
    if (id === null || frame === null || !store.mayWrite.peek()) return;
    const { frame: from, endFrame } = draftOf(id).peek();
    if (end === "in") changeDraft(id, { frame, endFrame: endFrame !== null && endFrame > frame ? endFrame : null });
    else if (typeof from === "number" && frame > from) changeDraft(id, { endFrame: frame });
    else changeDraft(id, { frame, endFrame: null });
  }

  /** Remove the in and out points, also those of a note without text. */
  private clearRange(): void {
    this.page.media.player.clearRange();
    const id = store.currentId.peek();
    if (id === null) return;
    const draft = draftOf(id).peek();
    if (draft.text === "" && drawnFrames(draft).length === 0) changeDraft(id, { frame: undefined, endFrame: null });
  }

  private changeSpeed(step: 1 | -1): void {
    const { player } = this.page.media;
    player.baseSpeed = Math.abs(neighbouringSpeed(player.isPlaying ? player.speed : player.baseSpeed, step));
  }

  private toggleDrawing(): void {
    const mayDraw = store.mayDraw.peek() && this.page.media.frame !== null;
    if (!isDrawing.peek() && mayDraw) this.page.media.pause();
    isDrawing.value = !isDrawing.peek() && mayDraw;
  }

  private async toggleFullScreen(): Promise<void> {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await find("page", HTMLElement).requestFullscreen();
  }
}

/** The review page: connects the server's data, the player and the panels. */

import { effect, untracked } from "@preact/signals";
import { render } from "preact";

import { Clip } from "./clip";
import { find } from "./dom";
import { changeDraft, draftOf, draw, drawnFrames, redo, undo } from "./drafts";
import { Drawing } from "./drawing";
import { formatVersion, type PageActions } from "./elements";
import { setUpExportDialog } from "./export_dialog";
import { commandOf, isHistoryKey, setUpKeysDialog, type Command } from "./keys";
import { LiveConnection } from "./live";
import { STILL_FRAME, type Details, type Message, type Review, type Shape } from "./model";
import { isDrawing } from "./note_form";
import { Notices, type Notice } from "./notices";
import { formatAddress, parseAddress } from "./playback/address";
import { Comparison } from "./playback/comparison";
import { compareWith, viewCommands } from "./playback/controls";
import { neighbouringSpeed, type PlayMode } from "./playback/frame_clock";
import { groupRows, startEntry } from "./playback/playlist";
import { Renditions } from "./playback/renditions";
import { playedLines, ViewBar } from "./playback/view_bar";
import { comparedId, compareMode, fold, folded, isOtherHeld } from "./playback/view_state";
import { Viewport } from "./playback/viewport";
import { Waveform } from "./playback/waveform";
import { Player, type PlaybackProblem } from "./player";
import { PeoplePanel } from "./present/people";
import { Presentation } from "./present/presentation";
import { mediaUrl, postStatus, probeMedia, readDetails, readReview, readWaveform, type ReadError } from "./server";
import * as store from "./store";
import type { Size } from "./strokes";
import { Timeline, type Mark } from "./timeline";
import { DrawingTools, hasGhosts } from "./tools";
import { Transport } from "./transport";
import { rows, VersionList } from "./version_list";
import { VersionPanel } from "./version_panel";

const RETRY_INTERVAL_MS = 3_000;
/** Browsers limit how often a page may change its address. */
const ADDRESS_INTERVAL_MS = 400;
const STALL_TIMEOUT_MS = 700;
/** Neighbouring frames whose drawings are shown as ghosts. */
const GHOST_FRAMES = 2;
/** A follower stays with the presenter after these; others move on the page. */
const FOLLOWING_COMMANDS = new Set<Command>([
  ...(["mute", "ghosts", "write-note", "full-screen", "help", "panels"] as const),
  ...(["zoom-in", "zoom-out", "fit", "pixels", "flip"] as const),
]);

/** The frame and the speed that the next version begins with: in any case, or only one of the same shot. */
interface NextStart {
  readonly frame: number | null;
  readonly speed: number;
  readonly isForAnyShot: boolean;
}

const START: NextStart = { frame: null, speed: 0, isForAnyShot: true };

class Page {
  private readonly video = find("movie", HTMLVideoElement);
  private readonly still = find("still", HTMLImageElement);
  private readonly stage = find("stage", HTMLElement);
  private readonly player = new Player(this.video, () => this.render(), (problem) => this.report(problem));
  private readonly timeline = new Timeline(this.player, this.video);
  private readonly transport = new Transport(this.player, this.video, (command) => this.runCommand(command));
  private readonly notices = new Notices(() => this.retry());
  private readonly viewport = new Viewport(() => this.imageSize, () => this.showView(), () => this.runCommand("toggle"));
  private readonly comparison = new Comparison(this.player, () => this.followMain());
  private readonly renditions = new Renditions(() => this.reopen());
  private readonly waveform = new Waveform();
  private readonly drawing: Drawing = new Drawing(() => this.imageSize, () => this.viewport.rect(), {
    start: () => this.startShape(),
    shapes: () => this.draftShapes,
    change: (shapes) => this.changeShapes(shapes),
    progress: () => this.presentation.presentStrokes(),
  });
  private readonly toggleKeysDialog = setUpKeysDialog();
  private readonly live = new LiveConnection(
    (message) => this.receiveMessage(message),
    () => this.reconnect(),
    () => this.disconnect(),
  );
  private readonly presentation = new Presentation(this.live, {
    player: this.player,
    video: this.video,
    openedId: () => this.openedId,
    open: (entry, frame) => this.select(entry, { ...START, frame }),
    draftShapes: () => this.drawing.draftShapes,
  });

  /** The parts call back while they are created. */
  private isBuilt = false;
  private isConnected = true;
  private isReading = false;
  private mustReadAgain = false;
  private retryTimer = 0;
  /** What the page shows: the version, and its media. */
  private openedId: string | null = null;
  private openedMedia = "";
  private openedShot = "";
  private openedUrl = "";
  private next: NextStart = START;
  private addressTimer = 0;
  private stallTimer = 0;
  private preloaded: HTMLVideoElement | null = null;
  private readonly seenIds = new Set<string>();
  private stageNotice: Notice | null = null;
  private stripNotice: Notice | null = null;

  constructor() {
    this.isBuilt = true;
    const actions: PageActions = {
      select: (id) => {
        this.presentation.leave();
        this.select(id);
      },
      goTo: (frame) => {
        this.presentation.leave();
        this.player.show(this.player.clip?.indexOf(frame) ?? 0);
      },
      pause: () => {
        this.presentation.leave();
        this.pause();
      },
      toggleDrawing: () => this.runCommand("draw"),
      refresh: () => void this.read(),
      aspect: () => (this.imageSize.width > 0 ? [this.imageSize.width, this.imageSize.height] : null),
    };
    render(<VersionList actions={actions} />, find("versions", HTMLElement));
    render(<VersionPanel actions={actions} />, find("side", HTMLElement));
    const bar = { runCommand: (command: Command) => this.runCommand(command), compareWith };
    render(<ViewBar {...bar} setQuality={(quality) => this.renditions.setQuality(quality)} />, find("view-bar", HTMLElement));
    render(<DrawingTools />, find("tools", HTMLElement));
    render(<PeoplePanel presentation={this.presentation} />, find("people", HTMLElement));
    setUpExportDialog();
    this.addListeners();
    effect(() => this.showHead(store.review.value));
    effect(() => {
      const details = store.details.value;
      untracked(() => this.showDetails(details));
    });
    effect(() => this.showCompared());
    effect(() => {
      for (const panel of ["list", "side"]) find("page", HTMLElement).dataset[panel] = folded.value.has(panel) ? "folded" : "open";
    });
    effect(() => this.renderDrawing());
    effect(() => this.showPresenter());
    effect(() => {
      this.drawing.isActive = isDrawing.value;
    });
    void this.read();
    this.live.connect();
    this.render();
  }

  private addListeners(): void {
    document.addEventListener("keydown", (event) => this.onKeyDown(event));
    // A button takes the focus from the keyboard only, so that Space still plays after a click.
    document.addEventListener("mousedown", (event) => {
      if (event.target instanceof Element && event.target.closest("button") !== null) event.preventDefault();
    });
    document.addEventListener("keyup", (event) => {
      if (event.key.toLowerCase() === "v") isOtherHeld.value = false;
    });
    window.addEventListener("blur", () => (isOtherHeld.value = false));
    this.video.addEventListener("waiting", () => this.watchStall());
    this.video.addEventListener("loadeddata", () => this.loadWaveform());
    this.player.onFinish = () => this.playOn();
    // A follower who moves on the timeline leaves the presentation.
    find("timeline", HTMLElement).addEventListener("pointerdown", () => this.presentation.leave(), { capture: true });
    find("frame-number", HTMLInputElement).addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.presentation.leave();
    }, { capture: true });
    this.stage.addEventListener("pointermove", (event) => this.presentation.point(this.drawing.positionOf(event)));
    this.stage.addEventListener("pointerleave", () => this.presentation.point(null));
    this.still.addEventListener("load", () => this.render());
    this.still.addEventListener("error", () => void this.diagnose("undecodable"));
    find("show-keys", HTMLButtonElement).addEventListener("click", this.toggleKeysDialog);
    // A text that is being written on the image becomes part of the draft, which survives a reload.
    window.addEventListener("pagehide", () => this.drawing.finishText());
    window.addEventListener("offline", () => this.setConnected(false));
    window.addEventListener("online", () => void this.read());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.read();
    });
  }

  /** Read the list and the selected version; again afterwards if that is requested meanwhile. */
  private async read(): Promise<void> {
    this.mustReadAgain = this.isReading;
    if (this.isReading) return;
    this.isReading = true;
    clearTimeout(this.retryTimer);
    const answer = await readReview();
    this.isReading = false;
    if (typeof answer === "string") this.receiveError(answer);
    else this.receive(answer);
    if (this.mustReadAgain) void this.read();
  }

  private receive(found: Review): void {
    const wasLost = !this.isConnected && this.stageNotice === "lost-connection";
    const isFirst = store.review.peek() === null;
    this.isConnected = true;
    store.setReview(found);
    const current = store.current.peek();
    if (isFirst || current === null) this.selectFromUrl();
    else void this.readDetails(current.id);
    if (wasLost) this.reopen();
    this.render();
  }

  private async readDetails(id: string): Promise<void> {
    const found = await readDetails(id);
    if (typeof found !== "string") store.setDetails(found);
    else if (found === "link-invalid") void this.read(); // Deleted meanwhile: the list shows it.
    else this.receiveError(found);
  }

  private receiveError(error: ReadError): void {
    this.isConnected = false;
    // The server's own page explains the reason and the next step. Drafts are kept in the browser.
    if (error === "access-denied") this.reload();
    if (error === "link-invalid") {
      this.live.stop();
      this.player.close();
      this.stageNotice = "link-invalid";
    } else {
      this.retryTimer = window.setTimeout(() => void this.read(), RETRY_INTERVAL_MS);
    }
    this.render();
  }

  /** Load the page again; a stroke or a text that is being drawn is finished and kept first. */
  private reload(): void {
    this.drawing.finishText();
    if (this.drawing.isBusy) window.addEventListener("pointerup", () => location.reload(), { once: true });
    else location.reload();
  }

  private reconnect(): void {
    // A server that was restarted counts its commits from the beginning.
    store.forgetCommits();
    void this.read();
  }

  private disconnect(): void {
    this.presentation.disconnect();
    this.setConnected(false);
  }

  private setConnected(isConnected: boolean): void {
    this.isConnected = isConnected;
    this.render();
  }

  private receiveMessage(message: Message): void {
    if (message.type === "change") store.applyChange(message);
    else if (message.type === "earlier") {
      if (message.entries.includes(store.currentId.peek() ?? "")) store.earlierChanges.value += 1;
    } else if (message.type === "list" || message.type === "access") void this.read();
    else if (message.type === "entry" && store.knownDetails(message.entry)) void this.readDetails(message.entry);
    else this.presentation.receive(message);
  }

  /** Show the presenter's pointer and who is followed. */
  private showPresenter(): void {
    const isFollowed = store.isFollowing.value && store.presenter.value !== null && !store.isPresenting.value;
    this.stage.dataset["following"] = String(isFollowed);
    const position = isFollowed ? store.pointer.value : null;
    const name = store.people.value.find(({ id }) => id === store.presenter.value)?.name ?? "";
    this.drawing.pointer = position === null ? null : { position, name };
  }

  /** Open what the address says, or the newest version of the first row without a verdict. */
  private selectFromUrl(): void {
    const address = parseAddress(location.search, location.hash);
    const entries = store.review.peek()?.entries ?? [];
    const found = entries.find((entry) => entry.id === address.version) ?? startEntry(groupRows(entries, null));
    if (found === undefined) {
      store.currentId.value = null;
      this.player.close();
      return;
    }
    const isFound = found.id === address.version;
    if (isFound && address.mode !== null) compareMode.value = address.mode;
    this.select(found.id, { ...START, frame: isFound ? address.frame : null });
    if (isFound && entries.some(({ id }) => id === address.with)) compareWith(address.with);
    if (address.version !== null && !isFound) this.stripNotice = "version-missing";
    this.render();
  }

  private select(id: string, start?: NextStart): void {
    isDrawing.value = false;
    this.stripNotice = null;
    this.next = start ?? { frame: this.frame, speed: this.player.speed, isForAnyShot: false };
    if (comparedId.peek() === id) compareWith(store.currentId.peek());
    store.currentId.value = id;
    this.writeAddress();
    void this.readDetails(id);
  }

  /** Keep version, comparison and frame in the address, so that a copied link opens the same. */
  private writeAddress(): void {
    const [version, other] = [store.currentId.peek(), comparedId.peek()];
    const { frame, openedId } = this;
    const isShown = openedId === version && !this.player.isPlaying && !this.still.hasAttribute("src");
    // Until its media is open, a version keeps the frame that it will begin with.
    const start = openedId !== version && this.next.isForAnyShot ? this.next.frame : null;
    const query = formatAddress({ version, with: other, mode: compareMode.peek(), frame: isShown ? frame : start });
    if (version !== null && (query !== location.search || location.hash !== "")) {
      history.replaceState(null, "", `${location.pathname}${query}`);
    }
  }

  /** Select the version this many rows further down. Do nothing beyond the ends of the list. */
  private moveBy(count: number, start?: NextStart): void {
    const next = this.neighbour(count);
    if (next !== undefined) this.select(next, start);
  }

  private neighbour(count: number): string | undefined {
    const all = rows.peek();
    const index = all.findIndex(({ shown }) => shown.id === store.currentId.peek());
    return all[index + count]?.shown.id;
  }

  private showHead(review: Review | null): void {
    const entry = store.current.value;
    document.title =
      review === null ? "Review" : entry === null ? review.name : `${entry.name} ${formatVersion(entry)} · ${review.name}`;
    if (review === null) return;
    find("session-name", HTMLElement).textContent = review.name;
    find("session-project", HTMLElement).textContent = review.project;
    const description = find("session-description", HTMLElement);
    description.textContent = description.title = review.description;
    find("session-closed", HTMLElement).hidden = review.is_open;
    const visitor = find("visitor", HTMLElement);
    visitor.hidden = review.visitor === null;
    visitor.textContent = review.visitor;
  }

  /** Open the media of the selected version, if it is another one or has changed. */
  private showDetails(details: Details | null): void {
    if (details === null) return;
    const media = JSON.stringify([details.film, details.still, details.is_encoding]);
    const isOther = details.id !== this.openedId;
    if (!isOther && media === this.openedMedia) return;
    this.openedMedia = media;
    if (isOther) this.openVersion(details);
    else this.openMedia(details, this.player.target);
    this.presentation.apply();
    if (isOther) this.markSeen(details);
  }

  /** Open another version; one of the same shot begins at the same frame, and continues to play. */
  private openVersion(details: Details): void {
    const shot = JSON.stringify(details.path);
    const { frame, speed, isForAnyShot } = this.next;
    const isContinued = isForAnyShot || shot === this.openedShot;
    const { range, clip: before } = this.player;
    const clip = Clip.from(details.film?.exact ?? null);
    const isKept = isContinued && clip !== null && frame !== null && clip.contains(frame);
    const start = isKept ? clip.indexOf(frame) : 0;
    this.openedId = details.id;
    this.openedShot = shot;
    this.openMedia(details, start);
    if (isKept && before !== null && range !== null) {
      this.player.setRangeEnd("in", clip.indexOf(before.numberAt(range.first)));
      this.player.setRangeEnd("out", clip.indexOf(before.numberAt(range.last)));
    }
    if (isContinued && speed !== 0) this.player.play(speed);
    this.next = START;
  }

  /** Tell the others once that the visitor has seen the version. */
  private markSeen(details: Details): void {
    if (!store.mayDecide.peek() || store.ownStatus.peek() !== null || this.seenIds.has(details.id)) return;
    this.seenIds.add(details.id);
    // It is sent without a click, so that its failure is not reported.
    void postStatus(details.id, "seen").then((answer) => {
      if (typeof answer === "string") this.seenIds.delete(details.id);
      else store.applyChange(answer);
    });
  }

  private openMedia(details: Details, start: number): void {
    const notice = this.stripNotice;
    this.stageNotice = null;
    this.stripNotice = notice === "version-missing" ? notice : null;
    this.still.removeAttribute("src");
    if (details.film === null) {
      this.player.close();
      if (details.still !== null) this.still.src = mediaUrl(details.still);
      else this.stageNotice = details.is_encoding ? "encoding" : "no-movie";
    } else {
      const clip = Clip.from(details.film.exact);
      if (clip === null) this.stripNotice = "no-exact-rate";
      this.openedUrl = this.renditions.choose(details, details.film).url;
      this.player.open(this.openedUrl, clip, start);
      this.preloaded = null;
    }
    this.render();
  }

  /** The size of the image on the screen in its own pixels; 0 by 0 before it is loaded. */
  private get imageSize(): Size {
    const { still, video } = this;
    if (still.hasAttribute("src")) return { width: still.naturalWidth, height: still.naturalHeight };
    return { width: video.videoWidth, height: video.videoHeight };
  }

  /** The shot's number of the frame on the screen, or null if frames have no numbers. */
  private get frame(): number | null {
    if (this.still.hasAttribute("src")) return this.imageSize.width > 0 ? STILL_FRAME : null;
    const { clip, index, canSeek } = this.player;
    return clip === null || index === null || !canSeek ? null : clip.numberAt(index);
  }

  private goToNote(direction: 1 | -1): void {
    const { frame } = this;
    if (frame === null) return;
    const frames = [...new Set(this.marks().map((mark) => mark.frame))].sort((one, other) => one - other);
    const beyond = frames.filter((each) => (each - frame) * direction > 0);
    const next = direction > 0 ? beyond[0] : beyond.at(-1);
    if (next !== undefined) this.player.show(this.player.clip?.indexOf(next) ?? 0);
  }

  /** Load the review and the movie again, at the same frame. */
  private retry(): void {
    void this.read();
    this.reopen();
  }

  private reopen(): void {
    const details = store.details.peek();
    if (details === null) return;
    const { range, speed, target } = this.player;
    const chosen = details.film === null ? "" : this.renditions.choose(details, details.film).url;
    if (details.film !== null && chosen === this.openedUrl && this.stageNotice === null && this.isConnected) return;
    this.openMedia(details, target);
    if (range !== null) {
      this.player.setRangeEnd("in", range.first);
      this.player.setRangeEnd("out", range.last);
    }
    if (speed !== 0) this.player.play(speed);
  }

  private report(problem: PlaybackProblem): void {
    if (problem === "undecodable" || problem === "lost-connection") void this.diagnose(problem);
    else this.stripNotice = problem;
    this.render();
  }

  /** Find out why media does not load: the browser reports a damaged and an unreachable file in the same way. */
  private async diagnose(problem: "undecodable" | "lost-connection"): Promise<void> {
    const details = store.details.peek();
    const url = details?.film?.url ?? details?.still ?? null;
    if (url === null) return;
    this.stageNotice = problem;
    const cause = await probeMedia(mediaUrl(url));
    if (details?.id !== store.currentId.peek()) return;
    this.stageNotice = problem === "lost-connection" && cause === "undecodable" ? problem : cause;
    if (details?.film === null && cause === "undecodable") this.stageNotice = "image-undecodable";
    if (cause === "lost-connection") {
      this.isConnected = false;
      this.retryTimer = window.setTimeout(() => void this.read(), RETRY_INTERVAL_MS);
    }
    this.render();
  }

  private onKeyDown(event: KeyboardEvent): void {
    const step = isHistoryKey(event);
    const id = store.currentId.peek();
    if (step !== null && isDrawing.peek() && id !== null && this.frame !== null) {
      event.preventDefault();
      (step === "undo" ? undo : redo)(id, this.frame);
      return;
    }
    if (event.key === "Escape" && isDrawing.peek()) isDrawing.value = false;
    const command = commandOf(event);
    if (command === null) return;
    event.preventDefault();
    this.runCommand(command);
  }

  private runCommand(command: Command): void {
    const { player } = this;
    if (!FOLLOWING_COMMANDS.has(command)) this.presentation.leave();
    const commands: Record<Command, () => void> = {
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
      loop: () => this.setMode(player.mode === "loop" ? "once" : "loop"),
      "ping-pong": () => this.setMode(player.mode === "ping-pong" ? "loop" : "ping-pong"),
      "play-on": () => this.setMode(player.mode === "next" ? "loop" : "next"),
      slower: () => this.changeSpeed(-1),
      faster: () => this.changeSpeed(1),
      mute: () => (player.isMuted = !player.isMuted),
      "previous-version": () => this.moveBy(-1),
      "next-version": () => this.moveBy(1),
      "previous-note": () => this.goToNote(-1),
      "next-note": () => this.goToNote(1),
      "write-note": () => this.focusNote(),
      "mark-in": () => this.setRange("in"),
      "mark-out": () => this.setRange("out"),
      "clear-range": () => this.clearRange(),
      ...viewCommands(this.viewport),
      draw: () => this.toggleDrawing(),
      ghosts: () => (hasGhosts.value = !hasGhosts.peek()),
      "full-screen": () => void this.toggleFullScreen(),
      help: this.toggleKeysDialog,
    };
    commands[command]();
  }

  /** Put the cursor into the note; its panel may be folded. */
  private focusNote(): void {
    fold("side", false);
    document.getElementById("note-text")?.focus();
  }

  /** Set the first or last frame of the note to the frame on the screen. */
  private setRange(end: "in" | "out"): void {
    const id = store.currentId.peek();
    const { frame } = this;
    if (frame !== null && this.player.clip !== null) this.player.setRangeEnd(end, this.player.clip.indexOf(frame));
    if (id === null || frame === null || !store.mayWrite.peek()) return;
    const { frame: from, endFrame } = draftOf(id).peek();
    if (end === "in") changeDraft(id, { frame, endFrame: endFrame !== null && endFrame > frame ? endFrame : null });
    else if (typeof from === "number" && frame > from) changeDraft(id, { endFrame: frame });
    else changeDraft(id, { frame, endFrame: null });
  }

  /** Remove the in and out points, also those of a note without text. */
  private clearRange(): void {
    this.player.clearRange();
    const id = store.currentId.peek();
    if (id === null) return;
    const draft = draftOf(id).peek();
    if (draft.text === "" && drawnFrames(draft).length === 0) changeDraft(id, { frame: undefined, endFrame: null });
  }

  private setMode(mode: PlayMode): void {
    this.player.mode = mode;
  }

  private changeSpeed(step: 1 | -1): void {
    const { player } = this;
    player.baseSpeed = Math.abs(neighbouringSpeed(player.isPlaying ? player.speed : player.baseSpeed, step));
  }

  /** Play the next version of the list from its first frame. */
  private playOn(): void {
    this.moveBy(1, { ...START, speed: this.player.baseSpeed });
  }

  /** Load the beginning of the next version while this one plays, so that it begins at once. */
  private preloadNext(): void {
    if (this.player.mode !== "next" || !this.player.isPlaying || this.preloaded !== null) return;
    const next = this.neighbour(1);
    if (next === undefined) return;
    const video = document.createElement("video");
    this.preloaded = video;
    void readDetails(next).then((found) => {
      if (typeof found === "string" || this.preloaded !== video) return;
      store.setDetails(found);
      if (found.film === null) return;
      const played = found.film.renditions.find(({ lines }) => lines === playedLines.peek());
      video.preload = "auto";
      video.muted = true;
      video.src = mediaUrl((played ?? found.film).url);
    });
  }

  /** Show the waveform of the movie; it is read after the first image, which is more urgent. */
  private loadWaveform(): void {
    const details = store.details.peek();
    const { clip } = this.player;
    this.waveform.show(null, null);
    if (details === null || details.film === null || clip === null) return;
    void readWaveform(mediaUrl(details.film.url)).then((peaks) => {
      if (details.id !== store.currentId.peek()) return;
      this.waveform.show(peaks, clip);
      this.transport.setKnownSound(peaks !== null && peaks.length > 0);
    });
  }

  /** Show the compared version. This never changes the main movie or its frame. */
  private showCompared(): void {
    const id = comparedId.value;
    const current = store.current.value;
    const entry = store.review.value?.entries.find((each) => each.id === id);
    const found = id === null ? undefined : store.knownDetails(id);
    const details = store.allDetails.value.get(id ?? "") ?? null;
    untracked(() => {
      if (id !== null && found === undefined) void this.readDetails(id);
      this.comparison.open(details, details?.film == null ? null : mediaUrl(details.film.url));
      find("pane-name", HTMLElement).textContent = current === null ? "" : `${current.name} ${formatVersion(current)}`;
      find("other-name", HTMLElement).textContent = entry === undefined ? "" : `${entry.name} ${formatVersion(entry)}`;
    });
  }

  /** Follow a change of zoom, panes or comparison. */
  private showView(): void {
    if (!this.isBuilt) return;
    untracked(() => {
      this.renderDrawing();
      this.scheduleAddress();
    });
  }

  /** Count an interruption of the playback that lasts; a short one is usual at the start of a movie. */
  private watchStall(): void {
    clearTimeout(this.stallTimer);
    this.stallTimer = window.setTimeout(() => {
      const isStalled = !this.video.paused && !this.video.seeking && this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
      if (isStalled) this.renditions.countStall();
    }, STALL_TIMEOUT_MS);
  }

  private followMain(): void {
    if (this.isBuilt) this.comparison.sync();
  }

  private scheduleAddress(): void {
    clearTimeout(this.addressTimer);
    this.addressTimer = window.setTimeout(() => this.writeAddress(), ADDRESS_INTERVAL_MS);
  }

  private toggleDrawing(): void {
    const mayDraw = store.mayDraw.peek() && this.frame !== null;
    if (!isDrawing.peek() && mayDraw) this.pause();
    isDrawing.value = !isDrawing.peek() && mayDraw;
  }

  private startShape(): boolean {
    this.pause();
    return isDrawing.peek() && this.frame !== null && this.stageNotice === null;
  }

  private pause(): void {
    if (this.player.isPlaying) this.player.pause();
  }

  private get draftShapes(): readonly Shape[] {
    return draftOf(store.currentId.peek() ?? "").peek().drawings[this.frame ?? ""] ?? [];
  }

  private changeShapes(shapes: readonly Shape[]): void {
    const id = store.currentId.peek();
    if (id !== null && this.frame !== null) draw(id, this.frame, shapes);
  }

  /** Return the shapes on a frame: of notes, of programs, and of the draft. */
  private shapesAt(frame: number): Shape[] {
    const details = store.details.value;
    if (details === null || store.currentId.value === null) return [];
    const isShown = (first: number | null, last: number | null): boolean =>
      first !== null && frame >= first && frame <= (last ?? first);
    const draft = draftOf(store.currentId.value).value;
    const live = store.liveStrokes.value;
    const isLive = store.isFollowing.value && live.entry === details.id && live.frame === frame;
    const drafted = drawnFrames(draft).filter((each) => isShown(each, each + draft.hold - 1));
    const stored = [
      ...details.drawings.filter((each) => isShown(each.frame, each.end_frame)).flatMap(({ shapes }) => shapes),
      ...details.notes.filter((each) => isShown(each.frame, each.drawing_end)).flatMap(({ drawing }) => drawing),
      ...drafted.flatMap((each) => draft.drawings[each] ?? []),
    ];
    // The presenter's drawing becomes that of a note when it is sent.
    return [...stored, ...(isLive ? live.shapes.filter(({ id }) => !stored.some((each) => each.id === id)) : [])];
  }

  private ghostsAt(frame: number): Shape[] {
    if (!hasGhosts.value) return [];
    const distances = Array.from({ length: GHOST_FRAMES }, (_, index) => index + 1);
    const near = distances.flatMap((distance) => [frame - distance, frame + distance]);
    const shown = new Set(this.shapesAt(frame).map(({ id }) => id));
    const ghosts = near.flatMap((each) => this.shapesAt(each)).filter(({ id }) => !shown.has(id));
    return [...new Map(ghosts.map((shape) => [shape.id, shape])).values()];
  }

  /** The frames and ranges that the timeline marks. */
  private marks(): Mark[] {
    const details = store.details.value;
    if (details === null) return [];
    const notes = details.notes.flatMap(({ frame, end_frame, drawing, done, content, author }) =>
      frame === null ? [] : [{ frame, end: end_frame, kind: done !== null ? "done" : drawing.length > 0 ? "drawn" : "open", text: `${author}: ${content}` } as const],
    );
    return [...notes, ...details.drawings.map(({ frame, end_frame }) => ({ frame, end: end_frame, kind: "drawn", text: "Drawing" }) as const)];
  }

  private renderDrawing(): void {
    const frame = store.shownFrame.value;
    const isShown = this.stageNotice === null && frame !== null;
    this.drawing.show(isShown ? this.shapesAt(frame) : [], isShown ? this.ghostsAt(frame) : []);
    this.timeline.mark(this.marks());
    this.presentation.presentStrokes();
  }

  private async toggleFullScreen(): Promise<void> {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await find("page", HTMLElement).requestFullscreen();
  }

  private render(): void {
    if (!this.isBuilt) return;
    this.timeline.render();
    this.transport.render();
    this.comparison.sync();
    untracked(() => this.viewport.layout());
    if (this.player.isPlaying) this.preloadNext();
    else this.scheduleAddress();
    store.shownFrame.value = this.frame;
    this.presentation.observe();
    this.stage.dataset["waiting"] = String(this.player.isWaiting);
    this.stage.dataset["settled"] = String(this.player.isSettled);
    this.still.hidden = !this.still.hasAttribute("src") || this.stageNotice !== null;
    this.video.hidden = !this.video.hasAttribute("src") || this.stageNotice !== null;
    const review = store.review.peek();
    this.renderDrawing();
    this.notices.showOnStage(this.stageNotice ?? this.reviewNotice(review));
    this.notices.showBeside(this.isConnected || review === null ? this.stripNotice : "unreachable");
    find("page", HTMLElement).dataset["state"] = review === null ? "loading" : "loaded";
  }

  private reviewNotice(review: Review | null): Notice | null {
    if (review === null) return this.isConnected ? "loading" : "unreachable";
    if (review.entries.length > 0) return null;
    return review.is_open ? "empty" : "empty-closed";
  }
}

new Page();

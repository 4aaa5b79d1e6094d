/** The review page: connects the server's data, the media and the panels. */

import { effect, untracked } from "@preact/signals";
import { render, type JSX } from "preact";

import { find } from "./dom";
import { draftOf, draw, followTabs } from "./drafts";
import { Drawing } from "./drawing";
import type { PageActions } from "./elements";
import { setUpExportDialog } from "./export_dialog";
import { formatVersion } from "./format";
import { setUpKeysDialog, type Command } from "./keys";
import { LiveConnection } from "./live";
import type { Details, Message, Review, Shape } from "./model";
import { noticeOfReview, Notices } from "./notices";
import { parseAddress } from "./playback/address";
import { Comparison } from "./playback/comparison";
import { compareWith } from "./playback/controls";
import { groupRows, startEntry } from "./playback/playlist";
import { ViewBar } from "./playback/view_bar";
import { comparedId, compareMode, folded, isOtherHeld } from "./playback/view_state";
import { Viewport } from "./playback/viewport";
import { isSmall, setUpPhone, Tabs } from "./phone";
import { PeoplePanel } from "./present/people";
import { Presentation } from "./present/presentation";
import { AddressBar } from "./review/address_bar";
import { Commands } from "./review/commands";
import { showHead } from "./review/head";
import { Loader } from "./review/loader";
import { Media } from "./review/media";
import { START, type NextStart } from "./review/next_start";
import { ghostsAt, marksOf, shapesAt, type Drawn } from "./review/shown_shapes";
import { mediaUrl, postStatus, readDetails, readReview, type ReadError } from "./server";
import * as store from "./store";
import { isDrawing } from "./store";
import { Timeline } from "./timeline";
import { DrawingTools, hasGhosts } from "./tools";
import { Transport } from "./transport";
import { rows, VersionList } from "./version_list";
import { VersionPanel } from "./version_panel";

/** The drawing tools; on a small screen they are in the sheet of the note. */
function ToolsBesideImage(): JSX.Element | null {
  return isSmall.value ? null : <DrawingTools />;
}

class Page {
  private readonly stage = find("stage", HTMLElement);
  private readonly loader = new Loader({ readReview, readDetails }, {
    receive: (found, wasLost) => this.receive(found, wasLost),
    receiveDetails: (found) => store.setDetails(found),
    fail: (error) => this.receiveError(error),
  });
  private readonly media: Media = new Media({
    render: () => this.render(),
    isConnected: () => this.loader.isConnected,
    lose: () => this.loader.readLater(),
    following: () => this.neighbour(1),
    setKnownSound: (hasSound) => this.transport.setKnownSound(hasSound),
  });
  private readonly player = this.media.player;
  private readonly timeline = new Timeline(this.player, this.media.video);
  private readonly transport: Transport = new Transport(this.player, this.media.video, (command) => this.commands.run(command));
  private readonly notices = new Notices(() => this.retry());
  private readonly viewport = new Viewport(() => this.media.imageSize, () => this.showView(), () => this.commands.run("toggle"));
  private readonly comparison = new Comparison(this.player, () => this.followMain());
  private readonly drawing: Drawing = new Drawing(() => this.media.imageSize, () => this.viewport.rect(), {
    start: () => this.startShape(),
    shapes: () => this.draftShapes,
    change: (shapes) => this.changeShapes(shapes),
    progress: () => this.presentation.presentStrokes(),
  });
  private readonly commands: Commands = new Commands({
    media: this.media,
    viewport: this.viewport,
    leave: () => this.presentation.leave(),
    moveBy: (count) => this.moveBy(count),
    toggleKeysDialog: setUpKeysDialog(),
  });
  private readonly live = new LiveConnection(
    (message) => this.receiveMessage(message),
    () => this.reconnect(),
    () => this.disconnect(),
  );
  private readonly presentation = new Presentation(this.live, {
    player: this.player,
    video: this.media.video,
    openedId: () => this.media.openedId,
    open: (entry, frame) => this.select(entry, { ...START, frame }),
    draftShapes: () => this.drawing.draftShapes,
  });
  private readonly address = new AddressBar(() => ({
    version: store.currentId.peek(),
    with: comparedId.peek(),
    mode: compareMode.peek(),
    opened: this.media.openedId,
    frame: this.player.isPlaying || this.media.isStill ? null : this.media.frame,
    start: this.media.next.isForAnyShot ? this.media.next.frame : null,
  }));
  private readonly seenIds = new Set<string>();
  /** The parts call back while they are created. */
  private isBuilt = false;

  constructor() {
    this.isBuilt = true;
    followTabs();
    setUpPhone();
    this.renderPanels();
    setUpExportDialog();
    this.addListeners();
    effect(() => showHead(store.review.value, store.current.value));
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
    void this.loader.read();
    this.live.connect();
    this.render();
  }

  private renderPanels(): void {
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
        this.media.pause();
      },
      toggleDrawing: () => this.commands.run("draw"),
      refresh: () => void this.loader.read(),
      aspect: () => (this.media.imageSize.width > 0 ? [this.media.imageSize.width, this.media.imageSize.height] : null),
    };
    render(<VersionList actions={actions} />, find("versions", HTMLElement));
    render(<VersionPanel actions={actions} />, find("side", HTMLElement));
    const bar = { runCommand: (command: Command) => this.commands.run(command), compareWith };
    const { renditions } = this.media;
    render(<ViewBar {...bar} setQuality={(quality) => renditions.setQuality(quality)} />, find("view-bar", HTMLElement));
    render(<ToolsBesideImage />, find("tools", HTMLElement));
    render(<Tabs />, find("tabs", HTMLElement));
    render(<PeoplePanel presentation={this.presentation} />, find("people", HTMLElement));
  }

  private addListeners(): void {
    document.addEventListener("keydown", (event) => this.commands.onKeyDown(event));
    // A button takes the focus from the keyboard only, so that Space still plays after a click.
    document.addEventListener("mousedown", (event) => {
      if (event.target instanceof Element && event.target.closest("button") !== null) event.preventDefault();
    });
    document.addEventListener("keyup", (event) => {
      if (event.key.toLowerCase() === "v") isOtherHeld.value = false;
    });
    window.addEventListener("blur", () => (isOtherHeld.value = false));
    this.media.addListeners();
    // The next version plays from its first frame.
    this.player.onFinish = () => this.moveBy(1, { ...START, speed: this.player.baseSpeed });
    // A follower who moves on the timeline leaves the presentation.
    find("timeline", HTMLElement).addEventListener("pointerdown", () => this.presentation.leave(), { capture: true });
    find("frame-number", HTMLInputElement).addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.presentation.leave();
    }, { capture: true });
    this.stage.addEventListener("pointermove", (event) => this.presentation.point(this.drawing.positionOf(event)));
    this.stage.addEventListener("pointerleave", () => this.presentation.point(null));
    find("show-keys", HTMLButtonElement).addEventListener("click", () => this.commands.run("help"));
    // A text that is being written on the image becomes part of the draft, which survives a reload.
    window.addEventListener("pagehide", () => this.drawing.finishText());
    window.addEventListener("offline", () => this.setUnreachable());
    window.addEventListener("online", () => void this.loader.read());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.loader.read();
    });
  }

  private receive(found: Review, wasLost: boolean): void {
    const mustReopen = wasLost && this.media.stageNotice === "lost-connection";
    const isFirst = store.review.peek() === null;
    store.setReview(found);
    const current = store.current.peek();
    if (isFirst || current === null) this.selectFromUrl();
    else void this.loader.readDetails(current.id);
    if (mustReopen) this.media.reopen();
    this.render();
  }

  private receiveError(error: ReadError): void {
    // The server's own page explains the reason and the next step. Drafts are kept in the browser.
    if (error === "access-denied") this.reload();
    if (error === "link-invalid") {
      this.live.stop();
      this.player.close();
      this.media.stageNotice = "link-invalid";
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
    void this.loader.read();
  }

  private disconnect(): void {
    this.presentation.disconnect();
    this.setUnreachable();
  }

  private setUnreachable(): void {
    this.loader.isConnected = false;
    this.render();
  }

  /** Load the review and the movie again, at the same frame. */
  private retry(): void {
    void this.loader.read();
    this.media.reopen();
  }

  private receiveMessage(message: Message): void {
    if (message.type === "change") store.applyChange(message);
    else if (message.type === "earlier") {
      if (message.entries.includes(store.currentId.peek() ?? "")) store.earlierChanges.value += 1;
    } else if (message.type === "list" || message.type === "access") void this.loader.read();
    else if (message.type === "entry" && store.knownDetails(message.entry)) void this.loader.readDetails(message.entry);
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
    if (address.version !== null && !isFound) this.media.stripNotice = "version-missing";
    this.render();
  }

  private select(id: string, start?: NextStart): void {
    isDrawing.value = false;
    this.media.stripNotice = null;
    this.media.next = start ?? { frame: this.media.frame, speed: this.player.speed, isForAnyShot: false };
    if (comparedId.peek() === id) compareWith(store.currentId.peek());
    store.currentId.value = id;
    this.address.write();
    void this.loader.readDetails(id);
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

  /** Open the media of the selected version, if it is another one or has changed. */
  private showDetails(details: Details | null): void {
    const isOther = details === null ? null : this.media.show(details);
    if (details === null || isOther === null) return;
    this.presentation.apply();
    if (isOther) this.markSeen(details);
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

  /** Show the compared version. This never changes the main movie or its frame. */
  private showCompared(): void {
    const id = comparedId.value;
    const current = store.current.value;
    const entry = store.review.value?.entries.find((each) => each.id === id);
    const found = id === null ? undefined : store.knownDetails(id);
    const details = store.allDetails.value.get(id ?? "") ?? null;
    untracked(() => {
      if (id !== null && found === undefined) void this.loader.readDetails(id);
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
      this.address.schedule();
    });
  }

  private followMain(): void {
    if (this.isBuilt) this.comparison.sync();
  }

  private startShape(): boolean {
    this.media.pause();
    return isDrawing.peek() && this.media.frame !== null && this.media.stageNotice === null;
  }

  private get draftShapes(): readonly Shape[] {
    return draftOf(store.currentId.peek() ?? "").peek().drawings[this.media.frame ?? ""] ?? [];
  }

  private changeShapes(shapes: readonly Shape[]): void {
    const id = store.currentId.peek();
    const { frame } = this.media;
    if (id !== null && frame !== null) draw(id, frame, shapes);
  }

  private renderDrawing(): void {
    const [details, id, frame] = [store.details.value, store.currentId.value, store.shownFrame.value];
    const isShown = this.media.stageNotice === null && frame !== null && details !== null && id !== null;
    const live = store.isFollowing.value ? store.liveStrokes.value : null;
    const drawn: Drawn | null = isShown ? { details, draft: draftOf(id).value, live } : null;
    this.drawing.show(
      drawn === null || frame === null ? [] : shapesAt(drawn, frame),
      drawn === null || frame === null || !hasGhosts.value ? [] : ghostsAt(drawn, frame),
    );
    this.timeline.mark(marksOf(details));
    this.presentation.presentStrokes();
  }

  private render(): void {
    if (!this.isBuilt) return;
    this.timeline.render();
    this.transport.render();
    this.comparison.sync();
    untracked(() => this.viewport.layout());
    if (this.player.isPlaying) this.media.preloadNext();
    else this.address.schedule();
    store.shownFrame.value = this.media.frame;
    this.presentation.observe();
    this.stage.dataset["waiting"] = String(this.player.isWaiting);
    this.stage.dataset["settled"] = String(this.player.isSettled);
    this.media.render();
    const review = store.review.peek();
    const { isConnected } = this.loader;
    this.renderDrawing();
    this.notices.showOnStage(this.media.stageNotice ?? noticeOfReview(review, isConnected));
    this.notices.showBeside(isConnected || review === null ? this.media.stripNotice : "unreachable");
    find("page", HTMLElement).dataset["state"] = review === null ? "loading" : "loaded";
  }
}

new Page();

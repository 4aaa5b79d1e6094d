/** The live session of the page: presents what it shows to other pages, or follows the page that presents. */

import { batch, effect, untracked } from "@preact/signals";

import type { LiveConnection } from "../live";
import type { Message, Position, PresentationState, Shape } from "../model";
import { MAX_CONTINUOUS_SPEED, type PlayMode } from "../playback/frame_clock";
import * as view from "../playback/view_state";
import type { Player } from "../player";
import * as store from "../store";
import { difference, duePosition, intoRange, playedRange, ServerClock } from "./clock";
import { applyStrokes, NO_STROKES, strokeMessages, type LiveStrokes } from "./live_strokes";
import { PlaybackFollower, PlaybackReport, type Correction } from "./playback_sync";

/** A dragged timeline sends at most so often, and always its last frame. */
const SCRUB_INTERVAL_MS = 50;
const POINTER_INTERVAL_MS = 50;
const STROKE_INTERVAL_MS = 33;
const VIEW_INTERVAL_MS = 50;
/** The clocks are compared by some requests at first, and then at intervals. */
const CLOCK_REQUESTS = 8;
const FIRST_CLOCK_INTERVAL_MS = 100;
const CLOCK_INTERVAL_MS = 5_000;
const MIN_SOUGHT_FRAMES = 24;

/** What the presentation needs of the page. */
export interface Screen {
  readonly player: Player;
  readonly video: HTMLVideoElement;
  /** The id of the version whose media is open. */
  readonly openedId: () => string | null;
  /** Open a version at a frame number. */
  readonly open: (entry: string, frame: number | null) => void;
  /** The unsent shapes on the frame on the screen, with the one that is being drawn. */
  readonly draftShapes: () => readonly Shape[];
}

/** What the presenter has sent last. */
interface Sent {
  readonly entry: string;
  readonly frame: number | null;
  readonly speed: number;
  /** The played range and mode, as JSON. */
  readonly range: string;
}

export class Presentation {
  private readonly live: LiveConnection;
  private readonly screen: Screen;
  private readonly clock = new ServerClock();
  private sent: Sent | null = null;
  private sentStrokes: LiveStrokes = NO_STROKES;
  /** The page presented when it lost its connection. */
  private wasPresenting = false;
  private pointer: Position | null = null;
  private shownIndex: number | null = null;
  private readonly report = new PlaybackReport();
  private readonly follower = new PlaybackFollower();
  /** What the presenter has reported when the follower measured last. */
  private measuredState = "";
  private clockRequests = 0;
  private timers = new Map<string, number>();

  constructor(live: LiveConnection, screen: Screen) {
    this.live = live;
    this.screen = screen;
    effect(() => {
      for (const each of [view.zoom, view.centre, view.isFlipped, view.comparedId, view.compareMode, view.wipeAt]) void each.value;
      void view.isOtherHeld.value;
      if (store.isPresenting.value) untracked(() => this.presentView());
    });
    effect(() => {
      if (store.isPresenting.value || (store.isFollowing.value && store.presenter.value !== null)) this.compareClocks();
    });
    document.addEventListener("visibilitychange", () => this.apply());
  }

  private get isFollowing(): boolean {
    return store.isFollowing.peek() && store.presenter.peek() !== null && !store.isPresenting.peek();
  }

  /** Present from this page; a present presenter is replaced. */
  claim(): void {
    this.live.send({ type: "claim" });
  }

  release(): void {
    this.wasPresenting = false;
    this.live.send({ type: "release" });
  }

  /** Let another page present. */
  handOver(page: number): void {
    this.live.send({ type: "hand_over", to: page });
  }

  follow(): void {
    store.isFollowing.value = true;
    this.live.send({ type: "follow", on: true });
    this.apply();
  }

  /** Stop following, because the visitor has asked for it or has moved on the page. */
  leave(): void {
    if (!store.isFollowing.peek()) return;
    store.isFollowing.value = false;
    store.pointer.value = null;
    this.screen.video.playbackRate = Math.abs(this.screen.player.speed) || 1;
    this.live.send({ type: "follow", on: false });
  }

  /** Forget the people after the connection was lost. */
  disconnect(): void {
    this.wasPresenting ||= store.isPresenting.peek();
    store.people.value = [];
    store.presenter.value = store.ownPage.value = store.pointer.value = null;
  }

  receive(message: Message): void {
    if (message.type === "hello") this.receiveHello(message);
    else if (message.type === "people") {
      store.people.value = message.people;
      store.peopleCount.value = message.count;
      this.setPresenter(message.presenter);
    } else if (message.type === "driver") this.setPresenter(message.presenter);
    else if (message.type === "clock") this.clock.measure(message.sent, performance.now(), message.now);
    else if (message.type === "state") {
      this.clock.assume(message.now, performance.now());
      store.presentation.value = message.state;
      this.apply();
    } else if (message.type === "pointer") store.pointer.value = message.point;
    else if (message.type === "stroke" || message.type === "strokes") {
      store.liveStrokes.value = applyStrokes(store.liveStrokes.peek(), message);
    }
  }

  private receiveHello(message: Extract<Message, { type: "hello" }>): void {
    this.clock.reset();
    this.clock.assume(message.now, performance.now());
    store.ownPage.value = message.page;
    store.presentation.value = message.state;
    this.setPresenter(message.presenter);
    store.liveStrokes.value = message.strokes;
    if (store.isFollowing.peek()) this.live.send({ type: "follow", on: true });
    // A presenter whose connection was cut goes on, unless another person presents now.
    if (this.wasPresenting && message.presenter === null) this.claim();
    this.wasPresenting = false;
    this.apply();
  }

  /** Ask for the server's clock several times, then from time to time while the page presents or follows. */
  private compareClocks(): void {
    clearTimeout(this.timers.get("clock"));
    this.timers.delete("clock");
    this.clockRequests = 0;
    const ask = (): void => {
      if (!store.isPresenting.peek() && !this.isFollowing) return;
      this.live.send({ type: "clock", sent: performance.now() });
      this.clockRequests += 1;
      this.later("clock", this.clockRequests < CLOCK_REQUESTS ? FIRST_CLOCK_INTERVAL_MS : CLOCK_INTERVAL_MS, ask);
    };
    ask();
  }

  private setPresenter(page: number | null): void {
    if (page === store.presenter.peek()) return;
    const wasPresenting = store.isPresenting.peek();
    store.presenter.value = page;
    store.pointer.value = null;
    store.liveStrokes.value = NO_STROKES;
    this.sent = null;
    this.sentStrokes = NO_STROKES;
    if (store.isPresenting.peek()) {
      this.leave();
      this.observe();
    } else if (wasPresenting && page !== null) {
      // After a hand-over, the earlier presenter sees what the others see.
      this.follow();
    }
  }

  /** Look at the player after each change: send what the presenter shows, and correct what a follower shows. */
  observe(): void {
    const { player } = this.screen;
    const isNewFrame = player.index !== this.shownIndex;
    this.shownIndex = player.index;
    if (store.isPresenting.peek()) this.present(isNewFrame);
    else if (isNewFrame && this.isFollowing) this.measure();
  }

  private present(isNewFrame: boolean): void {
    const { player } = this.screen;
    const entry = this.screen.openedId();
    if (entry === null) return;
    const { clip, speed } = player;
    const frame = clip === null ? null : clip.numberAt(player.target);
    const before = this.sent;
    const range = JSON.stringify(this.playedRange());
    if (range !== before?.range) this.live.send({ type: "range", ...this.playedRange() });
    const isOther = before === null || before.entry !== entry || before.speed !== speed;
    this.sent = { entry, frame, speed, range };
    if (speed === 0) {
      if (isOther) this.sendFrame();
      else if (before.frame !== frame) this.later("frame", SCRUB_INTERVAL_MS, () => this.sendFrame());
    } else if (isOther) {
      this.report.reset();
      this.sendFrame();
    } else if (isNewFrame && clip !== null && player.index !== null) {
      const place = this.report.take(player.index, player.shownAt, clip.frames(speed / 1000));
      if (place !== null) this.sendPlay(entry, clip.numberAt(place.index), place.at, speed);
    }
    this.presentStrokes();
  }

  private sendPlay(entry: string, frame: number | null, at: number, speed: number): void {
    this.live.send({ type: "play", entry, frame, at: this.clock.at(at), speed });
  }

  /** Send the frame that is shown now. */
  private sendFrame(): void {
    clearTimeout(this.timers.get("frame"));
    this.timers.delete("frame");
    if (this.sent === null || !store.isPresenting.peek()) return;
    const { entry, frame, speed } = this.sent;
    if (speed === 0) this.live.send({ type: "show", entry, frame });
    else this.sendPlay(entry, frame, performance.now(), speed);
  }

  /** Send what has changed in the unsent drawing, at most so often. */
  presentStrokes(): void {
    if (!store.isPresenting.peek()) return;
    this.later("strokes", STROKE_INTERVAL_MS, () => {
      const [entry, frame] = [this.screen.openedId(), store.shownFrame.peek()];
      if (entry === null || !store.isPresenting.peek()) return;
      const strokes = { entry, frame, shapes: [...this.screen.draftShapes()] };
      for (const message of strokeMessages(this.sentStrokes, strokes)) this.live.send(message);
      this.sentStrokes = strokes;
    });
  }

  /** Send the position of the pointer on the image, or null when it leaves. */
  point(position: Position | null): void {
    this.pointer = position;
    if (!store.isPresenting.peek()) return;
    this.later("pointer", POINTER_INTERVAL_MS, () => this.live.send({ type: "pointer", point: this.pointer }));
  }

  /** Run a task after an interval, unless it is already waiting. */
  private later(name: string, interval: number, run: () => void): void {
    if (this.timers.has(name)) return;
    const timer = window.setTimeout(() => {
      this.timers.delete(name);
      run();
    }, interval);
    this.timers.set(name, timer);
  }

  /** Show what the presenter shows. */
  apply(): void {
    const state = store.presentation.peek();
    const { entry, frame = null, speed = 0 } = state;
    const { player } = this.screen;
    if (!this.isFollowing || entry === undefined) return;
    if (this.screen.openedId() !== entry || store.currentId.peek() !== entry) {
      if (store.currentId.peek() !== entry) this.screen.open(entry, frame);
      return; // The page calls again when the media is open.
    }
    this.applyView(state);
    this.applyRange(state);
    if (speed === 0) {
      if (player.isPlaying) player.pause();
      if (player.clip !== null && frame !== null) player.show(player.clip.indexOf(frame));
    } else if (player.speed !== speed) {
      this.startPlaying(speed);
    }
  }

  /** The first and last frame that are played, or null for those of the movie, and what follows. */
  private playedRange(): { in: number | null; out: number | null; mode: PlayMode } {
    const { clip, range, mode } = this.screen.player;
    if (clip === null || range === null) return { in: null, out: null, mode };
    return { in: clip.numberAt(range.first), out: clip.numberAt(range.last), mode };
  }

  private applyRange(state: PresentationState): void {
    const { player } = this.screen;
    // The presenter opens the next version.
    const mode = state.play_mode === "next" ? "once" : (state.play_mode ?? player.mode);
    if (player.mode !== mode) player.mode = mode;
    const { clip } = player;
    const own = this.playedRange();
    if (clip === null || state.in === undefined || (own.in === state.in && own.out === state.out)) return;
    player.clearRange();
    if (state.in !== null && state.out != null) {
      player.setRangeEnd("in", clip.indexOf(state.in));
      player.setRangeEnd("out", clip.indexOf(state.out));
    }
  }

  /** Send zoom and comparison, at most so often. */
  private presentView(): void {
    this.later("view", VIEW_INTERVAL_MS, () => {
      if (!store.isPresenting.peek()) return;
      const compared = view.comparedId.peek();
      this.live.send({
        type: "view",
        zoom: view.zoom.peek(),
        centre: view.centre.peek(),
        flipped: view.isFlipped.peek(),
        with: compared,
        mode: compared === null ? null : view.compareMode.peek(),
        wipe: view.wipeAt.peek(),
        held: view.isOtherHeld.peek(),
      });
    });
  }

  private applyView(state: PresentationState): void {
    if (state.zoom === undefined) return;
    batch(() => {
      view.zoom.value = state.zoom ?? 1;
      if (state.centre !== undefined && state.centre.join() !== view.centre.peek().join()) view.centre.value = state.centre;
      view.isFlipped.value = state.flipped ?? false;
      view.comparedId.value = state.with ?? null;
      if (state.mode != null) view.compareMode.value = state.mode;
      view.wipeAt.value = state.wipe ?? 0.5;
      view.isOtherHeld.value = state.held ?? false;
    });
  }

  private startPlaying(speed: number): void {
    const { player } = this.screen;
    const due = this.due(performance.now());
    let hasSought = false;
    if (player.clip !== null && due !== null && Math.abs(due - player.target) > 1) {
      const target = due + (speed > 0 ? this.follower.seekLead : 0);
      player.show(Math.floor(intoRange(store.presentation.peek(), player.clip, target)));
      hasSought = speed > 0;
    }
    player.play(speed);
    this.follower.settle(performance.now(), hasSought);
  }

  /** Return the position that is due at this time of the page, or null without frame numbers. */
  private due(now: number): number | null {
    const { clip } = this.screen.player;
    return clip === null ? null : duePosition(store.presentation.peek(), clip, this.clock.at(now));
  }

  /** Compare the frame that has just appeared with the one that is due. */
  private measure(): void {
    const { player, video } = this.screen;
    const { clip, index, speed, shownAt } = player;
    const due = this.due(shownAt);
    const state = store.presentation.peek();
    if (clip === null || index === null || due === null || speed === 0 || speed !== state.speed) return;
    const isSought = speed < 0 || speed > MAX_CONTINUOUS_SPEED;
    if (video.seeking && !isSought) return;
    const reported = `${state.frame} ${state.at}`;
    if (reported !== this.measuredState) this.follower.restart();
    this.measuredState = reported;
    const [first, last] = playedRange(state, clip);
    const ahead = difference(state, clip, index, due) * Math.sign(speed);
    const playing = { framesPerMs: Math.abs(clip.frames(speed / 1000)), isSought, maySeek: last - first >= MIN_SOUGHT_FRAMES };
    const correction = this.follower.take(ahead, shownAt, playing);
    if (correction !== null) this.correct(correction, speed);
  }

  private correct(correction: Correction, speed: number): void {
    const { player, video } = this.screen;
    if (correction.kind === "speed") video.playbackRate = speed * correction.factor;
    else if (correction.kind === "shift") player.shiftClock(correction.frames * Math.sign(speed));
    else this.seekTo(speed);
  }

  /** Continue to play at the frame that is due when the seek has ended. */
  private seekTo(speed: number): void {
    const { player, video } = this.screen;
    const now = performance.now();
    const due = this.due(now);
    if (player.clip === null || due === null) return;
    this.follower.settle(now, true);
    video.playbackRate = speed;
    const target = intoRange(store.presentation.peek(), player.clip, due + this.follower.seekLead);
    video.currentTime = player.clip.middle(Math.floor(target));
  }
}

/** The review page: joins the server's answer, the player and what stands around it. */

import { Clip } from "./clip";
import { find } from "./dom";
import { Drawing } from "./drawing";
import { Entries } from "./entries";
import { showEntry, showNoEntry, showReview } from "./facts";
import { FeedbackPanel } from "./feedback";
import { commandOf, keysDialog, type Command } from "./keys";
import { Notices, type Notice } from "./notices";
import { Player, type Trouble } from "./player";
import { STILL_FRAME, address, examineFilm, watchReview, type Entry, type Refusal, type Review } from "./server";
import type { Size } from "./strokes";
import { Timeline } from "./timeline";
import { Transport } from "./transport";

class Page {
  private readonly video = find("film", HTMLVideoElement);
  private readonly still = find("still", HTMLImageElement);
  private readonly stage = find("stage", HTMLElement);
  private readonly player = new Player(this.video, () => this.render(), (trouble) => this.report(trouble));
  private readonly timeline = new Timeline(this.player, this.video);
  private readonly transport = new Transport(this.player, this.video, (command) => this.run(command));
  private readonly entries = new Entries((entry) => this.open(entry));
  private readonly notices = new Notices(() => this.retry());
  private readonly feedback = new FeedbackPanel(
    {
      frame: () => this.frame,
      goTo: (frame) => this.player.show(this.player.clip?.indexOf(frame) ?? 0),
      pause: () => {
        if (this.player.isPlaying) this.player.pause();
      },
    },
    (review) => this.receive(review),
    () => this.renderDrawing(),
  );
  private readonly drawing = new Drawing(
    () => this.picture,
    () => this.feedback.beginStroke(),
    (stroke) => this.feedback.addStroke(stroke),
  );
  private readonly toggleHelp = keysDialog();
  private readonly watch: { now: () => void };

  private review: Review | null = null;
  private isConnected = true;
  private filmNotice: Notice | null = null;
  private besideNotice: Notice | null = null;

  constructor() {
    document.addEventListener("keydown", (event) => this.press(event));
    // A button keeps the keyboard's focus, never the mouse's: Space goes on playing after a click.
    document.addEventListener("mousedown", (event) => {
      if (event.target instanceof Element && event.target.closest("button") !== null) event.preventDefault();
    });
    this.video.addEventListener("click", () => this.player.toggle());
    this.still.addEventListener("load", () => this.render());
    this.still.addEventListener("error", () => void this.explain("undecodable"));
    find("draw", HTMLButtonElement).addEventListener("click", () => this.run("draw"));
    find("show-keys", HTMLButtonElement).addEventListener("click", this.toggleHelp);
    window.addEventListener("hashchange", () => this.follow());
    this.watch = watchReview((answer) => this.receive(answer));
    this.render();
  }

  private receive(answer: Review | Refusal): void {
    if (typeof answer === "string") {
      this.isConnected = false;
      // The server has a page that says why, and what to do.
      if (answer === "door-closed") location.reload();
      if (answer === "link-invalid") {
        this.player.close();
        this.filmNotice = "link-invalid";
      }
      this.render();
      return;
    }
    const wasLost = !this.isConnected && this.filmNotice === "lost-connection";
    const isFirst = this.review === null;
    this.isConnected = true;
    this.review = answer;
    showReview(answer);
    this.entries.show(answer.entries);
    this.feedback.show(this.entries.current, answer);
    if (isFirst || this.entries.current === null) this.follow();
    else if (wasLost) this.retry();
    else if (this.filmNotice === "encoding" || this.filmNotice === "no-film") this.open(this.entries.current);
    else if (this.still.hasAttribute("src") && this.entries.current.film !== null) this.open(this.entries.current);
    this.render();
  }

  /** Selects what the address names, or the first version. */
  private follow(): void {
    const named = decodeURIComponent(location.hash.slice(1));
    if (named !== "" && this.entries.select(named)) return;
    const first = this.entries.all[0];
    if (first === undefined) {
      this.player.close();
      showNoEntry(this.review);
      this.feedback.show(null, this.review);
      return;
    }
    this.entries.select(first.id);
    if (named !== "") this.besideNotice = "entry-gone";
    this.render();
  }

  private open(entry: Entry, start = 0): void {
    if (this.review === null) return;
    showEntry(entry, this.review);
    this.drawing.isActive = false;
    history.replaceState(null, "", `#${encodeURIComponent(entry.id)}`);
    this.filmNotice = this.besideNotice = null;
    this.openFilm(entry, start);
    this.feedback.show(entry, this.review);
  }

  private openFilm(entry: Entry, start: number): void {
    this.still.removeAttribute("src");
    if (entry.film === null) {
      this.player.close();
      if (entry.still !== null) this.still.src = address(entry.still);
      else this.filmNotice = entry.is_encoding ? "encoding" : "no-film";
      return;
    }
    const clip = Clip.from(entry.film.exact);
    if (clip === null) this.besideNotice = "no-exact-rate";
    this.player.open(address(entry.film.url), clip, start);
  }

  /** How large the picture on the screen is; nothing by nothing before it is there. */
  private get picture(): Size {
    const { still, video } = this;
    if (still.hasAttribute("src")) return { width: still.naturalWidth, height: still.naturalHeight };
    return { width: video.videoWidth, height: video.videoHeight };
  }

  /** The shot's number of the frame on the screen, or null when frames have no numbers. */
  private get frame(): number | null {
    if (this.still.hasAttribute("src")) return this.picture.width > 0 ? STILL_FRAME : null;
    const { clip, index, canSeek } = this.player;
    return clip === null || index === null || !canSeek ? null : clip.numberAt(index);
  }

  private goToNote(direction: 1 | -1): void {
    const { frame } = this;
    if (frame === null) return;
    const beyond = this.feedback.frames.filter((each) => (each - frame) * direction > 0);
    const next = direction > 0 ? beyond[0] : beyond.at(-1);
    if (next !== undefined) this.player.show(this.player.clip?.indexOf(next) ?? 0);
  }

  /** Opens the film again where it stood, and asks the server at once. */
  private retry(): void {
    this.watch.now();
    if (this.entries.current !== null) this.open(this.entries.current, this.player.target);
  }

  private report(trouble: Trouble): void {
    if (trouble === "undecodable" || trouble === "lost-connection") void this.explain(trouble);
    else this.besideNotice = trouble;
    this.render();
  }

  /** The browser says the same of a film it cannot decode and of one it cannot get. */
  private async explain(trouble: "undecodable" | "lost-connection"): Promise<void> {
    const entry = this.entries.current;
    const media = entry?.film?.url ?? entry?.still ?? null;
    if (media === null) return;
    this.filmNotice = trouble;
    const found = await examineFilm(address(media));
    if (entry !== this.entries.current) return;
    this.filmNotice = trouble === "lost-connection" && found === "undecodable" ? trouble : found;
    if (entry?.film === null && found === "undecodable") this.filmNotice = "no-picture";
    if (found === "lost-connection") this.isConnected = false;
    this.render();
  }

  private press(event: KeyboardEvent): void {
    const command = commandOf(event);
    if (command === null) return;
    event.preventDefault();
    this.run(command);
  }

  private run(command: Command): void {
    const { player } = this;
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
      loop: () => (player.isLooping = !player.isLooping),
      mute: () => (player.isMuted = !player.isMuted),
      "previous-entry": () => this.entries.move(-1),
      "next-entry": () => this.entries.move(1),
      "previous-note": () => this.goToNote(-1),
      "next-note": () => this.goToNote(1),
      draw: () => this.toggleDrawing(),
      "full-screen": () => void this.toggleFullScreen(),
      help: this.toggleHelp,
    };
    commands[command]();
  }

  private toggleDrawing(): void {
    const isActive = !this.drawing.isActive && this.feedback.mayDraw;
    if (isActive && this.player.isPlaying) this.player.pause();
    this.drawing.isActive = isActive;
  }

  private renderDrawing(): void {
    this.drawing.show(this.filmNotice === null ? this.feedback.strokesAt(this.frame) : []);
    this.timeline.mark(this.feedback.frames);
  }

  private async toggleFullScreen(): Promise<void> {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await find("viewer", HTMLElement).requestFullscreen();
  }

  private render(): void {
    this.timeline.render();
    this.transport.render();
    this.feedback.render();
    this.renderDrawing();
    this.stage.dataset["waiting"] = String(this.player.isWaiting);
    this.still.hidden = !this.still.hasAttribute("src") || this.filmNotice !== null;
    this.video.hidden = !this.video.hasAttribute("src") || this.filmNotice !== null;
    this.notices.showOnStage(this.stageNotice());
    this.notices.showBeside(this.isConnected || this.review === null ? this.besideNotice : "unreachable");
    find("page", HTMLElement).dataset["state"] = this.review === null ? "loading" : "loaded";
  }

  private stageNotice(): Notice | null {
    if (this.filmNotice !== null) return this.filmNotice;
    if (this.review === null) return this.isConnected ? "loading" : "unreachable";
    if (this.review.entries.length > 0) return null;
    return this.review.is_open ? "empty" : "empty-closed";
  }
}

new Page();

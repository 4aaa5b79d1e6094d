/** The review page: joins the server's answer, the player and what stands around it. */

import { Clip } from "./clip";
import { find } from "./dom";
import { Entries } from "./entries";
import { showEntry, showNoEntry, showReview } from "./facts";
import { commandOf, keysDialog, type Command } from "./keys";
import { Notices, type Notice } from "./notices";
import { Player, type Trouble } from "./player";
import { address, examineFilm, watchReview, type Entry, type Refusal, type Review } from "./server";
import { Timeline } from "./timeline";
import { Transport } from "./transport";

class Page {
  private readonly video = find("film", HTMLVideoElement);
  private readonly stage = find("stage", HTMLElement);
  private readonly player = new Player(this.video, () => this.render(), (trouble) => this.report(trouble));
  private readonly timeline = new Timeline(this.player, this.video);
  private readonly transport = new Transport(this.player, this.video, (command) => this.run(command));
  private readonly entries = new Entries((entry) => this.open(entry));
  private readonly notices = new Notices(() => this.retry());
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
    find("show-keys", HTMLButtonElement).addEventListener("click", this.toggleHelp);
    window.addEventListener("hashchange", () => this.follow());
    this.watch = watchReview((answer) => this.receive(answer));
    this.render();
  }

  private receive(answer: Review | Refusal): void {
    if (typeof answer === "string") {
      this.isConnected = false;
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
    if (isFirst || this.entries.current === null) this.follow();
    else if (wasLost) this.retry();
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
      return;
    }
    this.entries.select(first.id);
    if (named !== "") this.besideNotice = "entry-gone";
    this.render();
  }

  private open(entry: Entry, start = 0): void {
    if (this.review === null) return;
    showEntry(entry, this.review);
    history.replaceState(null, "", `#${encodeURIComponent(entry.id)}`);
    this.filmNotice = this.besideNotice = null;
    if (entry.film === null) {
      this.player.close();
      this.filmNotice = "no-film";
      return;
    }
    const clip = Clip.from(entry.film.exact);
    if (clip === null) this.besideNotice = "no-exact-rate";
    this.player.open(address(entry.film.url), clip, start);
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
    if (entry === null || entry.film === null) return;
    this.filmNotice = trouble;
    const found = await examineFilm(address(entry.film.url));
    if (entry !== this.entries.current) return;
    this.filmNotice = trouble === "lost-connection" && found === "undecodable" ? trouble : found;
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
      "full-screen": () => void this.toggleFullScreen(),
      help: this.toggleHelp,
    };
    commands[command]();
  }

  private async toggleFullScreen(): Promise<void> {
    if (document.fullscreenElement !== null) await document.exitFullscreen();
    else if (document.fullscreenEnabled) await find("viewer", HTMLElement).requestFullscreen();
  }

  private render(): void {
    this.timeline.render();
    this.transport.render();
    this.stage.dataset["waiting"] = String(this.player.isWaiting);
    this.video.hidden = !this.video.hasAttribute("src") || this.filmNotice !== null;
    this.notices.showOnStage(this.stageNotice());
    this.notices.showBeside(this.isConnected || this.review === null ? this.besideNotice : "unreachable");
    find("page", HTMLElement).dataset["state"] = this.review === null ? "loading" : "loaded";
  }

  private stageNotice(): Notice | null {
    if (this.filmNotice !== null) return this.filmNotice;
    if (this.review === null) return this.isConnected ? "loading" : "unreachable";
    return this.review.entries.length === 0 ? "empty" : null;
  }
}

new Page();

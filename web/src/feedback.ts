/** What is said about the selected version, and saying something: notes, drawings, a status. */

import { find, icon, make, setText } from "./dom";
import { say, type Entry, type Note, type Review, type Said, type Status, type Stroke } from "./server";

const WORDS: Record<string, string> = { approved: "Approved", require_changes: "Changes required", seen: "Seen" };

/** What somebody has begun to say about one version. */
interface Draft {
  text: string;
  /** The shot's number of the frame it is about; undefined until something is written or drawn. */
  frame: number | null | undefined;
  strokes: Stroke[];
  /** The same draft sent twice is one note. */
  id: string | null;
}

/** What the panel needs to know of the film. */
export interface Screen {
  /** The number of the frame on the screen, or null when frames have none. */
  readonly frame: () => number | null;
  readonly goTo: (frame: number) => void;
  readonly pause: () => void;
}

export class FeedbackPanel {
  private readonly root = find("feedback", HTMLElement);
  private readonly list = find("notes", HTMLOListElement);
  private readonly verdicts = find("statuses", HTMLElement);
  private readonly choice = find("own-status", HTMLElement);
  private readonly form = find("note-form", HTMLFormElement);
  private readonly text = find("note-text", HTMLTextAreaElement);
  private readonly place = find("note-frame", HTMLButtonElement);
  private readonly draw = find("draw", HTMLButtonElement);
  private readonly undo = find("undo", HTMLButtonElement);
  private readonly send = find("send-note", HTMLButtonElement);
  private readonly trouble = find("note-trouble", HTMLElement);
  private readonly hint = find("look-only", HTMLElement);
  private readonly screen: Screen;
  private readonly onAnswer: (review: Review) => void;
  private readonly onDraft: () => void;
  private readonly drafts = new Map<string, Draft>();
  private entry: Entry | null = null;
  private visitor: string | null = null;
  private shown = "";
  private isSending = false;

  /** `onAnswer` gets the review after something was said, `onDraft` is called when another drawing is to be seen. */
  constructor(screen: Screen, onAnswer: (review: Review) => void, onDraft: () => void) {
    this.screen = screen;
    this.onAnswer = onAnswer;
    this.onDraft = onDraft;
    this.text.addEventListener("input", () => this.write());
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
      if (event.key === "Escape") this.text.blur();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.sendNote();
    });
    this.place.addEventListener("click", () => this.togglePlace());
    this.undo.addEventListener("click", () => this.takeBack());
    for (const button of this.choice.querySelectorAll("button")) {
      button.addEventListener("click", () => void this.sendStatus(button.value as Status));
    }
  }

  get mayDraw(): boolean {
    return this.visitor !== null && this.entry !== null && this.screen.frame() !== null;
  }

  /** Shows what was said about this version; null when none is selected. */
  show(entry: Entry | null, review: Review | null): void {
    const isOther = entry?.id !== this.entry?.id;
    this.entry = entry;
    this.visitor = review?.visitor ?? null;
    this.root.hidden = entry === null;
    this.hint.hidden = this.visitor !== null || review === null;
    setText(this.hint, review?.is_open === false ? "This review is closed." : "Notes are written by those who are invited.");
    this.form.hidden = this.choice.hidden = this.visitor === null;
    if (isOther) {
      this.text.value = this.draft.text;
      this.trouble.hidden = true;
    }
    this.showSaid();
    this.render();
    this.onDraft();
    if (isOther && entry !== null && this.visitor !== null && entry.own_status === null) void this.sendStatus("seen");
  }

  /** The strokes that are to be seen on a frame: of notes, of programs, and of the draft. */
  strokesAt(frame: number | null): Stroke[] {
    if (this.entry === null || frame === null) return [];
    const { notes, drawings } = this.entry;
    return [
      ...drawings.filter((drawing) => drawing.frame === frame).flatMap(({ shapes }) => shapes),
      ...notes.filter((note) => note.frame === frame).flatMap(({ drawing }) => drawing),
      ...(this.draft.frame === frame ? this.draft.strokes : []),
    ];
  }

  /** The frames that something was said about, the first one first. */
  get frames(): number[] {
    const { notes, drawings } = this.entry ?? { notes: [], drawings: [] };
    const found = [...notes, ...drawings].map(({ frame }) => frame).filter((frame): frame is number => frame !== null);
    return [...new Set(found)].sort((one, other) => one - other);
  }

  /** A stroke may begin: the picture on the screen is the one that is drawn on, or is made so. */
  beginStroke(): boolean {
    const { draft } = this;
    const frame = this.screen.frame();
    if (!this.mayDraw) return false;
    this.screen.pause();
    if (draft.strokes.length > 0 && typeof draft.frame === "number" && draft.frame !== frame) {
      this.screen.goTo(draft.frame);
      return false;
    }
    draft.frame = frame;
    return true;
  }

  addStroke(stroke: Stroke): void {
    this.draft.strokes.push(stroke);
    this.change();
  }

  takeBack(): void {
    this.draft.strokes.pop();
    this.change();
  }

  /** Draws what the film and the draft say. */
  render(): void {
    const { draft } = this;
    const frame = draft.frame === undefined ? this.screen.frame() : draft.frame;
    setText(this.place, frame === null ? "Whole version" : `Frame ${frame}`);
    this.place.hidden = this.entry?.film === null;
    this.place.disabled = this.screen.frame() === null || draft.strokes.length > 0;
    this.draw.disabled = !this.mayDraw;
    this.undo.hidden = draft.strokes.length === 0;
    this.send.disabled = this.isSending || (draft.text.trim() === "" && draft.strokes.length === 0);
  }

  private get draft(): Draft {
    const key = this.entry?.id ?? "";
    const found = this.drafts.get(key) ?? { text: "", frame: undefined, strokes: [], id: null };
    this.drafts.set(key, found);
    return found;
  }

  private change(): void {
    this.draft.id = null;
    this.trouble.hidden = true;
    this.render();
    this.onDraft();
  }

  /** The first letter decides which frame is meant. */
  private write(): void {
    const { draft } = this;
    draft.text = this.text.value;
    if (draft.frame === undefined && draft.text !== "") {
      this.screen.pause();
      draft.frame = this.screen.frame();
    }
    if (draft.text === "" && draft.strokes.length === 0) draft.frame = undefined;
    this.change();
  }

  private togglePlace(): void {
    const { draft } = this;
    draft.frame = draft.frame === null ? this.screen.frame() : null;
    this.change();
  }

  private async sendNote(): Promise<void> {
    const { draft, entry } = this;
    if (entry === null || this.send.disabled) return;
    draft.id ??= newId();
    const frame = draft.frame === undefined ? this.screen.frame() : draft.frame;
    const said = { object: entry.id, id: draft.id, content: draft.text, frame, drawing: draft.strokes };
    const isTaken = await this.tell("notes", said, () => {
      this.drafts.delete(entry.id);
      if (entry.id === this.entry?.id) this.text.value = "";
    });
    if (isTaken) this.list.lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  private async sendStatus(status: Status): Promise<void> {
    if (this.entry !== null) await this.tell("status", { object: this.entry.id, status });
  }

  private async tell(what: "notes" | "status", said: Said, onTaken = (): void => undefined): Promise<boolean> {
    this.isSending = true;
    this.render();
    const answer = await say(what, said);
    this.isSending = false;
    const isTaken = typeof answer !== "string";
    if (isTaken) {
      onTaken();
      this.onAnswer(answer);
    } else if (what === "notes" || (said as { status: Status }).status !== "seen") {
      this.trouble.hidden = false;
      setText(this.trouble, `Not sent: ${answer} What you wrote is still here.`);
    }
    this.render();
    return isTaken;
  }

  private showSaid(): void {
    const { entry } = this;
    const said = JSON.stringify(entry === null ? null : [entry.id, entry.notes, entry.statuses, entry.own_status]);
    if (said === this.shown || entry === null) return;
    this.shown = said;
    const roots = entry.notes.filter((note) => !entry.notes.some(({ id }) => id === note.in_reply_to));
    this.list.replaceChildren(...roots.map((note) => this.row(note, entry.notes)));
    setText(find("note-count", HTMLElement), String(entry.notes.length));
    find("no-notes", HTMLElement).hidden = entry.notes.length > 0;
    this.verdicts.replaceChildren(
      ...entry.statuses.map(({ name, status }) => {
        const word = WORDS[status ?? ""] ?? status ?? "";
        const verdict = make("li", "verdict", icon(`icon-${status ?? "seen"}`), make("span", "verdict-name", name), word);
        verdict.dataset["status"] = status ?? "";
        return verdict;
      }),
    );
    this.verdicts.hidden = entry.statuses.length === 0;
    for (const button of this.choice.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === entry.own_status));
    }
  }

  private row(note: Note, all: readonly Note[]): HTMLLIElement {
    const head = make("div", "note-head", make("span", "note-author", note.author));
    if (note.is_guest) head.append(make("span", "note-guest", "Guest"));
    if (note.date !== null) head.append(moment(note.date));
    const row = make("li", "note", head);
    row.dataset["id"] = note.id;
    const { frame } = note;
    const isDrawn = note.drawing.length > 0;
    if (this.entry?.film === null) {
      // One picture: there is nowhere to go to, and a note without words would be empty.
      if (isDrawn) row.append(make("span", "note-frame", icon("icon-pen"), "Drawing"));
    } else if (frame !== null) {
      const link = make("button", "note-frame", icon(isDrawn ? "icon-pen" : "icon-film"), `Frame ${frame}`);
      link.type = "button";
      link.addEventListener("click", () => this.screen.goTo(frame));
      row.append(link);
    }
    if (note.content !== "") row.append(make("p", "note-content", note.content));
    const replies = all.filter(({ in_reply_to }) => in_reply_to === note.id);
    if (replies.length > 0) row.append(make("ol", "replies", ...replies.map((reply) => this.row(reply, all))));
    return row;
  }
}

/** A moment in the reader's own language and time zone. */
function moment(iso: string): HTMLTimeElement {
  const format = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const time = make("time", "note-date", format.format(new Date(iso)));
  time.dateTime = iso;
  return time;
}

/** A random UUID; `crypto.randomUUID` itself is kept from pages without HTTPS. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const text = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

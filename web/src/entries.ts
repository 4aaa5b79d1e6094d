/** The list of versions in the review session. */

import { find, icon, make, setText } from "./dom";
import { versionText } from "./facts";
import { address, type Entry } from "./server";

export class Entries {
  /** The versions in the order of the session. */
  all: readonly Entry[] = [];
  current: Entry | null = null;

  private readonly list = find("entry-list", HTMLOListElement);
  private readonly onSelect: (entry: Entry) => void;
  private shown = "";

  constructor(onSelect: (entry: Entry) => void) {
    this.onSelect = onSelect;
  }

  /** Shows these versions; the selected one stays selected while it is among them. */
  show(entries: readonly Entry[]): void {
    this.all = entries;
    setText(find("entry-count", HTMLElement), String(entries.length));
    this.current = entries.find(({ id }) => id === this.current?.id) ?? null;
    const said = JSON.stringify(entries.map((entry) => ({ ...entry, notes: entry.notes.length, drawings: [] })));
    if (said === this.shown) return;
    this.shown = said;
    this.list.replaceChildren(...entries.map((entry) => this.row(entry)));
    this.mark();
  }

  /** Selects the version with this id; false when it is not in the session. */
  select(id: string): boolean {
    const entry = this.all.find((candidate) => candidate.id === id);
    if (entry === undefined) return false;
    this.current = entry;
    this.mark();
    this.onSelect(entry);
    return true;
  }

  /** Selects the version this many places further down the list; there is none beyond the ends. */
  move(places: number): void {
    const index = this.all.findIndex(({ id }) => id === this.current?.id);
    const next = this.all[index + places];
    if (next !== undefined) this.select(next.id);
  }

  private mark(): void {
    for (const link of this.list.querySelectorAll("a")) {
      const isCurrent = link.dataset["id"] === this.current?.id;
      if (isCurrent) {
        link.setAttribute("aria-current", "true");
        this.reveal(link);
      } else {
        link.removeAttribute("aria-current");
      }
    }
  }

  /** Scrolls the list, and only the list, until all of the entry is in sight. */
  private reveal(link: Element): void {
    const [inner, outer] = [link.getBoundingClientRect(), this.list.getBoundingClientRect()];
    this.list.scrollTop += Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
    this.list.scrollLeft += Math.min(0, inner.left - outer.left) + Math.max(0, inner.right - outer.right);
  }

  private row(entry: Entry): HTMLLIElement {
    const link = make("a", "entry", this.picture(entry), this.caption(entry));
    const { length } = entry.notes;
    if (length > 0) {
      const unit = make("span", "visually-hidden", length === 1 ? " note" : " notes");
      link.append(make("span", "entry-notes", String(length), unit));
    }
    link.href = `#${encodeURIComponent(entry.id)}`;
    link.dataset["id"] = entry.id;
    link.draggable = false;
    return make("li", "", link);
  }

  private picture(entry: Entry): HTMLElement {
    const frame = make("span", "entry-picture");
    if (entry.thumbnail === null) {
      frame.append(icon("icon-film"));
      return frame;
    }
    const image = make("img");
    image.alt = "";
    image.loading = "lazy";
    image.decoding = "async";
    image.addEventListener("error", () => image.replaceWith(icon("icon-film")));
    image.src = address(entry.thumbnail);
    frame.append(image);
    return frame;
  }

  private caption(entry: Entry): HTMLElement {
    const detail = make("span", "entry-detail", make("span", "entry-version", versionText(entry)));
    // A publish names its entries after shot and task; the task is not said twice.
    if (!entry.name.includes(entry.task)) detail.append(` · ${entry.task}`);
    return make("span", "entry-caption", make("span", "entry-name", entry.name), detail);
  }
}

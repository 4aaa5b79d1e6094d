/** What is known about the selected version. */

import { find, make } from "./dom";
import type { Entry, Review } from "./server";

/** "v003" for version 3. */
export function versionText(entry: Entry): string {
  return `v${String(entry.version).padStart(3, "0")}`;
}

/** Writes the session's own facts into the head of the page. */
export function showReview(review: Review): void {
  find("session-name", HTMLElement).textContent = review.name;
  find("session-project", HTMLElement).textContent = review.project;
  find("session-closed", HTMLElement).hidden = review.is_open;
  const visitor = find("visitor", HTMLElement);
  visitor.hidden = review.visitor === null;
  visitor.textContent = review.visitor;
}

/** Writes a version's facts beside the picture, and its name into the title of the window. */
export function showEntry(entry: Entry, review: Review): void {
  document.title = `${entry.name} ${versionText(entry)} · ${review.name}`;
  const panel = find("facts", HTMLElement);
  const title = make("h2", "facts-title", entry.name, make("span", "facts-version", versionText(entry)));
  const list = make("dl", "facts-list");
  for (const [term, value] of rows(entry)) {
    list.append(make("div", "", make("dt", "", term), make("dd", "", value)));
  }
  panel.replaceChildren(title, list);
  // A publish may write the same sentence into both.
  for (const text of new Set([entry.comment, entry.description])) {
    if (text !== "") panel.append(make("p", "facts-comment", text));
  }
}

/** Empties the panel, when no version is selected. */
export function showNoEntry(review: Review | null): void {
  document.title = review === null ? "Review" : review.name;
  find("facts", HTMLElement).replaceChildren();
}

function rows(entry: Entry): [string, Node | string][] {
  const known: [string, Node | string][] = [
    ["Shot", entry.path.join("\u00a0/ ")],
    ["Task", entry.task],
    ["Asset", entry.asset_type === "" ? entry.asset : `${entry.asset} · ${entry.asset_type}`],
    ["By", entry.author],
  ];
  if (entry.date !== null) known.push(["Published", moment(entry.date)]);
  const { film } = entry;
  if (film !== null && film.width !== null && film.height !== null) {
    known.push(["Size", `${film.width} × ${film.height}`]);
  }
  return known.filter(([, value]) => value !== "");
}

/** A moment in the reader's own language and time zone. */
function moment(iso: string): HTMLTimeElement {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const time = make("time", "", format.format(new Date(iso)));
  time.dateTime = iso;
  return time;
}

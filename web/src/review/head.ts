/** The head of the review page: its title, the names of session and project, and the visitor. */

import { find } from "../dom";
import { formatVersion } from "../format";
import { root } from "../home/api";
import type { Entry, Review } from "../model";

/** Return the title of the window. */
export function titleOf(review: Review | null, entry: Entry | null): string {
  if (review === null) return "Review";
  return entry === null ? review.name : `${entry.name} ${formatVersion(entry)} · ${review.name}`;
}

export function showHead(review: Review | null, entry: Entry | null): void {
  document.title = titleOf(review, entry);
  if (review === null) return;
  find("session-name", HTMLElement).textContent = review.name;
  const project = find("session-project", HTMLAnchorElement);
  project.textContent = review.project;
  const home = find("home-link", HTMLAnchorElement);
  home.hidden = !review.is_user;
  home.href = root();
  if (review.project_id !== null) project.href = `${root()}projects/${review.project_id}`;
  const description = find("session-description", HTMLElement);
  const mark = review.is_watermarked ? "Movies and images carry your name." : "";
  description.textContent = description.title = [review.description, mark].filter(Boolean).join(" ");
  find("session-closed", HTMLElement).hidden = review.is_open;
  const visitor = find("visitor", HTMLElement);
  visitor.hidden = review.visitor === null;
  visitor.textContent = review.visitor;
}

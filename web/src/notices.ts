/** Every message of the page about missing, broken or unreachable media and servers. */

import { find, icon, make } from "./dom";
import type { Review } from "./model";

interface Message {
  readonly title: string;
  readonly text: string;
  readonly action?: string;
}

/** Messages in place of the image, if there is none to show. */
const ON_STAGE = {
  loading: { title: "Loading the review", text: "" },
  empty: {
    title: "Nothing to review yet",
    text: "Versions appear here automatically when they are published to this session.",
  },
  "empty-closed": {
    title: "Nothing to review",
    text: "No version was published to this session before it was closed.",
  },
  "no-movie": {
    title: "This version has no movie",
    text: "It was published without a movie for the browser. Publish the shot again to create one.",
  },
  encoding: {
    title: "The movie is being encoded",
    text: "The server is creating a movie for the browser. It appears here automatically.",
  },
  marking: {
    title: "Your name is being drawn on the movie",
    text: "In this review, movies and images carry the name of their viewer. It plays in a moment.",
  },
  "media-missing": {
    title: "The file is not on the server",
    text: "The version is registered, but its file is missing. Ask its author to publish again.",
    action: "Try again",
  },
  undecodable: {
    title: "This movie cannot be played",
    text: "The browser cannot decode the file: it is damaged, or not H.264. Publish the shot again to replace it.",
    action: "Try again",
  },
  "image-undecodable": {
    title: "This image cannot be shown",
    text: "The file is damaged, or the browser does not support its format. Publish it again to replace it.",
    action: "Try again",
  },
  "link-invalid": {
    title: "This link is no longer valid",
    text: "The review session was removed, or its link was changed. Ask for a new link.",
  },
  unreachable: {
    title: "The server does not answer",
    text: "The page tries again automatically and continues when the server is back.",
    action: "Try now",
  },
  "lost-connection": {
    title: "The connection was lost",
    text: "The movie continues from this frame when the server is back.",
    action: "Try now",
  },
} satisfies Record<string, Message>;

/** Messages beside the image: the movie plays, but with a limitation. */
const BESIDE = {
  unreachable: {
    title: "No connection.",
    text: "Loaded media continues to play. The page tries again automatically until the server is back.",
    action: "Try now",
  },
  "no-ranges": {
    title: "Frames cannot be reached.",
    text: "The server, or a proxy before it, does not support byte ranges. The movie plays from its start only.",
  },
  "no-exact-rate": {
    title: "No frame numbers.",
    text: "This movie was published without its exact frame rate, and numbers are never guessed. Publish it again to add them.",
  },
  "no-frame-callback": {
    title: "No frame numbers.",
    text: "This browser does not report which frame it shows. Use a current Chrome, Edge, Firefox or browser with the WebKit engine.",
  },
  "wrong-rate": {
    title: "No frame numbers.",
    text: "The movie does not have the frame rate that it was published with. Publish it again to repair it.",
  },
  "cut-short": {
    title: "No frame numbers.",
    text: "The movie is shorter than the frame range that it was published with. Publish it again to repair it.",
  },
  "frame-unreachable": {
    title: "A different frame is shown.",
    text: "The browser did not reach the requested frame. The number belongs to the image on the screen.",
  },
  "version-missing": {
    title: "The version in the link is not in this session.",
    text: "The first version is shown instead.",
  },
} satisfies Record<string, Message>;

export type Notice = keyof typeof ON_STAGE | keyof typeof BESIDE;

/** Return the message of a review without a version to show, or null. */
export function noticeOfReview(review: Pick<Review, "entries" | "is_open"> | null, isConnected: boolean): Notice | null {
  if (review === null) return isConnected ? "loading" : "unreachable";
  if (review.entries.length > 0) return null;
  return review.is_open ? "empty" : "empty-closed";
}

/** Shows at most one message in place of the image and one beside it. */
export class Notices {
  private readonly stage = find("stage-notice", HTMLElement);
  private readonly strip = find("strip-notice", HTMLElement);
  private readonly onAction: (notice: Notice) => void;

  constructor(onAction: (notice: Notice) => void) {
    this.onAction = onAction;
  }

  /** Show a message in place of the image, or none. */
  showOnStage(notice: Notice | null): void {
    this.show(this.stage, notice, ON_STAGE);
  }

  /** Show a message beside the image, or none. */
  showBeside(notice: Notice | null): void {
    this.show(this.strip, notice, BESIDE);
  }

  private show(parent: HTMLElement, notice: Notice | null, messages: Partial<Record<Notice, Message>>): void {
    if ((parent.dataset["notice"] ?? "") === (notice ?? "")) return;
    parent.dataset["notice"] = notice ?? "";
    const message = notice === null ? undefined : messages[notice];
    parent.replaceChildren();
    parent.hidden = message === undefined;
    if (message === undefined || notice === null) return;
    const isWaiting = notice === "loading" || notice === "encoding" || notice === "marking";
    parent.append(isWaiting ? make("span", "spinner") : icon(`icon-${message.action ? "broken" : "note"}`));
    parent.append(make("strong", "", message.title), make("p", "", message.text));
    if (message.action === undefined) return;
    const button = make("button", "text-button", message.action);
    button.type = "button";
    button.addEventListener("click", () => this.onAction(notice));
    parent.append(button);
  }
}

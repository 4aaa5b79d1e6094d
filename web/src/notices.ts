/** Everything that the page has to say besides the film, in one place. */

import { find, icon, make } from "./dom";

export type Notice =
  | "loading"
  | "empty"
  | "empty-closed"
  | "no-film"
  | "encoding"
  | "film-gone"
  | "undecodable"
  | "no-picture"
  | "link-invalid"
  | "unreachable"
  | "lost-connection"
  | "no-ranges"
  | "no-exact-rate"
  | "no-frame-callback"
  | "wrong-rate"
  | "cut-short"
  | "frame-unreachable"
  | "entry-gone";

interface Words {
  readonly title: string;
  readonly text: string;
  readonly action?: string;
}

/** Notices that take the place of the picture, because there is none. */
const ON_STAGE: Partial<Record<Notice, Words>> = {
  loading: { title: "Loading the review", text: "" },
  empty: {
    title: "Nothing to review yet",
    text: "Versions appear here by themselves as soon as they are published into this session.",
  },
  "empty-closed": {
    title: "Nothing to review",
    text: "No version was published into this session before it was closed.",
  },
  "no-film": {
    title: "This version has no film",
    text: "It was published without one that a browser can play. Publish the shot again to make one.",
  },
  encoding: {
    title: "The film is being prepared",
    text: "The server is making one that every browser plays. It appears here by itself.",
  },
  "film-gone": {
    title: "The film is not on the server",
    text: "The version is registered, its file is missing. Ask whoever published it to publish again.",
    action: "Try again",
  },
  undecodable: {
    title: "This film cannot be played",
    text: "The browser cannot decode the file: it is damaged, or it is not H.264. Publish the shot again to replace it.",
    action: "Try again",
  },
  "no-picture": {
    title: "This picture cannot be shown",
    text: "The file is damaged, or the browser does not know its format. Publish it again to replace it.",
    action: "Try again",
  },
  "link-invalid": {
    title: "This link is not valid any more",
    text: "The review session was removed or its link was changed. Ask for a new link.",
  },
  unreachable: {
    title: "The server does not answer",
    text: "The page keeps trying and goes on by itself once the server is back.",
    action: "Try now",
  },
  "lost-connection": {
    title: "The connection was lost",
    text: "The film goes on from this frame once the server is back.",
    action: "Try now",
  },
};

/** Notices beside the picture: the film plays, and something about it is not as it should be. */
const BESIDE: Partial<Record<Notice, Words>> = {
  unreachable: {
    title: "No connection.",
    text: "What is loaded keeps playing; the page goes on by itself once the server is back.",
    action: "Try now",
  },
  "no-ranges": {
    title: "Frames cannot be reached.",
    text: "The server, or a proxy before it, answers without byte ranges. The film plays from its start only.",
  },
  "no-exact-rate": {
    title: "No frame numbers.",
    text: "This film was published without its exact rate, and numbers are never guessed. Publish again to have them.",
  },
  "no-frame-callback": {
    title: "No frame numbers.",
    text: "This browser does not tell which frame it shows. Any current Chrome, Edge, Safari or Firefox does.",
  },
  "wrong-rate": {
    title: "No frame numbers.",
    text: "The film does not run at the rate that it was published with. Publish again to repair it.",
  },
  "cut-short": {
    title: "No frame numbers.",
    text: "The film is shorter than the frames that it was published with. Publish again to repair it.",
  },
  "frame-unreachable": {
    title: "Another frame is shown.",
    text: "The browser did not reach the frame that was asked for. The number belongs to the picture on the screen.",
  },
  "entry-gone": {
    title: "The link names a version that is not in this session.",
    text: "This is the first one instead.",
  },
};

/** Shows at most one notice in place of the picture and one beside it. */
export class Notices {
  private readonly stage = find("stage-notice", HTMLElement);
  private readonly strip = find("strip-notice", HTMLElement);
  private readonly onAction: (notice: Notice) => void;

  constructor(onAction: (notice: Notice) => void) {
    this.onAction = onAction;
  }

  showOnStage(notice: Notice | null): void {
    this.fill(this.stage, notice, ON_STAGE);
  }

  showBeside(notice: Notice | null): void {
    this.fill(this.strip, notice, BESIDE);
  }

  private fill(place: HTMLElement, notice: Notice | null, words: Partial<Record<Notice, Words>>): void {
    if ((place.dataset["notice"] ?? "") === (notice ?? "")) return;
    place.dataset["notice"] = notice ?? "";
    const said = notice === null ? undefined : words[notice];
    place.replaceChildren();
    place.hidden = said === undefined;
    if (said === undefined || notice === null) return;
    const isWaiting = notice === "loading" || notice === "encoding";
    place.append(isWaiting ? make("span", "spinner") : icon(`icon-${said.action ? "broken" : "note"}`));
    place.append(make("strong", "", said.title), make("p", "", said.text));
    if (said.action === undefined) return;
    const button = make("button", "text-button", said.action);
    button.type = "button";
    button.addEventListener("click", () => this.onAction(notice));
    place.append(button);
  }
}

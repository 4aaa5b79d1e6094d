/** What the page asks the server for. */

import type { ExactFacts } from "./clip";

export interface Film {
  /** Relative to the page, like every address in here. */
  readonly url: string;
  readonly exact: ExactFacts | null;
  readonly width: number | null;
  readonly height: number | null;
}

/** What is said about a still is about this frame: a picture without a film has no number of its own. */
export const STILL_FRAME = 0;

/** One stroke of a pen. */
export interface Stroke {
  readonly kind: "pen";
  readonly colour: string;
  /** A part of the picture's height. */
  readonly width: number;
  /** Across, down, pressure: from 0 to 1 of the picture, wherever it is shown. */
  readonly points: readonly (readonly [number, number, number])[];
}

export interface Note {
  readonly id: string;
  readonly author: string;
  readonly is_guest: boolean;
  readonly content: string;
  readonly date: string | null;
  /** The shot's number of the frame it is about (STILL_FRAME on a still), or null for all of the version. */
  readonly frame: number | null;
  readonly in_reply_to: string | null;
  readonly drawing: readonly Stroke[];
}

export const STATUSES = ["approved", "require_changes", "seen"] as const;
export type Status = (typeof STATUSES)[number];

/** What was said about a version. */
export interface Feedback {
  readonly notes: readonly Note[];
  /** Drawings that belong to no note: made by a program. */
  readonly drawings: readonly { readonly frame: number; readonly shapes: readonly Stroke[] }[];
  readonly statuses: readonly { readonly name: string; readonly status: string | null }[];
  readonly own_status: string | null;
}

/** One version in the review session. */
export interface Entry extends Feedback {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly asset: string;
  readonly asset_type: string;
  /** Project, sequence, shot: from the outside in. */
  readonly path: readonly string[];
  readonly task: string;
  readonly author: string;
  /** ISO 8601 with its offset, or null. */
  readonly date: string | null;
  readonly comment: string;
  readonly thumbnail: string | null;
  readonly film: Film | null;
  /** The address of a picture, of a version that has no film. */
  readonly still: string | null;
  /** The server is making the film at the moment. */
  readonly is_encoding: boolean;
}

export interface Review {
  readonly name: string;
  readonly project: string;
  readonly is_open: boolean;
  /** The name of an invitee, who may write; null for whoever only looks. */
  readonly visitor: string | null;
  readonly entries: readonly Entry[];
}

/** Why there is no answer: the link is not valid any more, it does not open now, or nobody answers. */
export type Refusal = "link-invalid" | "door-closed" | "unreachable";

/** What an invitee says, and where. */
export type Said =
  | { readonly object: string; readonly status: Status }
  | {
      readonly object: string;
      readonly id: string;
      readonly content: string;
      readonly frame: number | null;
      readonly drawing: readonly Stroke[];
    };

const PATIENCE = 10_000;
const PAUSE = 15_000;
const PAUSE_WHEN_LOST = 3_000;

/** An address below the page's own, which holds the key. */
export function address(relative: string): string {
  return `${location.pathname.replace(/\/+$/, "")}/${relative}`;
}

/** The review session as it is now, or why it cannot be had. */
export async function readReview(): Promise<Review | Refusal> {
  try {
    const response = await fetch(address("data"), { signal: AbortSignal.timeout(PATIENCE) });
    if (response.status === 404) return "link-invalid";
    if (response.status === 401 || response.status === 403) return "door-closed";
    return response.ok ? ((await response.json()) as Review) : "unreachable";
  } catch {
    // A network that is away, a time-out and half an answer are one thing to the page: it asks again.
    return "unreachable";
  }
}

/** Sends what an invitee says; returns the review as it is then, or a sentence that says why it was not taken. */
export async function say(what: "notes" | "status", said: Said): Promise<Review | string> {
  try {
    const response = await fetch(address(what), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(said),
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (response.ok) return (await response.json()) as Review;
    const { content } = (await response.json()) as { content?: string };
    return content ?? "The server did not take it.";
  } catch {
    return "The server does not answer.";
  }
}

/** Reads the review again and again while somebody looks at the page, and at once when the network is back. */
export function watchReview(onAnswer: (answer: Review | Refusal) => void): { now: () => void } {
  let timer = 0;
  let isReading = false;
  const read = async (): Promise<void> => {
    if (isReading) return;
    isReading = true;
    clearTimeout(timer);
    const answer = await readReview();
    isReading = false;
    onAnswer(answer);
    if (answer === "link-invalid" || answer === "door-closed") return;
    timer = window.setTimeout(readIfSeen, answer === "unreachable" ? PAUSE_WHEN_LOST : PAUSE);
  };
  const readIfSeen = (): void => {
    if (document.visibilityState === "visible") void read();
  };
  document.addEventListener("visibilitychange", readIfSeen);
  window.addEventListener("online", readIfSeen);
  window.addEventListener("offline", () => onAnswer("unreachable"));
  void read();
  return { now: readIfSeen };
}

/** Why a film does not play: asks the server for its first byte. */
export async function examineFilm(url: string): Promise<"undecodable" | "film-gone" | "lost-connection"> {
  try {
    const response = await fetch(url, { headers: { Range: "bytes=0-0" }, signal: AbortSignal.timeout(PATIENCE) });
    await response.body?.cancel();
    if (response.ok) return "undecodable";
    return response.status === 404 ? "film-gone" : "lost-connection";
  } catch {
    return "lost-connection";
  }
}

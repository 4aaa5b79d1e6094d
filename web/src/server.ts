/** What the page asks the server for. */

import type { ExactFacts } from "./clip";

export interface Film {
  /** Relative to the page, like every address in here. */
  readonly url: string;
  readonly exact: ExactFacts | null;
  readonly width: number | null;
  readonly height: number | null;
}

/** One version in the review session. */
export interface Entry {
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
}

export interface Review {
  readonly name: string;
  readonly project: string;
  readonly is_open: boolean;
  readonly entries: readonly Entry[];
}

/** Why there is no answer: the link is not valid any more, or nobody answers. */
export type Refusal = "link-invalid" | "unreachable";

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
    return response.ok ? ((await response.json()) as Review) : "unreachable";
  } catch {
    // A network that is away, a time-out and half an answer are one thing to the page: it asks again.
    return "unreachable";
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
    if (answer === "link-invalid") return;
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

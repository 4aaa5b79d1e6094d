/** Choice of the rendition that is played. All renditions of a movie have the same frames. Independent of the browser. */

import type { Movie } from "../model";

/** What the visitor chose: a number of lines, the whole movie, or a choice by the connection. */
export type Quality = "auto" | "original" | number;

export const SMALL_LINES = 720;
/** The connection must be this much faster than the movie's data rate. */
const HEADROOM = 1.3;
/** Playback that has waited for data so often since it was started is on a slow connection. */
export const MAX_STALLS = 2;

export interface Connection {
  /** Measured or reported bits a second; null if unknown. */
  readonly bitsPerSecond: number | null;
  readonly savesData: boolean;
  readonly stalls: number;
}

/** The URL of what is played, and its number of lines; null for the movie itself. */
export interface Choice {
  readonly url: string;
  readonly lines: number | null;
}

/** Return the numbers of lines that can be chosen, in descending order: those that exist, and one that can be made. */
export function availableLines(movie: Movie): number[] {
  const lines = new Set(movie.renditions.map((each) => each.lines));
  if (movie.height !== null && movie.height > SMALL_LINES) lines.add(SMALL_LINES);
  return [...lines].filter((each) => movie.height === null || each < movie.height).sort((one, other) => other - one);
}

/** Return the number of lines to play, or null for the movie itself. */
export function chooseLines(movie: Movie, quality: Quality, connection: Connection): number | null {
  const available = availableLines(movie);
  if (quality === "original" || available.length === 0) return null;
  const smallest = available.at(-1) ?? null;
  if (quality !== "auto") return available.find((each) => each <= quality) ?? smallest;
  if (!isSlow(movie, connection)) return null;
  if (connection.savesData || connection.stalls >= MAX_STALLS) return smallest;
  const fitting = movie.renditions.filter(({ lines, size }) => {
    return size !== null && available.includes(lines) && !isTooLarge(size, movie, connection.bitsPerSecond);
  });
  return fitting.length === 0 ? smallest : Math.max(...fitting.map((each) => each.lines));
}

/** Return whether the movie would not play without interruptions. */
export function isSlow(movie: Movie, { bitsPerSecond, savesData, stalls }: Connection): boolean {
  return savesData || stalls >= MAX_STALLS || isTooLarge(movie.size, movie, bitsPerSecond);
}

/** Return whether a file of this size, with the frames of the movie, needs more than the connection has. */
function isTooLarge(size: number | null, movie: Movie, bitsPerSecond: number | null): boolean {
  const needed = bitRate(size, movie);
  return bitsPerSecond !== null && needed !== null && bitsPerSecond < needed * HEADROOM;
}

/** Return the bits a second of a file with the frames of the movie, or null if its size or length is unknown. */
function bitRate(size: number | null, { exact }: Movie): number | null {
  if (size === null || exact === null) return null;
  const [numerator = 0, denominator = 1] = exact.fps.split("/").map(Number);
  const seconds = (exact.frame_count * denominator) / numerator;
  return seconds > 0 ? (size * 8) / seconds : null;
}

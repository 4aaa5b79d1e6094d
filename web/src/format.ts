/** How versions, dates and sizes are written, on the review page and in the home. */

import type { Entry } from "./model";

/** Format a version number: "v003". */
export function formatVersion({ version }: Pick<Entry, "version">): string {
  return `v${String(version).padStart(3, "0")}`;
}

/** Format a date and time in the reader's language and time zone, with the year if `isFull`. */
export function formatTime(iso: string, isFull = false): string {
  const options: Intl.DateTimeFormatOptions = isFull
    ? { dateStyle: "medium", timeStyle: "short" }
    : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
  return new Intl.DateTimeFormat(undefined, options).format(new Date(iso));
}

/** Format the day of a moment in the reader's language and time zone: "4 Mar 2026". */
export function formatDate(moment: Date | null): string {
  return moment === null ? "" : moment.toLocaleDateString(undefined, { day: "numeric", month: "short", year: "numeric" });
}

export function formatBytes(count: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = count < 1 ? 0 : Math.min(Math.floor(Math.log10(count) / 3), units.length - 1);
  const scaled = count / 1000 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`;
}

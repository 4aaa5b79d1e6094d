/** The address of the page: which version, frame and comparison a link opens. Independent of the browser. */

import { COMPARE_MODES, type CompareMode } from "./geometry";

export interface PageAddress {
  /** The id of a version in the session. */
  readonly version: string | null;
  /** The id of the compared version. */
  readonly with: string | null;
  readonly mode: CompareMode | null;
  /** The shot's frame number. */
  readonly frame: number | null;
}

/** Parse the query and fragment of an address; values that are invalid are ignored. Older links have a fragment. */
export function parseAddress(query: string, fragment: string): PageAddress {
  const values = new URLSearchParams(query);
  const [mode, frame] = [values.get("mode"), values.get("frame") ?? ""];
  return {
    version: values.get("version") ?? (fragment.length > 1 ? decode(fragment.slice(1)) : null),
    with: values.get("with"),
    mode: COMPARE_MODES.find((each) => each === mode) ?? null,
    frame: /^-?\d{1,8}$/.test(frame) ? Number(frame) : null,
  };
}

/** Format the query of an address: "?version=…&with=…&mode=…&frame=…". */
export function formatAddress({ version, with: other, mode, frame }: PageAddress): string {
  const values = new URLSearchParams();
  if (version !== null) values.set("version", version);
  if (other !== null) values.set("with", other);
  if (other !== null && mode !== null) values.set("mode", mode);
  if (frame !== null) values.set("frame", String(frame));
  const text = values.toString();
  return text === "" ? "" : `?${text}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

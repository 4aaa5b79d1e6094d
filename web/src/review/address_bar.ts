/** Keeps version, comparison and frame in the address of the page, so that a copied link opens the same. */

import { formatAddress, type PageAddress } from "../playback/address";

/** Browsers limit how often a page may change its address. */
const ADDRESS_INTERVAL_MS = 400;

/** What the page shows: its address, and whether it names the version that is selected. */
export interface ShownState extends Omit<PageAddress, "frame"> {
  /** The id of the version whose media is open. */
  readonly opened: string | null;
  /** The frame on the screen, or null while the movie plays or without frame numbers. */
  readonly frame: number | null;
  /** The frame that the selected version will begin with. */
  readonly start: number | null;
}

/** Return the query of the address. Until its media is open, a version keeps the frame that it will begin with. */
export function queryOf({ opened, frame, start, ...rest }: ShownState): string {
  return formatAddress({ ...rest, frame: opened === rest.version ? frame : start });
}

export class AddressBar {
  private readonly state: () => ShownState;
  private timer = 0;

  constructor(state: () => ShownState) {
    this.state = state;
  }

  write(): void {
    const state = this.state();
    const query = queryOf(state);
    if (state.version !== null && (query !== location.search || location.hash !== "")) {
      history.replaceState(null, "", `${location.pathname}${query}`);
    }
  }

  /** Write the address after a while without another change. */
  schedule(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.write(), ADDRESS_INTERVAL_MS);
  }
}

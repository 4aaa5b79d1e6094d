/** Chooses the rendition that is played, by the connection or by hand, and has the server make one that is missing. */

import type { Details, Movie } from "../model";
import { mediaUrl, postRendition } from "../server";
import { chooseLines, type Choice, type Connection, type Quality } from "./quality";
import { isMakingRendition, playedLines, quality } from "./view_bar";
import { readSetting, writeSetting } from "./view_state";

const QUALITY_KEY = "ft-dcc-quality";
const RETRY_INTERVAL_MS = 2_000;

/** What Chromium reports about the connection. */
interface NavigatorConnection {
  readonly connection?: { readonly downlink?: number; readonly saveData?: boolean };
}

export class Renditions {
  private readonly onReady: () => void;
  private readonly made = new Map<string, string>();
  private stalls = 0;
  private timer = 0;

  /** `onReady` is called when another rendition can be played. */
  constructor(onReady: () => void) {
    this.onReady = onReady;
    const stored = readSetting(QUALITY_KEY);
    if (stored === "original") quality.value = stored;
    else if (/^\d+$/.test(stored)) quality.value = Number(stored);
  }

  /** Return what to play of a movie: the chosen rendition if it exists. */
  choose(details: Details, movie: Movie): Choice {
    clearTimeout(this.timer);
    const lines = chooseLines(movie, quality.peek(), this.connection);
    const found = lines === null ? undefined : this.find(details.id, movie, lines);
    isMakingRendition.value = lines !== null && found === undefined;
    if (lines !== null && found === undefined) this.request(details.id, lines);
    const choice = found === undefined ? { url: mediaUrl(movie.url), lines: null } : { url: found, lines };
    playedLines.value = choice.lines;
    return choice;
  }

  /** Take over a choice of the visitor. */
  setQuality(chosen: Quality): void {
    quality.value = chosen;
    writeSetting(QUALITY_KEY, chosen === "auto" ? "" : String(chosen));
    this.stalls = 0;
    this.onReady();
  }

  /** Count an interruption of the playback by missing data. */
  countStall(): void {
    this.stalls += 1;
    if (quality.peek() === "auto" && playedLines.peek() === null) this.onReady();
  }

  private get connection(): Connection {
    const { connection }: NavigatorConnection = navigator as NavigatorConnection;
    // Chromium reports at most 10 Mbit/s, whatever the connection is.
    const downlink = connection?.downlink !== undefined && connection.downlink < 10 ? connection.downlink * 1e6 : null;
    return { bitsPerSecond: downlink, savesData: connection?.saveData === true, stalls: this.stalls };
  }

  private find(id: string, movie: Movie, lines: number): string | undefined {
    const known = movie.renditions.find((each) => each.lines === lines);
    return known === undefined ? this.made.get(`${id} ${lines}`) : mediaUrl(known.url);
  }

  /** Ask the server for a rendition, again until it is made. The movie itself plays meanwhile. */
  private request(id: string, lines: number): void {
    void postRendition(id, lines).then((answer) => {
      if (typeof answer === "string") {
        isMakingRendition.value = false;
      } else if (answer.url !== null) {
        this.made.set(`${id} ${lines}`, mediaUrl(answer.url));
        this.onReady();
      } else {
        clearTimeout(this.timer);
        this.timer = window.setTimeout(() => this.request(id, lines), RETRY_INTERVAL_MS);
      }
    });
  }
}

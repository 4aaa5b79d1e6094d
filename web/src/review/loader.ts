/** Reads the review and its versions, one reading at a time, and again until the server answers. Independent of the page. */

import type { Details, Review } from "../model";
import type { ReadError } from "../server";

const RETRY_INTERVAL_MS = 3_000;

export interface LoaderSource {
  readonly readReview: () => Promise<Review | ReadError>;
  readonly readDetails: (id: string) => Promise<Details | ReadError>;
}

export interface LoaderTarget {
  /** Take over the list of versions; `wasLost` if the server had not answered before. */
  readonly receive: (found: Review, wasLost: boolean) => void;
  readonly receiveDetails: (found: Details) => void;
  /** Show that reading has failed. */
  readonly fail: (error: ReadError) => void;
}

export class Loader {
  /** Whether the server has answered last. */
  isConnected = true;
  private readonly source: LoaderSource;
  private readonly target: LoaderTarget;
  private isReading = false;
  private mustReadAgain = false;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: LoaderSource, target: LoaderTarget) {
    this.source = source;
    this.target = target;
  }

  /** Read the list and the selected version; again afterwards if that is requested meanwhile. */
  async read(): Promise<void> {
    this.mustReadAgain = this.isReading;
    if (this.isReading) return;
    this.isReading = true;
    clearTimeout(this.retryTimer);
    const answer = await this.source.readReview();
    this.isReading = false;
    if (typeof answer === "string") {
      this.fail(answer);
    } else {
      const wasLost = !this.isConnected;
      this.isConnected = true;
      this.target.receive(answer, wasLost);
    }
    if (this.mustReadAgain) void this.read();
  }

  async readDetails(id: string): Promise<void> {
    const found = await this.source.readDetails(id);
    if (typeof found !== "string") this.target.receiveDetails(found);
    else if (found === "link-invalid") void this.read(); // Deleted meanwhile: the list shows it.
    else this.fail(found);
  }

  /** Read again later, because the server does not answer. */
  readLater(): void {
    this.isConnected = false;
    this.retryTimer = setTimeout(() => void this.read(), RETRY_INTERVAL_MS);
  }

  private fail(error: ReadError): void {
    if (error === "link-invalid") this.isConnected = false;
    else this.readLater();
    this.target.fail(error);
  }
}

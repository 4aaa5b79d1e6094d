/** Transfer of files to the server in parts, which goes on where it stopped after the connection was lost. */

import { call, newId, Refused, refusalOf, request, SignedOut, Unreachable, type Entity } from "./api";

// A lost connection costs at most one part. Smaller files are sent in one piece.
const PART_BYTES = 16 * 2 ** 20;
// The server ends an upload after a minute without data; it may wait a minute for a place before.
const STALL_TIMEOUT_MS = 120_000;
// So much of a part can wait in buffers while the line is cut.
const BUFFERED_BYTES = 4 * 2 ** 20;
const JOIN_TIMEOUT_MS = 600_000;
const MAX_PAUSE_MS = 15_000;

/** What is told about a transfer, and what ends it: the reason of its signal is thrown. */
export interface Observer {
  readonly signal: AbortSignal;
  /** Called with the number of bytes that were sent. */
  readonly onProgress: (bytes: number) => void;
  /** Called with true when the connection is lost, and with false when it is back. */
  readonly onLost: (isLost: boolean) => void;
}

/** A file on its way: the addresses of its parts, and the tags of those that have arrived. */
interface Transfer {
  readonly component: string;
  /** The id of an upload in parts; null for a file that is sent in one piece. */
  readonly uploadId: string | null;
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly tags: string[];
  isJoined: boolean;
}

const transfers = new WeakMap<File, Transfer>();

/** Forget what has arrived of a file, so that the next transfer sends all of it to another component. */
export function forgetFile(file: File): void {
  transfers.delete(file);
}

/**
 * Send a file, or the parts of it that have not arrived yet, and return the id of its component.
 *
 * Requests without an answer are repeated until the signal ends them. Throws Refused with the reason of the server.
 */
export async function sendFile(file: File, observer: Observer): Promise<string> {
  const transfer = transfers.get(file) ?? (await repeat(file, observer, () => announce(file)));
  transfers.set(file, transfer);
  while (transfer.tags.length < transfer.urls.length) {
    const index = transfer.tags.length;
    observer.onProgress(index * PART_BYTES);
    transfer.tags.push(await repeat(file, observer, () => sendPart(file, transfer, index, observer)));
  }
  if (!transfer.isJoined) await repeat(file, observer, () => join(file, transfer));
  transfer.isJoined = true;
  observer.onProgress(file.size);
  return transfer.component;
}

/** Run a task again, with growing pauses, for as long as the server does not answer. */
export async function repeat<T>(file: File, observer: Observer, task: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    observer.signal.throwIfAborted();
    try {
      const result = await task();
      observer.onLost(false);
      return result;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      await checkReadable(file);
      observer.onLost(true);
      await pause(Math.min(1000 * 2 ** attempt, MAX_PAUSE_MS), observer.signal);
    }
  }
}

/** Throw Refused for a file that changed since it was chosen: the browser ends its transfer as if the network failed. */
async function checkReadable(file: File): Promise<void> {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    forgetFile(file);
    throw new Refused(`${file.name} was changed or removed while it was sent. Choose it again.`);
  }
}

/** Wait so long, or until the browser has a network again; reject when the signal is aborted. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}

async function announce(file: File): Promise<Transfer> {
  const component = newId();
  const count = Math.ceil(file.size / PART_BYTES);
  const [announced] = await call({
    action: "get_upload_metadata",
    component_id: component,
    file_name: file.name,
    file_size: file.size,
    ...(count > 1 ? { parts: count } : {}),
  });
  const shared = { component, tags: [] };
  if (count <= 1) {
    const { url, headers } = announced!;
    return { ...shared, uploadId: null, urls: [String(url)], headers: headers as Record<string, string>, isJoined: true };
  }
  const urls = (announced!["urls"] as Entity[]).map((each) => String(each["signed_url"]));
  return { ...shared, uploadId: String(announced!["upload_id"]), urls, headers: {}, isJoined: false };
}

async function join(file: File, transfer: Transfer): Promise<void> {
  const parts = transfer.tags.map((tag, index) => ({ part_number: index + 1, e_tag: tag }));
  const { component, uploadId } = transfer;
  const operation = { action: "complete_multipart_upload", component_id: component, upload_id: uploadId, parts };
  try {
    await request("home/api", [operation], JOIN_TIMEOUT_MS);
  } catch (error) {
    if (!(error instanceof Unreachable || error instanceof SignedOut)) forgetFile(file);
    throw error;
  }
}

/** Send one part of a file, or a whole one, and return its tag. */
function sendPart(file: File, transfer: Transfer, index: number, observer: Observer): Promise<string> {
  const start = index * PART_BYTES;
  const { signal } = observer;
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    let timer = 0;
    const abort = (): void => sending.abort();
    const expectData = (): void => {
      clearTimeout(timer);
      timer = window.setTimeout(abort, STALL_TIMEOUT_MS);
    };
    sending.upload.addEventListener("progress", (event) => {
      expectData();
      observer.onProgress(start + event.loaded);
      if (event.loaded > BUFFERED_BYTES) observer.onLost(false);
    });
    sending.addEventListener("load", () => {
      if (sending.status === 200) return resolve(sending.getResponseHeader("ETag") ?? "");
      // The address is not valid any more: the next attempt asks for another one.
      if (sending.status === 403) forgetFile(file);
      reject(refusalOf(sending.status, sending.responseText));
    });
    sending.addEventListener("loadend", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      // Without effect after an answer.
      reject(signal.aborted ? signal.reason : new Unreachable(`The upload of ${file.name} was interrupted.`));
    });
    signal.addEventListener("abort", abort);
    sending.open("PUT", transfer.urls[index]!);
    for (const [name, value] of Object.entries(transfer.headers)) {
      if (name.toLowerCase() !== "content-length") sending.setRequestHeader(name, value);
    }
    expectData();
    sending.send(file.slice(start, Math.min(start + PART_BYTES, file.size)));
  });
}

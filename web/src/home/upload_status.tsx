/** The upload that runs: its progress, whether its connection is lost, and the button that cancels it. */

import { signal } from "@preact/signals";

import { Action } from "../elements";
import { formatBytes } from "../format";
import { Refused } from "./api";
import type { Observer } from "./transfer";

interface Upload {
  readonly name: string;
  readonly sent: number;
  readonly size: number;
  readonly isLost: boolean;
  readonly cancel: () => void;
}

const running = signal<Upload | null>(null);

/** Run uploads one after the other; while they run, the browser asks before it leaves the page. */
export async function withUploadStatus(run: (observe: (name: string, size: number) => Observer) => Promise<void>): Promise<void> {
  if (running.value !== null) throw new Refused("Another upload is running. Wait until it has ended, or cancel it.");
  const controller = new AbortController();
  const cancel = (): void => controller.abort(new Refused("The upload is cancelled. Press Upload to continue it where it stopped."));
  const change = (values: Partial<Upload>): void => {
    if (running.value !== null) running.value = { ...running.value, ...values };
  };
  const askBeforeLeaving = (event: Event): void => event.preventDefault();
  addEventListener("beforeunload", askBeforeLeaving);
  try {
    await run((name, size) => {
      running.value = { name, size, sent: 0, isLost: false, cancel };
      return {
        signal: controller.signal,
        onProgress: (sent) => change({ sent }),
        onLost: (isLost) => change({ isLost }),
      };
    });
  } finally {
    running.value = null;
    removeEventListener("beforeunload", askBeforeLeaving);
  }
}

export function UploadStatus() {
  const upload = running.value;
  if (upload === null) return null;
  const { name, sent, size } = upload;
  const percent = Math.floor((100 * Math.min(sent, size)) / Math.max(size, 1));
  return (
    <div class="upload-status">
      <p>{name}: {formatBytes(sent)} of {formatBytes(size)} ({percent} %)</p>
      <progress aria-label={`Upload of ${name}`} max={size} value={sent} />
      <p role="status">
        {upload.isLost && "The server does not answer. The upload goes on by itself where it stopped."}
      </p>
      <Action onClick={upload.cancel}>Cancel the upload</Action>
    </div>
  );
}

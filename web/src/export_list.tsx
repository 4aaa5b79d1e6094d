/** The exports of a review session, each with a button; the home and the review page show the same list. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";

interface Format {
  /** The last part of the address. */
  readonly id: string;
  readonly name: string;
  readonly suffix: string;
  readonly text: string;
}

const FORMATS: readonly Format[] = [
  { id: "pdf", name: "PDF", suffix: ".pdf", text: "The frame of each note with its drawing, threads and verdicts" },
  { id: "csv", name: "CSV", suffix: ".csv", text: "Notes and verdicts for a spreadsheet" },
  { id: "otio", name: "OpenTimelineIO", suffix: ".otio", text: "Versions, notes and verdicts for editorial tools" },
  { id: "drawings", name: "Drawings", suffix: "-drawings.zip", text: "A zip file with a transparent image of each drawing" },
];
const MOVIES: Format = { id: "movies", name: "Movies", suffix: "-movies.zip", text: "A zip file of the movies" };
// The server writes a file before it answers.
const TIMEOUT_MS = 600_000;

interface ExportListProps {
  /** The address of the exports, with a slash at its end. */
  readonly address: string;
  /** The name of the session, for the names of the files. */
  readonly name: string;
  readonly mayDownload: boolean;
}

export function ExportList({ address, name, mayDownload }: ExportListProps): JSX.Element {
  const [state, setState] = useState({ isBusy: false, text: "" });
  const run = async (format: Format): Promise<void> => {
    setState({ isBusy: true, text: `The server writes ${format.name} …` });
    const save = format === MOVIES ? saveLargeFile : saveFile;
    const text = await save(`${address}${format.id}`, `${name}${format.suffix}`);
    setState({ isBusy: false, text });
  };
  return (
    <>
      <ul class="rows">
        {[...FORMATS, ...(mayDownload ? [MOVIES] : [])].map((format) => (
          <li key={format.id}>
            <Description name={format.name} text={format.text} />
            <button type="button" class="text-button" disabled={state.isBusy} onClick={() => void run(format)}>
              Download {format.name}
            </button>
          </li>
        ))}
      </ul>
      <p class="export-state quiet" role="status">{state.text}</p>
    </>
  );
}

function Description({ name, text }: { readonly name: string; readonly text: string }): JSX.Element {
  return (
    <span>
      <strong>{name}</strong>
      <br />
      <span class="quiet">{text}</span>
    </span>
  );
}

/** Save a file of the server under this name. Return why it was refused, or "". */
async function saveFile(url: string, name: string): Promise<string> {
  const content = await read(url);
  if (typeof content === "string") return content;
  const address = URL.createObjectURL(content);
  clickLink(address, name);
  // The browser has begun to save the file by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return "";
}

/** Let the browser save a file that may not fit into memory. Return why it was refused, or what happens. */
async function saveLargeFile(url: string, name: string): Promise<string> {
  const answer = await read(`${url}?check=true`);
  if (typeof answer === "string") return answer;
  clickLink(url, name);
  return "The server collects the files. The browser saves them when they are complete.";
}

/** Return the content of an answer, or the sentence that says why there is none. */
async function read(url: string): Promise<Blob | string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.ok) return await response.blob();
    const answer = (await response.json().catch(() => null)) as { content?: string } | null;
    return answer?.content ?? `The server answered with status ${response.status}. Try again.`;
  } catch {
    return "The server does not answer. Check the network, then try again.";
  }
}

function clickLink(address: string, name: string): void {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
}

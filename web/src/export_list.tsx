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
    const problem = await download(`${address}${format.id}`, `${name}${format.suffix}`);
    setState({ isBusy: false, text: problem });
  };
  return (
    <>
      <ul class="rows">
        {FORMATS.map((format) => (
          <li key={format.id}>
            <Description name={format.name} text={format.text} />
            <button type="button" class="text-button" disabled={state.isBusy} onClick={() => void run(format)}>
              Download {format.name}
            </button>
          </li>
        ))}
        {mayDownload && (
          <li>
            <Description name="Movies" text="A zip file of the movies" />
            {/* Too large for the memory of the page. A refusal is shown in the other tab. */}
            <a class="text-button" href={`${address}movies`} target="_blank" rel="noopener">
              Download Movies
            </a>
          </li>
        )}
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
async function download(url: string, name: string): Promise<string> {
  try {
    const response = await fetch(url);
    if (!response.ok) {
      const { content } = (await response.json()) as { content?: string };
      return content ?? `The server answered with status ${response.status}. Try again.`;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = name;
    link.click();
    // The browser has begun to save the file by then.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    return "";
  } catch {
    return "The server does not answer. Check the network, then try again.";
  }
}

/** The dialog that imports shots and tasks from cells of a spreadsheet or a CSV file, with a preview. */

import { useMemo, useState } from "preact/hooks";

import { call, Refused, type Operation } from "./api";
import { attempt, Dialog, showDone } from "./page";
import { addRow, COLUMNS, parseTable, readHeader, type ProjectData } from "./shots";

interface PreviewRow {
  readonly fields: Readonly<Record<string, string>>;
  readonly operations: readonly Operation[];
  readonly problem: string | null;
}

const NAMES: readonly string[] = [...COLUMNS.map((column) => column.name), "type"];

/** Rows that are imported in one request: the server bounds its operations, and progress is shown between. */
const MAX_OPERATIONS = 500;
/** A browser is slow with more rows in a table. */
const MAX_SHOWN = 200;

interface Preview {
  readonly rows: readonly PreviewRow[];
  /** Why nothing can be imported, or "". */
  readonly problem: string;
  /** The names of columns that are not imported. */
  readonly ignored: readonly string[];
}

/** Return each row with the operations that import it, or with the reason why it cannot be imported. */
function preview(data: ProjectData, text: string): Preview {
  const table = parseTable(text);
  const head = table[0] ?? [];
  const header = readHeader(head);
  if (header !== null && !header.includes("shot")) {
    const problem = `The first row (${head.join(", ")}) has no column for the shot. Name it Shot, then paste the cells again.`;
    return { rows: [], problem, ignored: [] };
  }
  const names = header ?? NAMES;
  const made = new Map<string, string>();
  const rows = table.slice(header === null ? 0 : 1).map((cells): PreviewRow => {
    const fields = Object.fromEntries(names.map((name, index) => [name ?? "", cells[index] ?? ""]));
    try {
      return { fields, operations: addRow(data, fields, made), problem: null };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { fields, operations: [], problem: error.message };
    }
  });
  return { rows, problem: "", ignored: head.filter((_, index) => header !== null && header[index] === null) };
}

/** Return the operations of the rows in portions; those of one row stay together. */
export function portions(rows: readonly { readonly operations: readonly Operation[] }[]): Operation[][] {
  const found: Operation[][] = [];
  for (const { operations } of rows) {
    const last = found.at(-1);
    if (last !== undefined && last.length + operations.length <= MAX_OPERATIONS) last.push(...operations);
    else if (operations.length > 0) found.push([...operations]);
  }
  return found;
}

export function Import(props: { data: ProjectData; onClose: () => void; onImported: () => Promise<boolean> }) {
  const [text, setText] = useState("");
  const [done, setDone] = useState<readonly [number, number] | null>(null);
  const { rows, problem, ignored } = useMemo(() => preview(props.data, text), [props.data, text]);
  const problems = rows.filter((row) => row.problem !== null).length;
  const parts = useMemo(() => portions(rows), [rows]);
  // The text stays after a failure: what was imported before is shown as unchanged then.
  const send = async (): Promise<void> => {
    let count = 0;
    setDone([0, parts.length]);
    while (count < parts.length && (await attempt(() => call(...parts[count]!)))) {
      count += 1;
      setDone([count, parts.length]);
    }
    const isDone = count === parts.length;
    await props.onImported();
    setDone(null);
    if (isDone) {
      showDone("Imported.");
      props.onClose();
    }
  };
  const shown = [...rows.filter((row) => row.problem !== null), ...rows.filter((row) => row.problem === null)].slice(0, MAX_SHOWN);
  return (
    <Dialog title="Import shots and tasks" onClose={props.onClose} wide>
      <p class="quiet">
        Paste cells from a spreadsheet, or choose a CSV file. The first row names the columns: {NAMES.join(", ")}. Only the
        shot is required. Shots and tasks that exist are updated.
      </p>
      <div class="fields">
        <label class="field">
          <span>Cells</span>
          <textarea rows={6} value={text} onInput={(event) => setText(event.currentTarget.value)} spellcheck={false} />
        </label>
        <label class="field">
          <span>CSV file</span>
          <input
            type="file"
            accept=".csv,.tsv,.txt,text/csv"
            onChange={(event) => void event.currentTarget.files?.[0]?.text().then(setText)}
          />
        </label>
      </div>
      {rows.length > 0 && (
        <div class="table-frame" role="region" aria-label="Preview" tabIndex={0}>
          <table class="preview">
            <thead>
              <tr>{["Result", ...COLUMNS.map((column) => column.title)].map((title) => <th key={title} scope="col">{title}</th>)}</tr>
            </thead>
            <tbody>
              {shown.map((row, index) => (
                <tr key={index}>
                  <td class={row.problem === null ? "" : "problem"}>{row.problem ?? describe(row.operations)}</td>
                  {COLUMNS.map((column) => <td key={column.name}>{row.fields[column.name]}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
          {rows.length > shown.length && <p class="quiet">and {rows.length - shown.length} more rows</p>}
        </div>
      )}
      {problem !== "" && <p class="problem" role="status">{problem}</p>}
      {ignored.length > 0 && <p class="quiet">Not imported: {ignored.join(", ")}.</p>}
      <p class="actions">
        <button
          class="main-button"
          disabled={parts.length === 0 || problems > 0 || done !== null}
          onClick={() => void send()}
        >
          Import {rows.length} {rows.length === 1 ? "row" : "rows"}
        </button>
        {done !== null && <progress value={done[0]} max={done[1]} aria-label="Progress of the import" />}
        {problems > 0 && <span role="status">{problems} {problems === 1 ? "row has" : "rows have"} a problem. Nothing is imported until each is solved.</span>}
      </p>
    </Dialog>
  );
}

function describe(operations: readonly Operation[]): string {
  const created = operations.filter((operation) => operation["action"] === "create").map((operation) => operation["entity_type"]);
  if (created.length > 0) return `new: ${[...new Set(created)].join(", ").toLowerCase().replace("appointment", "assignment")}`;
  return operations.length > 0 ? "update" : "no change";
}

/** The dialog that imports shots and tasks from cells of a spreadsheet or a CSV file, with a preview. */

import { useState } from "preact/hooks";

import { Refused, type Operation } from "./api";
import { Dialog } from "./page";
import { addRow, COLUMNS, parseTable, type ProjectData } from "./shots";

interface PreviewRow {
  readonly fields: Readonly<Record<string, string>>;
  readonly operations: readonly Operation[];
  readonly problem: string | null;
}

const NAMES: readonly string[] = [...COLUMNS.map((column) => column.name), "type"];

/** Return each row with the operations that import it, or with the reason why it cannot be imported. */
function preview(data: ProjectData, text: string): PreviewRow[] {
  const table = parseTable(text);
  const head = (table[0] ?? []).map((name) => name.toLowerCase());
  const hasHead = head.includes("shot");
  const names = hasHead ? head : NAMES;
  const made = new Map<string, string>();
  return table.slice(hasHead ? 1 : 0).map((cells) => {
    const fields = Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ""]));
    try {
      return { fields, operations: addRow(data, fields, made), problem: null };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { fields, operations: [], problem: error.message };
    }
  });
}

export function Import(props: {
  data: ProjectData;
  onClose: () => void;
  onImport: (operations: readonly Operation[]) => Promise<void>;
}) {
  const [text, setText] = useState("");
  const rows = preview(props.data, text);
  const problems = rows.filter((row) => row.problem !== null).length;
  const operations = rows.flatMap((row) => row.operations);
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
              {rows.map((row, index) => (
                <tr key={index}>
                  <td class={row.problem === null ? "" : "problem"}>{row.problem ?? describe(row.operations)}</td>
                  {COLUMNS.map((column) => <td key={column.name}>{row.fields[column.name]}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p class="actions">
        <button
          class="main-button"
          disabled={operations.length === 0 || problems > 0}
          onClick={() => void props.onImport(operations)}
        >
          Import {rows.length} {rows.length === 1 ? "row" : "rows"}
        </button>
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

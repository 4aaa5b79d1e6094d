/** Edits the names of the session and of its versions, and adds newer versions, for visitors with the right to. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { Action } from "./elements";
import type { NewerVersion } from "./model";
import { postSession, readNewer } from "./server";
import { current, review } from "./store";

export function SessionEditor({ refresh }: { readonly refresh: () => void }): JSX.Element {
  const newer = useSignal<readonly NewerVersion[] | null>(null);
  const status = useSignal("");
  const read = async (): Promise<void> => {
    const found = await readNewer();
    newer.value = typeof found === "string" ? [] : found;
  };
  const send = async (payload: object): Promise<void> => {
    const answer = await postSession(payload);
    status.value = typeof answer === "string" ? `Not saved: ${answer}` : "Saved.";
    refresh();
    await read();
  };
  const form = (id: string, fields: readonly [string, string, string][], extra: object): JSX.Element => (
    <form
      key={id}
      onSubmit={(event) => {
        event.preventDefault();
        void send({ ...extra, ...Object.fromEntries(new FormData(event.currentTarget)) });
      }}
    >
      {fields.map(([label, name, value]) => (
        <label key={name}>
          {label} <input name={name} defaultValue={value} required={name === "name"} maxLength={2000} />
        </label>
      ))}
      <button type="submit" class="text-button">Save</button>
    </form>
  );
  const { name, description } = review.value ?? { name: "", description: "" };
  const entry = current.value;
  return (
    <details class="session-editor" onToggle={(event) => event.currentTarget.open && void read()}>
      <summary>Edit the session</summary>
      {form("session", [["Name", "name", name], ["Description", "description", description]], {})}
      {entry !== null && form(entry.id, [["Name of this version", "name", entry.name]], { object: entry.id })}
      <ul aria-label="Newer versions">
        {newer.value?.map((each) => (
          <li key={each.id}>
            {each.name} v{String(each.version).padStart(3, "0")}{" "}
            <Action name={`Add ${each.name} v${each.version}`} onClick={() => send({ versions: [each.id] })}>Add</Action>
          </li>
        ))}
      </ul>
      {newer.value?.length === 0 && <p class="quiet">No asset of the session has a newer version.</p>}
      <p class="quiet" role="status">{status}</p>
    </details>
  );
}

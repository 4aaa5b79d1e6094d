/** The dialog that deletes a shot, task, version or review. It names what is deleted with it before anything is. */

import { useEffect, useState } from "preact/hooks";

import { call, queryAll, quote, remove } from "./api";
import { attempt, Dialog, Form } from "./page";

export type DeletedType = "Shot" | "Task" | "AssetVersion" | "ReviewSession";

export interface Deleted {
  readonly type: DeletedType;
  readonly id: string;
  readonly name: string;
}

/** What depends on an entity: a query that finds it, and the words for one and for several of them. */
type Dependent = readonly [expression: string, one: string, several: string];

const DEPENDENTS: Record<DeletedType, (id: string) => readonly Dependent[]> = {
  Shot: (id) => [
    [`Task where parent_id is ${id}`, "task", "tasks"],
    [`AssetVersion where asset.context_id is ${id}`, "version with its media", "versions with their media"],
    [`ReviewSessionObject where asset_version.asset.context_id is ${id}`, "entry in a review, with its notes", "entries in reviews, with their notes"],
  ],
  Task: (id) => [[`Note where parent_id is ${id}`, "note", "notes"]],
  AssetVersion: (id) => [
    [`Component where version_id is ${id}`, "file", "files"],
    [`ReviewSessionObject where version_id is ${id}`, "entry in a review, with its notes", "entries in reviews, with their notes"],
  ],
  ReviewSession: (id) => [
    [`ReviewSessionInvitee where review_session_id is ${id}`, "invitee, whose link ends", "invitees, whose links end"],
    [`ReviewSessionObject where review_session_id is ${id}`, "entry, with its notes, drawings and verdicts", "entries, with their notes, drawings and verdicts"],
  ],
};

const STAYS: Partial<Record<DeletedType, string>> = {
  Task: "Versions of the task stay on the shot.",
  ReviewSession: "The versions stay in the project.",
};

/** Offers one entity, or one of several. */
export function DeleteDialog(props: { choices: readonly Deleted[]; onClose: () => void; onDeleted: () => void }) {
  const [index, setIndex] = useState(0);
  const [found, setFound] = useState<readonly string[] | null>(null);
  const chosen = props.choices[index];
  useEffect(() => {
    setFound(null);
    if (chosen === undefined) return;
    const dependents = DEPENDENTS[chosen.type](quote(chosen.id));
    void attempt(async () => {
      const answers = await queryAll(...dependents.map(([expression]) => `select id from ${expression}`));
      setFound(dependents.flatMap(([, one, several], at) => {
        const count = answers[at]?.length ?? 0;
        return count === 0 ? [] : [`${count} ${count === 1 ? one : several}`];
      }));
    });
  }, [chosen?.id]);
  if (chosen === undefined) return null;
  const send = async (): Promise<void> => {
    if (await attempt(() => call(remove(chosen.type, chosen.id)), `${chosen.name} is deleted.`)) props.onDeleted();
  };
  return (
    <Dialog title="Delete" onClose={props.onClose}>
      {found === null ? (
        <p class="quiet" aria-busy="true">Loading …</p>
      ) : (
        <Form send={`Delete ${chosen.name}`} onSend={send}>
          {props.choices.length > 1 && (
            <fieldset>
              <legend>What is deleted</legend>
              {props.choices.map((each, at) => (
                <label key={each.id} class="check">
                  <input type="radio" name="deleted" checked={at === index} onChange={() => setIndex(at)} />
                  <span>{each.name}</span>
                </label>
              ))}
            </fieldset>
          )}
          <div>
            <p>{found.length === 0 ? `Nothing else is deleted with ${chosen.name}.` : `Deleted with ${chosen.name}:`}</p>
            <ul id="dependents">{found.map((text) => <li key={text}>{text}</li>)}</ul>
            <p>{STAYS[chosen.type]} This cannot be undone.</p>
          </div>
        </Form>
      )}
    </Dialog>
  );
}

/** The dialog of one review: dates, link, passphrase, invitees, versions and uploads. */

import { useEffect, useState } from "preact/hooks";

import { Action } from "../elements";
import { ExportList } from "../export_list";
import { formatDate, formatVersion } from "../format";
import {
  call,
  create,
  fromApiDate,
  query,
  queryAll,
  quote,
  Refused,
  remove,
  request,
  root,
  toApiDate,
  toApiDates,
  toLocalInput,
  update,
  type Entity,
  type Operation,
} from "./api";
import { DeleteDialog } from "./deletion";
import { attempt, Check, CopyText, Dialog, Field, Form, Select } from "./page";
import type { Answer, Card } from "./reviews";
import { UploadForm } from "./upload_form";

const PARTS = ["Session", "People", "Versions", "Export"] as const;
type Part = (typeof PARTS)[number];

interface Props {
  readonly card: Card;
  readonly onChanged: () => void;
}

/** The dialog reads its review itself: a change can take the review out of the list below the dialog. */
export function ReviewSettings(props: { id: string; onClose: () => void; onChanged: () => void }) {
  const [part, setPart] = useState<Part>("Session");
  const [isDeleting, setDeleting] = useState(false);
  const [card, setCard] = useState<Card | null>(null);
  const read = (): Promise<boolean> =>
    attempt(async () => {
      const { reviews } = await request<Answer>(`home/reviews?state=all&id=${props.id}`);
      const [found] = reviews;
      if (found === undefined) throw new Refused("The review is not on the server any more. Close this dialog.");
      setCard(found);
    });
  useEffect(() => void read(), [props.id]);
  const onChanged = (): void => {
    void read();
    props.onChanged();
  };
  if (card !== null && isDeleting) {
    const deleted = { type: "ReviewSession", id: card.id, name: card.name } as const;
    const onDeleted = (): void => {
      props.onChanged();
      props.onClose();
    };
    return <DeleteDialog choices={[deleted]} onClose={() => setDeleting(false)} onDeleted={onDeleted} />;
  }
  return (
    <Dialog title={card?.name ?? "Review"} onClose={props.onClose} wide>
      {card === null ? (
        <p class="quiet" aria-busy="true">Loading …</p>
      ) : (
        <>
          <nav class="parts" aria-label="Parts of the review">
            {PARTS.map((name) => (
              <button key={name} class="text-button" aria-pressed={part === name} onClick={() => setPart(name)}>
                {name}
              </button>
            ))}
          </nav>
          {part === "Session" && <SessionPart card={card} onChanged={onChanged} onDelete={() => setDeleting(true)} />}
          {part === "People" && <PeoplePart card={card} onChanged={onChanged} />}
          {part === "Versions" && <VersionsPart card={card} onChanged={onChanged} />}
          {part === "Export" && <ExportPart card={card} onChanged={onChanged} />}
        </>
      )}
    </Dialog>
  );
}

function SessionPart({ card, onChanged, onDelete }: Props & { onDelete: () => void }) {
  const [link, setLink] = useState("");
  useEffect(() => {
    void attempt(async () => {
      const [found] = await query(`select review_url from ReviewSession where id is ${quote(card.id)}`);
      setLink(String(found?.["review_url"] ?? ""));
    });
  }, [card.id]);
  const now = (): Entity => toApiDate(new Date().toISOString())!;
  const [start, end] = [fromApiDate(card.start_date), fromApiDate(card.end_date)];
  const run = async (task: () => Promise<unknown>, done: string): Promise<void> => {
    if (await attempt(task, done)) onChanged();
  };
  const change = (data: Entity, done: string): Promise<void> => run(() => call(update("ReviewSession", card.id, data)), done);
  const save = (fields: Record<string, string>): Promise<void> =>
    run(async () => {
      const dates = toApiDates(fields);
      // A field shows minutes; a date that was not edited keeps its seconds.
      const values = {
        name: fields["name"],
        description: fields["description"],
        ...(fields["start"] === toLocalInput(start) ? {} : { start_date: dates.start ?? now() }),
        ...(fields["end"] === toLocalInput(end) ? {} : { end_date: dates.end }),
        shareable_url_enabled: fields["is_shared"] === "on",
        is_moderated: fields["is_moderated"] === "on",
        is_watermarked: fields["is_watermarked"] === "on",
      };
      await call(update("ReviewSession", card.id, values));
    }, "Saved.");
  const reopen = (): Promise<void> => {
    const isEarly = start !== null && start.getTime() > Date.now();
    return change({ end_date: null, ...(isEarly ? { start_date: now() } : {}) }, "The review is open again.");
  };
  return (
    <>
      {card.is_shared ? <CopyText label="Public link, for viewing" text={link} /> : <p>The public link is off.</p>}
      {/* Another key shows dates that a button has changed. */}
      <Form key={`${card.start_date} ${card.end_date}`} send="Save" onSend={save}>
        <Field label="Name" name="name" value={card.name} required />
        <Field label="Description" name="description" value={card.description} />
        <Field label="Opens" name="start" type="datetime-local" value={toLocalInput(start)} />
        <Field label="Closes" name="end" type="datetime-local" value={toLocalInput(end)} />
        <Check label="Public link" name="is_shared" checked={card.is_shared} />
        <Check
          label="Moderated: invitees see only their own feedback and that of the studio"
          name="is_moderated"
          checked={card.is_moderated}
        />
        <Check
          label="Watermarked: what guests play carries their name and the time"
          name="is_watermarked"
          checked={card.is_watermarked}
        />
      </Form>
      <Form
        send={card.has_passphrase ? "Replace the passphrase" : "Set the passphrase"}
        onSend={(fields) => change({ passphrase: fields["passphrase"] }, "The passphrase is set.")}
      >
        <Field label="Passphrase" name="passphrase" type="password" required hint="Asked for when a link is opened" />
      </Form>
      <p class="actions">
        {card.has_passphrase && (
          <Action onClick={() => change({ passphrase: null }, "The passphrase is removed.")}>Remove the passphrase</Action>
        )}
        {card.is_open ? (
          <Action onClick={() => change({ end_date: now() }, "The review is closed.")}>Close the review</Action>
        ) : (
          <Action onClick={reopen}>Open the review again</Action>
        )}
        <Action onClick={onDelete}>Delete the review</Action>
      </p>
    </>
  );
}

const RIGHTS = ["comment", "draw", "decide", "edit", "download", "present"] as const;
const DEFAULT_RIGHTS = "comment draw decide";

function PeoplePart({ card }: Props) {
  const [people, setPeople] = useState<readonly Entity[]>([]);
  const [copied, setCopied] = useState<{ readonly name: string; readonly link: string } | null>(null);
  const read = async (): Promise<void> => {
    const [found, sessions] = await queryAll(
      "select name, email, rights, last_sent_at from ReviewSessionInvitee" +
        ` where review_session_id is ${quote(card.id)} order by name`,
      `select created_by.email, created_by.username from ReviewSession where id is ${quote(card.id)}`,
    );
    // A verdict of the host makes an invitee of the host, who needs no link.
    const host = sessions?.[0]?.["created_by"];
    const isHost = (email: unknown): boolean => email === host?.email || email === host?.username;
    setPeople((found ?? []).filter(({ email, last_sent_at: sent }) => sent !== null || !isHost(email)));
  };
  useEffect(() => void attempt(read), [card.id]);
  // A mail that is not sent leaves an invitation in the list.
  const run = (task: () => Promise<unknown>, done: string): Promise<boolean> => attempt(() => task().finally(read), done);
  const revoke = ({ id, name }: Entity): Promise<boolean> => {
    const operation = { action: "revoke_review_session_invite", review_session_invitee_id: id };
    return run(() => call(operation), `The links of ${name} are not valid any more.`);
  };
  const invite = (fields: Record<string, string>): Promise<unknown> => {
    const rights = ["view", ...RIGHTS.filter((right) => fields[right] === "on")].join(" ");
    const data = { name: fields["name"], email: fields["email"], review_session_id: card.id, rights };
    return run(async () => {
      const operation = create("ReviewSessionInvitee", data);
      await call(operation);
      await sendInvitation(String((operation["entity_data"] as Entity)["id"]));
    }, `The invitation to ${fields["email"]} is sent.`);
  };
  /** One more link; those that were sent or copied before stay valid. */
  const copyLink = ({ id, name }: Entity): Promise<boolean> =>
    attempt(async () => {
      const [answer] = await call({ action: "send_review_session_invite", review_session_invitee_id: id, link_only: true });
      const link = String(answer?.["link"]);
      setCopied({ name, link });
      // Without TLS the browser offers no clipboard; the link is shown, and can be copied there.
      await navigator.clipboard?.writeText(link).catch(() => undefined);
    });
  return (
    <>
      <table>
        <thead>
          <tr><th scope="col">Name</th><th scope="col">Rights</th><th scope="col">Invited</th><th scope="col">Actions</th></tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <tr key={person["id"]}>
              <td>{person["name"]}<br /><span class="quiet">{person["email"]}</span></td>
              <td>
                <span class="rights">
                  {RIGHTS.map((right) => (
                    <label key={right} class="check">
                      <input
                        type="checkbox"
                        checked={hasRight(person, right)}
                        onChange={() =>
                          void run(() => call(update("ReviewSessionInvitee", person["id"], toggled(person, right))), "Saved.")
                        }
                      />
                      <span>{right}</span>
                    </label>
                  ))}
                </span>
              </td>
              <td>{formatDate(fromApiDate(person["last_sent_at"])) || "not sent"}</td>
              <td>
                <Action name={`Copy link of ${person["name"]}`} onClick={() => copyLink(person)}>Copy link</Action>
                <Action
                  onClick={() =>
                    run(() => sendInvitation(person["id"]), `A new link for ${person["name"]} is sent. Earlier links are not valid any more.`)
                  }
                >
                  Send a new link
                </Action>
                <Action onClick={() => revoke(person)}>Revoke</Action>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {people.length === 0 && <p class="empty">Nobody is invited yet.</p>}
      {people.length > 0 && <p class="quiet">A link that is sent replaces the earlier ones. A link that is copied leaves them valid.</p>}
      {copied !== null && <CopyText key={copied.link} label={`Personal link of ${copied.name}`} text={copied.link} />}
      <h3>Invite a person</h3>
      {/* Another key empties the form after an invitation. */}
      <Form key={people.length} send="Invite" onSend={invite}>
        <Field label="Name" name="name" required />
        <Field label="E-mail" name="email" type="email" required />
        <fieldset>
          <legend>May view, and</legend>
          {RIGHTS.map((right) => (
            <Check key={right} label={right} name={right} checked={DEFAULT_RIGHTS.includes(right)} />
          ))}
        </fieldset>
      </Form>
    </>
  );
}

/** Send the link by mail; throw Refused with the reason when the mail stays in the outbox. */
async function sendInvitation(id: string): Promise<void> {
  const [answer] = await call({ action: "send_review_session_invite", review_session_invitee_id: id });
  if (answer?.["sent"] === false) {
    throw new Refused(`The mail is kept in the outbox: ${answer["reason"]} An administrator can send it later.`);
  }
  if (answer?.["kept"] === true) {
    throw new Refused("No mail server is set. The invitation is in the outbox, on the administration page.");
  }
}

function rightsOf(person: Entity): string[] {
  return String(person["rights"] ?? DEFAULT_RIGHTS).split(" ");
}

function hasRight(person: Entity, right: string): boolean {
  return rightsOf(person).includes(right);
}

function toggled(person: Entity, right: string): Entity {
  const before = rightsOf(person);
  const after = before.includes(right) ? before.filter((name) => name !== right) : [...before, right];
  return { rights: ["view", ...RIGHTS.filter((name) => after.includes(name))].join(" ") };
}

function VersionsPart({ card, onChanged }: Props) {
  const [items, setItems] = useState<readonly Entity[]>([]);
  const [found, setFound] = useState<readonly Entity[] | null>(null);
  const [places, setPlaces] = useState<readonly Entity[]>([]);
  const [tasks, setTasks] = useState<readonly Entity[] | null>(null);
  const [choices, setChoices] = useState<readonly (readonly Entity[])[]>([]);
  const [rule, setRule] = useState({ status: "", type: "" });
  const read = async (): Promise<void> => {
    const [shown, all, ...named] = await queryAll(
      "select name, version_id, entity_id, follows, task_type, source_id, asset_version.version, asset_version.task.name" +
        ` from ReviewSessionObject where review_session_id is ${quote(card.id)} order by sort_order`,
      `select id, name, parent_id, parent.name, link from Task where project_id is ${quote(card.project_id)} order by name`,
      "select id, name from Status where is_active is true order by sort",
      "select id, name from Type order by sort",
    );
    setItems(shown ?? []);
    setTasks(all ?? []);
    setChoices(named);
  };
  useEffect(() => void attempt(read), [card.id]);
  const search = (text: string): Promise<boolean> =>
    attempt(async () => {
      const pattern = quote(`%${text}%`);
      const [versions, contexts] = await queryAll(
        "select id, version, asset.name, asset.parent.name, date from AssetVersion" +
          ` where asset.parent.project_id is ${quote(card.project_id)}${fulfils(rule)}` +
          ` and (asset.name like ${pattern} or asset.parent.name like ${pattern}) order by date descending limit 30`,
        `select id, name, object_type.name from TypedContext where project_id is ${quote(card.project_id)}` +
          ` and name like ${pattern} and object_type.name is_not "Task" order by name limit 30`,
      );
      setFound(versions ?? []);
      setPlaces(contexts ?? []);
    });
  const run = async (task: () => Promise<unknown>, done: string): Promise<void> => {
    if (await attempt(task, done)) {
      await attempt(read, done);
      onChanged();
    }
  };
  const drop = ({ id, name }: Entity): Promise<void> => run(() => call(remove("ReviewSessionObject", id)), `${name} is removed.`);
  const add = ({ id, asset }: Entity): Promise<void> =>
    run(() => call(create("ReviewSessionObject", { review_session_id: card.id, version_id: id })), `${asset?.name} is added.`);
  const newItem = (data: Entity): Operation => create("ReviewSessionObject", { review_session_id: card.id, ...data });
  const follow = ({ id, name }: Entity): Promise<void> => {
    const data = { entity_id: id, follows: rule.status || "newest", ...(rule.type ? { task_type: rule.type } : {}) };
    return run(() => call(newItem(data)), `The review follows ${name}.`);
  };
  const addDailies = (): Promise<void> =>
    run(async () => {
      const [last] = await query(
        `select created_at from ReviewSession where project_id is ${quote(card.project_id)}` +
          ` and id is_not ${quote(card.id)} order by created_at descending limit 1`,
      );
      const since = fromApiDate(last?.["created_at"])?.toISOString().slice(0, 19);
      const published = await query(
        `select id from AssetVersion where asset.parent.project_id is ${quote(card.project_id)}${fulfils(rule)}` +
          `${since ? ` and date >= ${quote(since)}` : ""} order by date`,
      );
      const added = published.filter(({ id }) => !shown.has(id)).map(({ id }) => newItem({ version_id: id }));
      if (added.length === 0) throw new Refused("Nothing else was published since the last review. Choose another status or type.");
      await call(...added);
    }, "What was published since the last review is added.");
  const shown = new Set(items.map((each) => each["version_id"]));
  const followed = new Set(items.map((each) => each["entity_id"]));
  const select = (label: string, name: "status" | "type", index: number) => (
    <Select
      label={label}
      name={name}
      value={rule[name]}
      options={[["", "Any"], ...(choices[index] ?? []).map((each) => [String(each["name"]), String(each["name"])] as const)]}
      onChange={(value) => setRule({ ...rule, [name]: value })}
    />
  );
  const offered = (found ?? []).filter((version) => !shown.has(version["id"]));
  return (
    <>
      <ol class="rows">
        {items.map((item) => (
          <li key={item["id"]}>
            <span>{item["name"]} <span class="quiet">{describeItem(item)}</span></span>
            <Action name={`Remove ${item["name"]}`} onClick={() => drop(item)}>Remove</Action>
          </li>
        ))}
      </ol>
      {items.length === 0 && <p class="empty">The review has no versions yet.</p>}
      <h3>Add versions</h3>
      <div class="filters">
        {select("Status", "status", 0)}
        {select("Task type", "type", 1)}
        <button class="text-button" onClick={() => void addDailies()}>Add what was published since the last review</button>
      </div>
      <label class="field">
        <span>Search versions, shots and sequences of {card.project}</span>
        <input type="search" placeholder="Asset or shot" onInput={(event) => void search(event.currentTarget.value)} />
      </label>
      <ul class="rows">
        {places.filter(({ id }) => !followed.has(id)).map((place) => (
          <li key={place["id"]}>
            <span>{place["name"]} <span class="quiet">{place["object_type"]?.name}</span></span>
            <Action name={`Follow ${place["name"]}`} onClick={() => follow(place)}>Follow</Action>
          </li>
        ))}
        {offered.map((version) => (
          <li key={version["id"]}>
            <span>
              {version["asset"]?.parent?.name} {version["asset"]?.name}{" "}
              <span class="quiet">{formatVersion({ version: version["version"] })}</span>
            </span>
            <Action onClick={() => add(version)}>Add</Action>
          </li>
        ))}
      </ul>
      {found !== null && offered.length + places.length === 0 && (
        <p class="empty">
          {found.length === 0 ? "No version of the project matches." : "All versions that match are in the review."}
        </p>
      )}
      <h3>Upload movies or images</h3>
      {tasks !== null && (
        <UploadForm projectId={card.project_id} tasks={tasks} reviewId={card.id} onUploaded={() => void run(read, "")} />
      )}
    </>
  );
}

/** Return the conditions of a version by the chosen status and type of task, each "" for any. */
function fulfils(rule: { status: string; type: string }): string {
  const given = [["status.name", rule.status], ["task.type.name", rule.type]] as const;
  return given.map(([path, name]) => (name === "" ? "" : ` and ${path} is ${quote(name)}`)).join("");
}

/** Return the version of an item, and the rule by which it follows a shot or a sequence. */
function describeItem(item: Entity): string {
  const version = item["version_id"] == null ? "" : formatVersion({ version: item["asset_version"]?.version ?? 0 });
  const rule = [item["follows"], item["task_type"]].filter(Boolean).join(", ");
  return [version, rule && `follows: ${rule}`].filter(Boolean).join(" · ");
}

function ExportPart({ card }: Props) {
  return <ExportList address={`${root()}review/${card.id}/studio/export/`} name={card.name} mayDownload />;
}

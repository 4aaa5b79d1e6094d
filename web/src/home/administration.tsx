/** The administration: people with roles and keys, mail, storage, backups and health of the server. */

import { useEffect, useState } from "preact/hooks";

import { Action } from "../elements";
import { formatBytes, formatDate } from "../format";
import { call, fromApiDate, queryAll, request, root, update, type Entity, type User } from "./api";
import { attempt, CopyText, Dialog, Field, Form, Select } from "./page";
import { Vocabulary } from "./vocabulary";
import { parseMapping, SETTING, toSetting, VerdictFields, type Mapping } from "./verdict_statuses";

interface Status {
  readonly keys: readonly Key[];
  readonly health: { database_bytes: number; event_clients: number; disk_free_bytes: number; disk_total_bytes: number; problems: readonly string[] };
  readonly storage: readonly { name: string; bytes: number }[];
  readonly work: readonly { kind: string; is_running: boolean; seconds: number }[];
  readonly backup_folder: string;
  readonly backups: readonly { name: string; bytes: number; age_seconds: number; check: { at: string; problem: string | null } | null }[];
  readonly mail: {
    server: string | null;
    public_url: string;
    outbox: readonly { id: string; to: string; text: string; subject: string; reason: string; age_seconds: number }[];
  };
}

interface Key {
  readonly id: string;
  readonly username: string;
  readonly created_at: number;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
  readonly label: string;
}

interface Data {
  readonly people: readonly Entity[];
  readonly roles: readonly Entity[];
  readonly projects: readonly Entity[];
  readonly status: Status;
  readonly statuses: readonly Entity[];
  /** The status for each verdict, or null without a setting. */
  readonly verdicts: Mapping | null;
}

const command = <T,>(name: string, values: Entity = {}): Promise<T> => request<T>(`home/commands/${name}`, values);

async function read(): Promise<Data> {
  const [lists, status] = await Promise.all([
    queryAll(
      "select id, username, first_name, last_name, email, is_active, user_security_roles.security_role.name," +
        " user_security_roles.is_all_open_projects from User order by username",
      "select id, name from SecurityRole order by name",
      "select id, name, full_name, is_private from Project order by name",
      "select id, name, sort from Status where is_active is true order by sort",
      'select value from Setting where group is "REVIEW" and name is "verdict_statuses"',
    ),
    request<Status>("home/status"),
  ]);
  const [people, roles, projects, statuses, settings] = lists;
  return {
    people: people ?? [],
    roles: roles ?? [],
    projects: projects ?? [],
    status,
    statuses: statuses ?? [],
    verdicts: parseMapping(settings?.[0]?.["value"]),
  };
}

/** The statuses that verdicts set, unless a project has its own. */
function VerdictSection({ data, run }: { data: Data; run: Run }) {
  const save = (fields: Record<string, string>): Promise<void> => {
    const value = toSetting(fields);
    const operation = data.verdicts === null
      ? { action: "create", entity_type: "Setting", entity_data: { ...SETTING, value } }
      : update("Setting", [SETTING.name, SETTING.group], { value });
    return run(() => call(operation), "Saved.");
  };
  return (
    <section aria-labelledby="verdicts">
      <h2 id="verdicts">Verdicts</h2>
      <p class="quiet">
        A verdict of a person of the studio sets the status of the version. A project can have its own, in its settings.
      </p>
      <Form send="Save the verdicts" onSend={save}>
        <VerdictFields
          statuses={data.statuses}
          mapping={data.verdicts}
          fallback="The first fitting status of the workflow"
        />
      </Form>
    </section>
  );
}

function ProjectsSection({ data }: { data: Data }) {
  return (
    <section aria-labelledby="projects">
      <h2 id="projects">Projects</h2>
      <ul class="rows">
        {data.projects.map((project) => (
          <li key={project["id"]}>
            <a href={`${root()}projects/${project["id"]}`}>{project["full_name"] || project["name"]}</a>
            <span>
              <span class="quiet">{project["name"]}</span>
              {project["is_private"] && <> <span class="state">private</span></>}
            </span>
          </li>
        ))}
      </ul>
      {data.projects.length === 0 && <p class="empty">There is no project yet.</p>}
      <a class="text-button" href={`${root()}projects`}>Create a project</a>
    </section>
  );
}

export function Administration(_props: { user: User }) {
  const [data, setData] = useState<Data | null>(null);
  const [edited, setEdited] = useState<string | null>(null);
  const [isCreating, setIsCreating] = useState(false);
  const refresh = (): Promise<boolean> => attempt(async () => setData(await read()));
  useEffect(() => void refresh(), []);
  if (data === null) return <><h1>Administration</h1><p class="quiet" aria-busy="true">Loading …</p></>;
  const run = async (task: () => Promise<unknown>, done: string): Promise<void> => {
    if (await attempt(task, done)) await refresh();
  };
  const person = data.people.find((each) => each["id"] === edited);
  return (
    <>
      <div class="title-row">
        <h1>Administration</h1>
        <button class="main-button" onClick={() => setIsCreating(true)}>New person</button>
      </div>
      <section aria-labelledby="people">
        <h2 id="people">People</h2>
        <ul class="rows">
          {data.people.map((each) => (
            <li key={each["id"]}>
              <span>
                {fullName(each) || each["username"]} <span class="quiet">{each["username"]}, {rolesOf(each)}</span>
                {!each["is_active"] && <> <span class="state">inactive</span></>}
              </span>
              <Action name={`Manage ${each["username"]}`} onClick={() => setEdited(each["id"])}>Manage</Action>
            </li>
          ))}
        </ul>
      </section>
      <ProjectsSection data={data} />
      <VerdictSection data={data} run={run} />
      <MailSection mail={data.status.mail} run={run} />
      <BackupSection status={data.status} run={run} />
      <HealthSection status={data.status} />
      <Vocabulary onChange={refresh} />
      {isCreating && <NewPerson data={data} run={run} onClose={() => setIsCreating(false)} />}
      {person !== undefined && <Person person={person} data={data} run={run} onClose={() => setEdited(null)} />}
    </>
  );
}

type Run = (task: () => Promise<unknown>, done: string) => Promise<void>;

function fullName(person: Entity): string {
  return [person["first_name"], person["last_name"]].filter(Boolean).join(" ");
}

function rolesOf(person: Entity): string {
  const roles = (person["user_security_roles"] as Entity[] | undefined) ?? [];
  return roles.map((each) => `${each["security_role"]?.["name"]}${each["is_all_open_projects"] ? "" : " of some projects"}`).join(", ") || "no role";
}

function RoleFields({ data }: { data: Data }) {
  return (
    <>
      <Select label="Role" name="role" value="User" options={data.roles.map((role) => [role["name"], role["name"]])} />
      <Select
        label="Projects"
        name="project"
        options={[["", "All open projects"], ...data.projects.map((each) => [each["name"], each["full_name"] || each["name"]] as const)]}
      />
    </>
  );
}

function roleArguments(fields: Record<string, string>): Entity {
  return { role: fields["role"], projects: fields["project"] ? [fields["project"]] : [] };
}

function NewPerson(props: { data: Data; run: Run; onClose: () => void }) {
  const send = async (fields: Record<string, string>): Promise<void> => {
    await props.run(async () => {
      const made = await command<{ user_id: string }>("user", { name: fields["name"], ...roleArguments(fields) });
      const values = { first_name: fields["first_name"], last_name: fields["last_name"], email: fields["email"] };
      await call(update("User", made.user_id, values));
      props.onClose();
    }, `${fields["name"]} is created. Give the person a sign-in link.`);
  };
  return (
    <Dialog title="New person" onClose={props.onClose}>
      <Form send="Create" onSend={send}>
        <Field label="User name" name="name" required autoFocus />
        <Field label="First name" name="first_name" />
        <Field label="Last name" name="last_name" />
        <Field label="E-mail" name="email" type="email" />
        <RoleFields data={props.data} />
      </Form>
    </Dialog>
  );
}

function Person(props: { person: Entity; data: Data; run: Run; onClose: () => void }) {
  const { person, run } = props;
  const [secret, setSecret] = useState<readonly [string, string] | null>(null);
  const name = String(person["username"]);
  const keys = props.data.status.keys.filter((key) => key.username === name && key.revoked_at === null);
  const makeLink = async (): Promise<void> => {
    const made = await command<{ path: string }>("sign-in", { user: name });
    const address = new URL(`${root()}${made.path.slice(1)}`, location.href).href;
    setSecret(["Sign-in link, valid once within a quarter of an hour", address]);
  };
  const makeKey = async (): Promise<void> => {
    const made = await command<{ FTRACK_API_KEY: string }>("key", { user: name });
    setSecret(["API key; it is shown only now", made.FTRACK_API_KEY]);
  };
  const revoke = (key: Key): Promise<void> =>
    run(() => command("revoke", { user: name, key: key.id }), "The key is revoked.");
  const signOut = (): Promise<void> =>
    run(() => command("sign-out", { user_id: person["id"] }), `${name} is signed out in all browsers.`);
  const toggle = (): Promise<void> => {
    const done = person["is_active"] ? `${name} cannot sign in any more.` : `${name} is active again.`;
    return run(() => call(update("User", person["id"], { is_active: !person["is_active"] })), done);
  };
  const values = (fields: Record<string, string>): Entity =>
    Object.fromEntries(["first_name", "last_name", "email"].map((field) => [field, fields[field]]));
  return (
    <Dialog title={fullName(person) || name} onClose={props.onClose} wide>
      <p class="actions">
        <Action onClick={() => run(makeLink, "The link is ready.")}>Make a sign-in link</Action>
        <Action onClick={() => run(makeKey, "The key is ready.")}>Make an API key</Action>
        <Action onClick={signOut}>Sign out everywhere</Action>
        <Action onClick={toggle}>{person["is_active"] ? "Deactivate" : "Activate"}</Action>
      </p>
      {secret !== null && <CopyText label={secret[0]} text={secret[1]} />}
      <Form send="Save" onSend={(fields) => run(() => call(update("User", person["id"], values(fields))), "Saved.")}>
        <Field label="First name" name="first_name" value={person["first_name"] ?? ""} />
        <Field label="Last name" name="last_name" value={person["last_name"] ?? ""} />
        <Field label="E-mail" name="email" type="email" value={person["email"] ?? ""} />
      </Form>
      <h3>Role: {rolesOf(person)}</h3>
      <Form
        send="Replace the role"
        onSend={(fields) => run(() => command("user", { name, ...roleArguments(fields) }), "The role is replaced.")}
      >
        <RoleFields data={props.data} />
      </Form>
      <h3>API keys</h3>
      <ul class="rows">
        {keys.map((key) => (
          <li key={key.id}>
            <span>
              {key.label || "no label"}{" "}
              <span class="quiet">
                {key.id.slice(0, 8)}, made {formatDate(new Date(key.created_at * 1000))},{" "}
                {key.last_used_at === null ? "never used" : `used ${formatDate(new Date(key.last_used_at * 1000))}`}
              </span>
            </span>
            <Action name={`Revoke the key ${key.id.slice(0, 8)}`} onClick={() => revoke(key)}>Revoke</Action>
          </li>
        ))}
      </ul>
      {keys.length === 0 && <p class="empty">There is no key.</p>}
    </Dialog>
  );
}

function MailSection(props: { mail: Status["mail"]; run: Run }) {
  const { server, outbox } = props.mail;
  const drop = (id: string, to: string): Promise<void> =>
    props.run(() => command("drop-mail", { id }), `The mail to ${to} is removed.`);
  return (
    <section aria-labelledby="mail">
      <h2 id="mail">Mail</h2>
      <p class="quiet">
        {server === null ? "No mail server is set: mails stay in the outbox." : `Mails are sent by ${server}.`}{" "}
        {props.mail.public_url === "" ? "Links begin with the address that a browser used." : `Links begin with ${props.mail.public_url}.`}
      </p>
      <ul class="rows">
        {outbox.map((mail) => (
          <li key={mail.id}>
            <span>
              {mail.subject} <span class="quiet">to {mail.to}, {age(mail.age_seconds)} ago{mail.reason && `: ${mail.reason}`}</span>
              <details>
                <summary>Text with the link</summary>
                <pre tabIndex={0}>{mail.text}</pre>
              </details>
            </span>
            <Action name={`Remove the mail to ${mail.to}`} onClick={() => drop(mail.id, mail.to)}>Remove</Action>
          </li>
        ))}
      </ul>
      {outbox.length === 0 && <p class="empty">The outbox is empty.</p>}
      {server !== null && outbox.length > 0 && (
        <Action onClick={() => props.run(() => command("send-mail"), "The outbox was sent.")}>Send the outbox</Action>
      )}
    </section>
  );
}

function BackupSection(props: { status: Status; run: Run }) {
  const check = (name: string): Promise<void> =>
    props.run(() => command("check-backup", { name }), `${name} was checked.`);
  return (
    <section aria-labelledby="backups">
      <h2 id="backups">Backups</h2>
      <p class="quiet">The server keeps its nightly backups in <code>{props.status.backup_folder}</code>.</p>
      <ul class="rows">
        {props.status.backups.map((backup) => (
          <li key={backup.name}>
            <span>
              {backup.name} <span class="quiet">{formatBytes(backup.bytes)}, {age(backup.age_seconds)} ago</span>
              <br />
              <span class={backup.check?.problem ? "problem" : "quiet"}>{describeCheck(backup.check)}</span>
            </span>
            <Action name={`Check ${backup.name}`} onClick={() => check(backup.name)}>Check</Action>
          </li>
        ))}
      </ul>
      {props.status.backups.length === 0 && (
        <p class="empty">There is no backup in this folder yet. The server makes one each night, unless it is started with --keep-backups 0.</p>
      )}
    </section>
  );
}

function describeCheck(check: Status["backups"][number]["check"]): string {
  if (check === null) return "was read and checked when it was made";
  return check.problem ?? `could be restored on ${formatDate(fromApiDate(check.at))}`;
}

function HealthSection({ status }: { status: Status }) {
  const { health } = status;
  const facts: readonly (readonly [string, string])[] = [
    ["Database", formatBytes(health.database_bytes)],
    ...status.storage.map((folder) => [`Folder ${folder.name}`, formatBytes(folder.bytes)] as const),
    ["Free on the disk", `${formatBytes(health.disk_free_bytes)} of ${formatBytes(health.disk_total_bytes)}`],
    ["Programs on the event hub", String(health.event_clients)],
  ];
  return (
    <section aria-labelledby="health">
      <h2 id="health">Storage and health</h2>
      {health.problems.length === 0 ? (
        <p class="quiet">The last checks of database, media and backups found no problem.</p>
      ) : (
        <ul class="rows">{health.problems.map((text) => <li key={text} class="problem">{text}</li>)}</ul>
      )}
      <dl class="facts">
        {facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
      <h3>Exports, images and other work that visitors caused</h3>
      <ul class="rows">
        {status.work.map((work, index) => (
          <li key={index}>{work.kind} <span class="quiet">{work.is_running ? "runs" : "waits"}, asked for {age(work.seconds)} ago</span></li>
        ))}
      </ul>
      {status.work.length === 0 && <p class="empty">Nothing waits.</p>}
    </section>
  );
}

function age(seconds: number): string {
  const steps: readonly (readonly [number, string])[] = [[86_400, "day"], [3600, "hour"], [60, "minute"]];
  const [size, unit] = steps.find(([length]) => seconds >= length) ?? [1, "second"];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** The page of one project: sequences, shots and tasks, edited in place, imported and exported as CSV. */

import { useEffect, useState } from "preact/hooks";

import { call, queryAll, quote, Refused, remove, root, update, type Operation, type User } from "./api";
import { Import } from "./import";
import { attempt, CopyText, Dialog, Form, Field, Select } from "./page";
import { ProjectSettings } from "./project_settings";
import { addRow, COLUMNS, customValues, readRows, toCsv, userName, type ProjectData, type Row } from "./shots";
import { UploadForm } from "./upload_form";

const FRAME_KEYS = ["fstart", "fend", "fps"] as const;

const projectId = (): string => decodeURIComponent(location.pathname.replace(/\/+$/, "").split("/").pop() ?? "");

async function readProject(): Promise<ProjectData> {
  const id = quote(projectId());
  const [projects, sequences, shots, tasks, versions, statuses, types, users, attributes] = await queryAll(
    `select id, name, full_name, is_private from Project where id is ${id}`,
    `select id, name from Sequence where project_id is ${id} order by name`,
    "select id, name, parent_id, custom_attributes.key, custom_attributes.value, thumbnail_url from Shot" +
      ` where project_id is ${id} order by name`,
    "select id, name, parent_id, status_id, status.name, type.name, end_date, link, assignments.resource_id" +
      ` from Task where project_id is ${id} order by name`,
    "select id, version, task_id, asset.context_id, thumbnail_url, review_session_objects.review_session_id," +
      " review_session_objects.statuses.status, date from AssetVersion" +
      ` where asset.parent.project_id is ${id} order by date`,
    "select id, name, sort from Status where is_active is true order by sort",
    "select id, name from Type order by sort",
    "select id, username, first_name, last_name from User where is_active is true order by username",
    'select id, key from CustomAttributeConfiguration where entity_type is "task"',
  );
  const project = projects?.[0];
  if (project === undefined) throw new Refused("There is no such project, or you have no access to it.");
  const keys = (attributes ?? []).filter((each) => FRAME_KEYS.includes(each["key"]));
  return {
    project,
    rows: readRows(sequences ?? [], shots ?? [], tasks ?? [], versions ?? []),
    statuses: statuses ?? [],
    types: types ?? [],
    users: users ?? [],
    tasks: tasks ?? [],
    attributes: Object.fromEntries(keys.map((each) => [each["key"], each["id"]])),
    sequences: sequences ?? [],
    shots: shots ?? [],
  };
}

export function Project(props: { user: User }) {
  const [data, setData] = useState<ProjectData | null>(null);
  const [open, setOpen] = useState<"" | "row" | "import" | "upload" | "settings">("");
  const [isMissing, setMissing] = useState(false);
  const read = (): Promise<boolean> => attempt(async () => setData(await readProject()));
  useEffect(() => void read().then((isRead) => setMissing(!isRead)), []);
  if (data === null && isMissing) return <p><a class="text-button" href={`${root()}projects`}>All projects</a></p>;
  if (data === null) return <p class="quiet" aria-busy="true">Loading …</p>;
  const name = String(data.project["full_name"] || data.project["name"]);
  document.title = `${name} · ft-dcc`;
  const isEditable = !props.user.is_reviewer;
  const close = (): void => setOpen("");
  const save = async (operations: readonly Operation[], done = "Saved."): Promise<boolean> => {
    if (operations.length > 0 && !(await attempt(() => call(...operations), done))) return false;
    return read();
  };
  return (
    <>
      <div class="title-row">
        <h1>{name}</h1>
        <a href={`${root()}?project=${projectId()}&state=all`} class="text-button">Reviews</a>
        <a class="text-button" href={csvAddress(data)} download={`${data.project["name"]}.csv`}>Export CSV</a>
        {isEditable && <button class="text-button" onClick={() => setOpen("settings")}>Settings</button>}
        {isEditable && <button class="text-button" onClick={() => setOpen("import")}>Import</button>}
        {isEditable && <button class="text-button" onClick={() => setOpen("upload")}>Upload</button>}
        {isEditable && <button class="main-button" onClick={() => setOpen("row")}>New shot or task</button>}
      </div>
      <Table data={data} isEditable={isEditable} onSave={async (operations, done) => void (await save(operations, done))} />
      {open === "row" && (
        <Dialog title="New shot or task" onClose={close}>
          <Form
            send="Create"
            onSend={async (fields) => {
              await attempt(async () => {
                if (await save(addRow(data, fields), "Created.")) close();
              });
            }}
          >
            <Field label="Sequence" name="sequence" required autoFocus />
            <Field label="Shot" name="shot" required />
            <Field label="Task" name="task" hint="Empty: the shot alone" />
            <Select label="Type of the task" name="type" options={data.types.map((type) => [type["name"], type["name"]])} />
            <Field label="Frames" name="frames" hint="For example 1001-1048" />
            <Field label="Frames per second" name="fps" />
          </Form>
        </Dialog>
      )}
      {open === "import" && (
        <Import data={data} onClose={close} onImported={read} />
      )}
      {open === "settings" && (
        <ProjectSettings
          project={data.project}
          statuses={data.statuses}
          onClose={close}
          onSaved={() => void read().then(close)}
        />
      )}
      {open === "upload" && (
        <Dialog title="Upload versions" onClose={close}>
          <UploadForm tasks={data.tasks} reviewId={null} onUploaded={() => void read()} />
        </Dialog>
      )}
      <CopyText label="Link to this page" text={location.href} />
    </>
  );
}

function csvAddress(data: ProjectData): string {
  return `data:text/csv;charset=utf-8,${encodeURIComponent(toCsv(data))}`;
}

interface TableProps {
  readonly data: ProjectData;
  readonly isEditable: boolean;
  readonly onSave: (operations: readonly Operation[], done?: string) => Promise<void>;
}

function Table({ data, isEditable, onSave }: TableProps) {
  if (data.rows.length === 0) {
    return <p class="empty">The project has no shots yet. Create one, or import them from a spreadsheet.</p>;
  }
  return (
    <div class="table-frame" role="region" aria-label="Shots and tasks" tabIndex={0}>
      <table>
        <thead>
          <tr>{["Version", ...COLUMNS.map((column) => column.title), "Verdict"].map((title) => <th key={title} scope="col">{title}</th>)}</tr>
        </thead>
        <tbody>
          {data.rows.map((row) => <TableRow key={row.key} row={row} data={data} isEditable={isEditable} onSave={onSave} />)}
        </tbody>
      </table>
    </div>
  );
}

function TableRow({ row, data, isEditable, onSave }: TableProps & { row: Row }) {
  const rename = (type: string, id: string | null) => (value: string) =>
    onSave(id === null ? [] : [update(type, id, { name: value })]);
  const setFrames = (value: string): Promise<void> => {
    const match = /^\s*(-?\d+)\s*-\s*(-?\d+)\s*$/.exec(value);
    if (match === null || Number(match[1]) > Number(match[2])) {
      return attempt(() => Promise.reject(new Refused(`'${value}' is no frame range. Write it as 1001-1048.`))).then(() => {});
    }
    return onSave(customValues(data, row.shotId, { fstart: Number(match[1]), fend: Number(match[2]) }));
  };
  const setRate = (value: string): Promise<void> =>
    Number(value) > 0
      ? onSave(customValues(data, row.shotId, { fps: Number(value) }))
      : attempt(() => Promise.reject(new Refused(`'${value}' is no frame rate. Write a number, such as 24.`))).then(() => {});
  const where = `${row.sequence} ${row.shot} ${row.task}`.trim();
  const edit = (label: string, value: string, onChange: (value: string) => Promise<void>, type = "text") =>
    isEditable ? <Cell label={`${label} of ${where}`} value={value} onChange={onChange} type={type} /> : <>{value}</>;
  return (
    <tr>
      <td class="thumbnail">
        {row.review === null ? <Thumbnail row={row} /> : <a href={`${root()}review/${row.review}`}><Thumbnail row={row} /></a>}
      </td>
      <td>{row.isFirstOfSequence ? edit("Sequence", row.sequence, rename("Sequence", row.sequenceId)) : <span class="quiet">{row.sequence}</span>}</td>
      <td>{row.isFirstOfShot ? edit("Shot", row.shot, rename("Shot", row.shotId)) : <span class="quiet">{row.shot}</span>}</td>
      <td>{row.taskId === null ? "" : edit("Task", row.task, rename("Task", row.taskId))}</td>
      <td>{row.isFirstOfShot && row.shotId !== null ? edit("Frames", row.frames, setFrames) : row.frames}</td>
      <td>{row.isFirstOfShot && row.shotId !== null ? edit("Frames per second", row.fps, setRate) : row.fps}</td>
      <td>
        {row.taskId !== null && (
          <Choice
            label={`Assignee of ${where}`}
            value={row.assigneeId ?? ""}
            options={[["", "–"], ...data.users.map((user) => [String(user["id"]), userName(user)] as const)]}
            isEditable={isEditable}
            onChange={(value) => onSave(assign(row, value))}
          />
        )}
      </td>
      <td>
        {row.taskId !== null && (
          <Choice
            label={`Status of ${where}`}
            value={row.statusId ?? ""}
            options={data.statuses.map((status) => [String(status["id"]), String(status["name"])] as const)}
            isEditable={isEditable}
            onChange={(value) => onSave([update("Task", row.taskId ?? "", { status_id: value })])}
          />
        )}
      </td>
      <td>
        {row.taskId !== null &&
          edit("Due date", row.due, (value) =>
            onSave([update("Task", row.taskId ?? "", { end_date: value === "" ? null : { __type__: "datetime", value: `${value}T00:00:00` } })]), "date")}
      </td>
      <td>{row.verdict !== "" && <span class={`state ${row.verdict === "approved" ? "decided" : "pending"}`}>{row.verdict === "approved" ? "Approved" : "Changes required"}</span>}</td>
    </tr>
  );
}

function Thumbnail({ row }: { row: Row }) {
  if (row.version === 0) return <span class="quiet">none</span>;
  const name = `v${String(row.version).padStart(3, "0")}`;
  return row.thumbnail === null ? <span>{name}</span> : <><img src={row.thumbnail} alt="" loading="lazy" /><span>{name}</span></>;
}

/** A text that is edited in place: Enter or leaving saves it, Escape takes the change back. */
function Cell(props: { label: string; value: string; onChange: (value: string) => Promise<void>; type: string }) {
  return (
    <input
      class="cell"
      {...{ type: props.type as "text" }}
      aria-label={props.label}
      placeholder="–"
      defaultValue={props.value}
      key={props.value}
      onKeyDown={(event) => {
        if (event.key === "Enter") event.currentTarget.blur();
        if (event.key === "Escape") {
          event.currentTarget.value = props.value;
          event.currentTarget.blur();
        }
      }}
      onBlur={(event) => {
        const value = event.currentTarget.value.trim();
        if (value !== props.value) void props.onChange(value);
      }}
    />
  );
}

function Choice(props: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  isEditable: boolean;
  onChange: (value: string) => Promise<void>;
}) {
  if (!props.isEditable) return <>{props.options.find(([value]) => value === props.value)?.[1] ?? ""}</>;
  return (
    <select class="cell" aria-label={props.label} onChange={(event) => void props.onChange(event.currentTarget.value)}>
      {props.options.map(([value, name]) => <option key={value} value={value} selected={value === props.value}>{name}</option>)}
    </select>
  );
}

function assign(row: Row, userId: string): Operation[] {
  const removed = row.assignmentIds.map((id) => remove("Appointment", id));
  if (userId === "") return removed;
  const data = { context_id: row.taskId, resource_id: userId, type: "assignment" };
  return [...removed, { action: "create", entity_type: "Appointment", entity_data: data }];
}

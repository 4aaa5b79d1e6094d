/** The page of one project: sequences, shots and tasks, edited in place, imported and exported as CSV. */

import { useEffect, useRef, useState } from "preact/hooks";

import { call, queryAll, quote, Refused, remove, root, update, type Operation, type User } from "./api";
import { Action } from "../elements";
import { DeleteDialog, type Deleted } from "./deletion";
import { Import } from "./import";
import { attempt, CopyText, Dialog, Form, Field, Select, shownFailure } from "./page";
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
  const [deleted, setDeleted] = useState<readonly Deleted[] | null>(null);
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
      <Table data={data} isEditable={isEditable} onSave={save} onDelete={setDeleted} />
      {deleted !== null && (
        <DeleteDialog
          choices={deleted}
          onClose={() => setDeleted(null)}
          onDeleted={() => {
            setDeleted(null);
            void read();
          }}
        />
      )}
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
          <UploadForm projectId={projectId()} tasks={data.tasks} reviewId={null} onUploaded={() => void read()} />
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
  readonly onSave: (operations: readonly Operation[], done?: string) => Promise<boolean>;
  readonly onDelete: (choices: readonly Deleted[]) => void;
}

function Table({ data, isEditable, onSave, onDelete }: TableProps) {
  if (data.rows.length === 0) {
    return <p class="empty">The project has no shots yet. Create one, or import them from a spreadsheet.</p>;
  }
  return (
    <div class="table-frame" role="region" aria-label="Shots and tasks" tabIndex={0}>
      <table>
        <thead>
          <tr>{["Version", ...COLUMNS.map((column) => column.title), "Verdict", ...(isEditable ? ["Actions"] : [])].map((title) => <th key={title} scope="col">{title}</th>)}</tr>
        </thead>
        <tbody>
          {data.rows.map((row) => <TableRow key={row.key} row={row} data={data} isEditable={isEditable} onSave={onSave} onDelete={onDelete} />)}
        </tbody>
      </table>
    </div>
  );
}

function TableRow({ row, data, isEditable, onSave, onDelete }: TableProps & { row: Row }) {
  const rename = (type: string, id: string | null) => (value: string) =>
    onSave(id === null ? [] : [update(type, id, { name: value })]);
  const setFrames = (value: string): Promise<boolean> => {
    const match = /^\s*(-?\d+)\s*-\s*(-?\d+)\s*$/.exec(value);
    if (match === null || Number(match[1]) > Number(match[2])) {
      return attempt(() => Promise.reject(new Refused(`'${value}' is no frame range. Write it as 1001-1048.`)));
    }
    return onSave(customValues(data, row.shotId, { fstart: Number(match[1]), fend: Number(match[2]) }));
  };
  const setRate = (value: string): Promise<boolean> =>
    Number(value) > 0
      ? onSave(customValues(data, row.shotId, { fps: Number(value) }))
      : attempt(() => Promise.reject(new Refused(`'${value}' is no frame rate. Write a number, such as 24.`)));
  const where = `${row.sequence} ${row.shot} ${row.task}`.trim();
  const edit = (label: string, value: string, onChange: (value: string) => Promise<boolean>, type = "text") =>
    isEditable ? <Cell label={`${label} of ${where}`} value={value} onChange={onChange} type={type} /> : <>{value}</>;
  const name = `${row.sequence}/${row.shot}`;
  const isLinked = row.isFirstOfShot && decodeURIComponent(location.hash.slice(1)) === name;
  const element = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (isLinked) element.current?.scrollIntoView({ block: "center" });
  }, []);
  return (
    <tr ref={element} aria-current={isLinked ? "true" : undefined}>
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
      {isEditable && <td><Action name={`Delete ${where}`} onClick={() => onDelete(deletable(row))}>Delete</Action></td>}
    </tr>
  );
}

/** What can be deleted at a row: its task, the newest version of the task, and its shot. */
function deletable(row: Row): Deleted[] {
  const version = `v${String(row.version).padStart(3, "0")}`;
  return [
    ...(row.taskId === null ? [] : [{ type: "Task", id: row.taskId, name: `${row.shot} ${row.task}` } as const]),
    ...(row.versionId === null ? [] : [{ type: "AssetVersion", id: row.versionId, name: `${row.shot} ${row.task} ${version}` } as const]),
    ...(row.shotId === null ? [] : [{ type: "Shot", id: row.shotId, name: row.shot } as const]),
  ];
}

function Thumbnail({ row }: { row: Row }) {
  if (row.version === 0) return <span class="quiet">none</span>;
  const name = `v${String(row.version).padStart(3, "0")}`;
  return row.thumbnail === null ? <span>{name}</span> : <><img src={row.thumbnail} alt="" loading="lazy" /><span>{name}</span></>;
}

/** A text that is edited in place: Enter or leaving saves it, Escape takes the change back. A refused text stays. */
function Cell(props: { label: string; value: string; onChange: (value: string) => Promise<boolean>; type: string }) {
  const [failure, setFailure] = useState("");
  const save = async (value: string): Promise<void> => setFailure((await props.onChange(value)) ? "" : shownFailure());
  return (
    <>
      <input
        class="cell"
        {...{ type: props.type as "text" }}
        aria-label={props.label}
        aria-invalid={failure !== ""}
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
          if (value !== props.value) void save(value);
          else setFailure("");
        }}
      />
      {failure !== "" && <small class="cell-error">{failure}</small>}
    </>
  );
}

function Choice(props: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  isEditable: boolean;
  onChange: (value: string) => Promise<boolean>;
}) {
  const [failure, setFailure] = useState("");
  if (!props.isEditable) return <>{props.options.find(([value]) => value === props.value)?.[1] ?? ""}</>;
  const save = async (field: HTMLSelectElement): Promise<void> => {
    const isSaved = await props.onChange(field.value);
    if (!isSaved) field.value = props.value;
    setFailure(isSaved ? "" : shownFailure());
  };
  return (
    <>
      <select
        class="cell"
        aria-label={props.label}
        aria-invalid={failure !== ""}
        onChange={(event) => void save(event.currentTarget)}
      >
        {props.options.map(([value, name]) => <option key={value} value={value} selected={value === props.value}>{name}</option>)}
      </select>
      {failure !== "" && <small class="cell-error">{failure}</small>}
    </>
  );
}

function assign(row: Row, userId: string): Operation[] {
  const removed = row.assignmentIds.map((id) => remove("Appointment", id));
  if (userId === "") return removed;
  const data = { context_id: row.taskId, resource_id: userId, type: "assignment" };
  return [...removed, { action: "create", entity_type: "Appointment", entity_data: data }];
}

/** The words of the studio: statuses, types, roles and workflows, and the workflows of each project schema. */

import { useEffect, useState } from "preact/hooks";

import { Action } from "../elements";
import { call, create, queryAll, remove, update, type Entity, type Operation } from "./api";
import { attempt, Check, Dialog, Field, Form, Select } from "./page";

type Lists = Readonly<Record<Name, readonly Entity[]>>;
type Name = keyof typeof QUERIES;
type Fields = Record<string, string>;

const QUERIES = {
  Status: "select id, name, color, sort, is_active, state.id from Status order by sort",
  Type: "select id, name, color, sort from Type order by sort",
  WorkflowSchema: "select id, name, statuses.id from WorkflowSchema order by name",
  SecurityRole: "select id, name from SecurityRole order by name",
  State: "select id, name from State order by name",
  ProjectSchema:
    "select id, name, task_workflow_schema_id, asset_version_workflow_schema_id, task_workflow_schema_overrides.id," +
    " task_workflow_schema_overrides.type_id, task_workflow_schema_overrides.workflow_schema_id from ProjectSchema",
} as const;
const KINDS = [
  ["Status", "Statuses", "status"],
  ["Type", "Task types", "task type"],
  ["WorkflowSchema", "Workflows", "workflow"],
  ["SecurityRole", "Roles", "role"],
] as const;
/** The server gives these roles their rights by their names; each other role has those of User. */
const FIXED_ROLES: readonly string[] = ["Administrator", "API", "Project Manager", "Reviewer", "User"];
const SCHEMA_FIELDS = [
  ["task_workflow_schema_id", "Statuses of tasks"],
  ["asset_version_workflow_schema_id", "Statuses of versions"],
] as const;

const idsIn = (entities: unknown): string[] => ((entities as Entity[] | undefined) ?? []).map((each) => each["id"]);

/** Return the operations that give a workflow the chosen statuses. */
function chooseStatuses(workflow: string, before: readonly string[], chosen: readonly string[]): Operation[] {
  const keys = { workflow_schema_id: workflow };
  return [
    ...chosen.filter((id) => !before.includes(id)).map((id) => (
      { action: "create", entity_type: "WorkflowSchemaStatus", entity_data: { ...keys, status_id: id } }
    )),
    ...before.filter((id) => !chosen.includes(id)).map((id) => (
      { action: "delete", entity_type: "WorkflowSchemaStatus", entity_key: [workflow, id] }
    )),
  ];
}

/** Return the operations that create an entry of a kind, or change one, from the fields of its form. */
function saveOperations(kind: Name, entity: Entity | null, lists: Lists, fields: Fields): Operation[] {
  const values: Entity = { name: fields["name"] };
  if (fields["color"]) values["color"] = fields["color"];
  if (kind === "Status") Object.assign(values, { state: fields["state"], is_active: fields["is_active"] === "on" });
  const last = Math.max(0, ...lists[kind].map((each) => Number(each["sort"] ?? 0)));
  if (entity === null && fields["color"]) values["sort"] = last + 1;
  const operation = entity === null ? create(kind, values) : update(kind, entity["id"], values);
  if (kind !== "WorkflowSchema") return [operation];
  const id = entity?.["id"] ?? (operation["entity_data"] as Entity)["id"];
  const chosen = idsIn(lists.Status).filter((each) => fields[each] === "on");
  return [operation, ...chooseStatuses(id, idsIn(entity?.["statuses"]), chosen)];
}

/** Return the operations that give a project schema its workflows: that of tasks, of versions, and of single types. */
function schemaOperations(schema: Entity, lists: Lists, fields: Fields): Operation[] {
  const overrides = schema["task_workflow_schema_overrides"] as Entity[];
  const changes = lists.Type.flatMap((type): Operation[] => {
    const found = overrides.find((each) => each["type_id"] === type["id"]);
    const workflow = fields[type["id"]] ?? "";
    if (found === undefined) {
      const data = { project_schema_id: schema["id"], type_id: type["id"], workflow_schema_id: workflow };
      return workflow === "" ? [] : [create("ProjectSchemaOverride", data)];
    }
    if (workflow === "") return [remove("ProjectSchemaOverride", found["id"])];
    return [update("ProjectSchemaOverride", found["id"], { workflow_schema_id: workflow })];
  });
  const values = Object.fromEntries(SCHEMA_FIELDS.map(([name]) => [name, fields[name]]));
  return [update("ProjectSchema", schema["id"], values), ...changes];
}

function EntryFields({ kind, entity, lists }: { kind: Name; entity: Entity | null; lists: Lists }) {
  const statuses = idsIn(entity?.["statuses"]);
  const states = lists.State.map((each) => [each["id"], each["name"]] as const);
  return (
    <>
      <Field label="Name" name="name" value={entity?.["name"] ?? ""} required autoFocus />
      {(kind === "Status" || kind === "Type") && (
        <Field label="Colour" name="color" type="color" value={entity?.["color"] ?? "#808080"} />
      )}
      {kind === "Status" && (
        <>
          <Select label="Counts as" name="state" value={entity?.["state"]?.["id"] ?? states[0]?.[0]} options={states} />
          <Check label="Offered for tasks and versions" name="is_active" checked={entity?.["is_active"] ?? true} />
        </>
      )}
      {kind === "WorkflowSchema" && (
        <fieldset>
          <legend>Statuses</legend>
          {lists.Status.map((each) => (
            <Check key={each["id"]} label={each["name"]} name={each["id"]} checked={statuses.includes(each["id"])} />
          ))}
        </fieldset>
      )}
      {kind === "SecurityRole" && <p class="quiet">A role with another name than those of the server has the rights of User.</p>}
    </>
  );
}

function SchemaFields({ schema, lists }: { schema: Entity; lists: Lists }) {
  const workflows = lists.WorkflowSchema.map((each) => [each["id"], each["name"]] as const);
  const overrides = schema["task_workflow_schema_overrides"] as Entity[];
  const workflowOf = (type: string): string => overrides.find((each) => each["type_id"] === type)?.["workflow_schema_id"] ?? "";
  return (
    <>
      {SCHEMA_FIELDS.map(([name, label]) => (
        <Select key={name} label={label} name={name} value={schema[name]} options={workflows} />
      ))}
      {lists.Type.map((type) => (
        <Select
          key={type["id"]}
          label={`Statuses of ${type["name"]}`}
          name={type["id"]}
          value={workflowOf(type["id"])}
          options={[["", "As other tasks"], ...workflows]}
        />
      ))}
    </>
  );
}

/** `onChange` is called after each change: other parts of the page show these words, too. */
export function Vocabulary({ onChange }: { onChange: () => unknown }) {
  const [lists, setLists] = useState<Lists | null>(null);
  const [edited, setEdited] = useState<readonly [Name, Entity | null] | null>(null);
  const refresh = async (): Promise<void> => {
    const found = await queryAll(...Object.values(QUERIES));
    setLists(Object.fromEntries(Object.keys(QUERIES).map((name, index) => [name, found[index] ?? []])) as unknown as Lists);
  };
  useEffect(() => void attempt(refresh), []);
  if (lists === null) return null;
  const run = async (operations: readonly Operation[], done: string): Promise<void> => {
    const isDone = await attempt(async () => {
      await call(...operations);
      await refresh();
    }, done);
    if (!isDone) return;
    setEdited(null);
    onChange();
  };
  const rows = (kind: Name, isFixed: (entity: Entity) => boolean) => (
    <ul class="rows">
      {lists[kind].map((each) => (
        <li key={each["id"]}>
          <span>
            {each["color"] && <span class="swatch" style={{ background: each["color"] }} />} {each["name"]}
            {each["is_active"] === false && <> <span class="state">not offered</span></>}
          </span>
          {!isFixed(each) && <Action name={`Edit ${each["name"]}`} onClick={() => setEdited([kind, each])}>Edit</Action>}
        </li>
      ))}
    </ul>
  );
  const [kind, entity] = edited ?? [null, null];
  return (
    <>
      {KINDS.map(([name, title, word]) => (
        <section key={name} aria-labelledby={name}>
          <h2 id={name}>{title}</h2>
          {rows(name, (each) => name === "SecurityRole" && FIXED_ROLES.includes(each["name"]))}
          <Action onClick={() => setEdited([name, null])}>{`New ${word}`}</Action>
        </section>
      ))}
      <section aria-labelledby="schemas">
        <h2 id="schemas">Project schemas</h2>
        <p class="quiet">A project schema gives tasks, single types of tasks, and versions their workflow.</p>
        {rows("ProjectSchema", () => false)}
      </section>
      {kind !== null && (
        <Dialog title={entity?.["name"] ?? "New entry"} onClose={() => setEdited(null)}>
          {entity !== null && kind === "ProjectSchema" ? (
            <Form send="Save" onSend={(fields) => run(schemaOperations(entity, lists, fields), "Saved.")}>
              <SchemaFields schema={entity} lists={lists} />
            </Form>
          ) : (
            <Form send="Save" onSend={(fields) => run(saveOperations(kind, entity, lists, fields), "Saved.")}>
              <EntryFields kind={kind} entity={entity} lists={lists} />
            </Form>
          )}
          {entity !== null && kind !== "ProjectSchema" && (
            <Action onClick={() => run([remove(kind, entity["id"])], `${entity["name"]} is deleted.`)}>Delete</Action>
          )}
        </Dialog>
      )}
    </>
  );
}

/** The dialog with the settings of a project: its name, who sees it, and the statuses that verdicts set. */

import { useEffect, useState } from "preact/hooks";

import { call, query, quote, update, type Entity } from "./api";
import { attempt, Check, Dialog, Field, Form } from "./page";
import { parseMapping, SETTING, toSetting, VerdictFields, type Mapping } from "./verdict_statuses";

interface ProjectSettingsProps {
  readonly project: Entity;
  readonly statuses: readonly Entity[];
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

export function ProjectSettings({ project, statuses, onClose, onSaved }: ProjectSettingsProps) {
  const id = String(project["id"]);
  // Undefined until it is read.
  const [mapping, setMapping] = useState<Mapping | null | undefined>(undefined);
  useEffect(() => {
    void attempt(async () => {
      const [setting] = await query(
        `select value from EntitySetting where parent_id is ${quote(id)}` +
          ` and group is ${quote(SETTING.group)} and name is ${quote(SETTING.name)}`,
      );
      setMapping(parseMapping(setting?.["value"]));
    });
  }, [id]);
  const save = async (fields: Record<string, string>): Promise<void> => {
    const value = toSetting(fields);
    const own = { parent_id: id, group: SETTING.group, name: SETTING.name };
    const values = { full_name: fields["full_name"], is_private: fields["is_private"] === "on" };
    const setting = mapping === null
      ? { action: "create", entity_type: "EntitySetting", entity_data: { ...own, parent_type: "Project", value } }
      : update("EntitySetting", [own.parent_id, own.group, own.name], { value });
    // Without a choice, the project follows the studio.
    const isUnset = mapping === null && value === "{}";
    if (await attempt(() => call(update("Project", id, values), ...(isUnset ? [] : [setting])), "Saved.")) onSaved();
  };
  return (
    <Dialog title="Settings of the project" onClose={onClose}>
      {mapping === undefined ? <p class="quiet" aria-busy="true">Loading …</p> : (
        <Form send="Save" onSend={save}>
          <Field label="Full name" name="full_name" value={String(project["full_name"] ?? "")} required />
          <Check
            label="Private: only people with a role in this project see it"
            name="is_private"
            checked={project["is_private"] === true}
          />
          <VerdictFields statuses={statuses} mapping={mapping} fallback="As in the studio" />
        </Form>
      )}
    </Dialog>
  );
}

/** The dialog with the settings of a project: its name, who sees it, the statuses of verdicts, settings of publishes. */

import { useEffect, useState } from "preact/hooks";

import { call, queryAll, quote, remove, request, update, type Entity, type Operation } from "./api";
import { attempt, Check, Dialog, Field, Form } from "./page";
import { parseMapping, SETTING, toSetting, VerdictFields, type Mapping } from "./verdict_statuses";

/** The key of the metadata with the settings of publishes: the name of a settings file. */
const PUBLISH_KEY = "ft_dcc.toml";

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
  const [publishes, setPublishes] = useState("");
  useEffect(() => {
    void attempt(async () => {
      const [settings, texts] = await queryAll(
        `select value from EntitySetting where parent_id is ${quote(id)}` +
          ` and group is ${quote(SETTING.group)} and name is ${quote(SETTING.name)}`,
        `select value from Metadata where parent_id is ${quote(id)} and key is ${quote(PUBLISH_KEY)}`,
      );
      setPublishes(String(texts?.[0]?.["value"] ?? ""));
      setMapping(parseMapping(settings?.[0]?.["value"]));
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
    const text = fields["publishes"] ?? "";
    const send = async (): Promise<void> => {
      await request("home/publish_settings", { project: String(project["name"]), text });
      await call(update("Project", id, values), ...(isUnset ? [] : [setting]), ...publishChanges(id, publishes, text));
    };
    if (await attempt(send, "Saved.")) onSaved();
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
          <div class="field">
            <label for="field-publishes">Settings of publishes, as in a file ft_dcc.toml</label>
            <textarea
              id="field-publishes"
              name="publishes"
              rows={8}
              spellcheck={false}
              defaultValue={publishes}
              placeholder={'status = "Pending Review"'}
            />
          </div>
        </Form>
      )}
    </Dialog>
  );
}

/** Return the operation that keeps this text for the project, none if it is unchanged. */
function publishChanges(id: string, before: string, text: string): Operation[] {
  if (text === before) return [];
  if (text.trim() === "") return [{ ...remove("Metadata", ""), entity_key: [id, PUBLISH_KEY] }];
  if (before !== "") return [update("Metadata", [id, PUBLISH_KEY], { value: text })];
  const data = { parent_id: id, parent_type: "Project", key: PUBLISH_KEY, value: text };
  return [{ action: "create", entity_type: "Metadata", entity_data: data }];
}

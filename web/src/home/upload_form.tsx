/** The form that uploads files as versions: it shows what each file becomes, and lets one choose, before it sends. */

import { useSignal } from "@preact/signals";
import { useRef, useState } from "preact/hooks";

import { formatVersion } from "../format";
import { Refused, type Entity } from "./api";
import { attempt, Field, Form, showDone } from "./page";
import { assetNameOf, checkFiles, groupFiles, uploadVersion } from "./upload";
import { assetsOf, chooseAsset, makePlans, readAssets, type KnownAsset, type Plan } from "./upload_plan";
import { withUploadStatus } from "./upload_status";

interface UploadFormProps {
  readonly projectId: string;
  readonly tasks: readonly Entity[];
  readonly reviewId: string | null;
  readonly onUploaded: () => void;
}

export function UploadForm({ projectId, reviewId, onUploaded, ...props }: UploadFormProps) {
  // Media without a task, such as references, belongs to the project as a whole.
  const tasks = [...props.tasks, { id: projectId, parent_id: projectId, name: "No task" }];
  const [round, setRound] = useState(0);
  const plans = useSignal<readonly Plan[]>([]);
  const assets = useSignal<readonly KnownAsset[]>([]);
  // One may press Upload before the assets are read.
  const preparing = useRef<Promise<boolean>>(Promise.resolve(true));
  const input = useRef<HTMLInputElement>(null);
  // Versions of this choice of files and task that exist: a second attempt sends the others.
  const done = useRef(new Set<File>());
  const restart = (): void => done.current.clear();
  const taskOf = (plan: Plan): Entity => tasks.find((each) => each["id"] === plan.taskId)!;
  const prepare = (): Promise<boolean> => {
    restart();
    plans.value = [];
    const files = [...(input.current?.files ?? [])];
    return attempt(async () => {
      checkFiles(files);
      const sources = groupFiles(files);
      const contexts = makePlans(sources, tasks, []).map((plan) => String(taskOf(plan)["parent_id"]));
      const known = contexts.length === 0 ? [] : await readAssets(contexts);
      assets.value = known;
      plans.value = makePlans(sources, tasks, known);
    });
  };
  const change = async (plan: Plan, values: Partial<Plan>): Promise<void> => {
    restart();
    let changed = { ...plan, ...values };
    if (values.taskId !== undefined) {
      const task = taskOf(changed);
      const read = await readAssets([String(task["parent_id"])]).catch(() => []);
      const known = [...new Map([...assets.value, ...read].map((asset) => [asset.id, asset])).values()];
      assets.value = known;
      changed = { ...changed, assetId: chooseAsset(plan.source, task, known, false) };
    }
    plans.value = plans.value.map((each) => (each.source === plan.source ? changed : each));
  };
  const sendAll = async (comment: string): Promise<void> => {
    await withUploadStatus(async (observe) => {
      for (const plan of plans.value.filter(({ source }) => !done.current.has(source[0]))) {
        const { source, taskId, assetId } = plan;
        const size = source.reduce((sum, file) => sum + file.size, 0);
        const target = { taskId, assetId, contextId: String(taskOf(plan)["parent_id"]), reviewId, comment };
        await uploadVersion(source, target, observe(source[0].name, size));
        done.current.add(source[0]);
      }
    });
  };
  const send = async (fields: Record<string, string>): Promise<void> => {
    const isDone = await attempt(async () => {
      await preparing.current;
      // The reason is named again.
      checkFiles([...(input.current?.files ?? [])]);
      if (plans.value.length === 0) groupFiles([...(input.current?.files ?? [])]);
      await sendAll(fields["comment"] ?? "").catch((error: unknown) => {
        const count = done.current.size;
        if (!(error instanceof Refused) || count === 0) throw error;
        throw new Refused(`${error.message} ${count} of ${plans.value.length} versions ${count === 1 ? "is" : "are"} uploaded.`);
      });
    });
    const count = done.current.size;
    if (count > 0) onUploaded();
    if (!isDone) return;
    showDone(`${count} ${count === 1 ? "version is" : "versions are"} uploaded. The server encodes them now.`);
    restart();
    plans.value = [];
    setRound(round + 1);
  };
  return (
    // Another key empties the form after an upload.
    <Form key={round} send="Upload" onSend={send}>
      <div class="field">
        <label for="field-files">Files; each becomes a version, numbered images become one</label>
        <input
          id="field-files"
          ref={input}
          type="file"
          multiple
          required
          accept="video/*,image/*,.exr,.dpx,.mxf"
          onChange={() => (preparing.current = prepare())}
        />
      </div>
      <ul class="rows upload-plans">
        {plans.value.map((plan) => (
          <PlanRow key={plan.source[0].name} plan={plan} task={taskOf(plan)} tasks={tasks} assets={assets.value} onChange={change} />
        ))}
      </ul>
      <Field label="Comment" name="comment" />
    </Form>
  );
}

function PlanRow(props: {
  readonly plan: Plan;
  readonly task: Entity;
  readonly tasks: readonly Entity[];
  readonly assets: readonly KnownAsset[];
  readonly onChange: (plan: Plan, values: Partial<Plan>) => Promise<void>;
}) {
  const { plan, task, onChange } = props;
  const name = plan.source[0].name;
  return (
    <li>
      <span>{name}{plan.source.length > 1 && ` and ${plan.source.length - 1} more images`}</span>
      <select
        aria-label={`Task of ${name}`}
        value={plan.taskId}
        onChange={(event) => void onChange(plan, { taskId: event.currentTarget.value })}
      >
        {props.tasks.map((each) => {
          const [id, title] = taskOption(each);
          return <option key={id} value={id}>{title}</option>;
        })}
      </select>
      <select
        aria-label={`Version of ${name}`}
        value={plan.assetId ?? ""}
        onChange={(event) => void onChange(plan, { assetId: event.currentTarget.value || null })}
      >
        {assetsOf(task, props.assets).map((asset) => (
          <option key={asset.id} value={asset.id}>{asset.name} {formatVersion({ version: asset.version + 1 })}</option>
        ))}
        <option value="">new: {assetNameOf(plan.source)} {formatVersion({ version: 1 })}</option>
      </select>
    </li>
  );
}

function taskOption(task: Entity): readonly [string, string] {
  const link = (task["link"] as Entity[] | undefined) ?? [];
  return [String(task["id"]), link.slice(1).map((step) => step["name"]).join(" / ") || String(task["name"])];
}

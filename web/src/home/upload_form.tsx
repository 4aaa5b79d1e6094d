/** The form that uploads files as new versions of a task. */

import { useRef, useState } from "preact/hooks";

import { Refused, type Entity } from "./api";
import { attempt, Field, Form, Select, showDone } from "./page";
import { checkFiles, groupFiles, uploadVersion, type Source } from "./upload";
import { withUploadStatus } from "./upload_status";

interface UploadFormProps {
  readonly tasks: readonly Entity[];
  readonly reviewId: string | null;
  readonly onUploaded: () => void;
}

export function UploadForm({ tasks, reviewId, onUploaded }: UploadFormProps) {
  const [round, setRound] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  // Versions of this choice of files and task that exist: a second attempt sends the others.
  const done = useRef(new Set<File>());
  if (tasks.length === 0) {
    return <p class="empty">The project has no tasks. Create one on its project page first.</p>;
  }
  const restart = (): void => done.current.clear();
  const sendAll = async (sources: readonly Source[], task: Entity, comment: string): Promise<void> => {
    const target = { taskId: String(task["id"]), contextId: String(task["parent_id"]), reviewId, comment };
    await withUploadStatus(async (observe) => {
      for (const source of sources.filter(([first]) => !done.current.has(first))) {
        const size = source.reduce((sum, file) => sum + file.size, 0);
        await uploadVersion(source, target, observe(source[0].name, size));
        done.current.add(source[0]);
      }
    });
  };
  const send = async (fields: Record<string, string>): Promise<void> => {
    const files = [...(input.current?.files ?? [])];
    const task = tasks.find((each) => each["id"] === fields["task"]);
    if (task === undefined) return;
    const isDone = await attempt(async () => {
      checkFiles(files);
      const sources = groupFiles(files);
      await sendAll(sources, task, fields["comment"] ?? "").catch((error: unknown) => {
        const count = done.current.size;
        if (!(error instanceof Refused) || count === 0) throw error;
        throw new Refused(`${error.message} ${count} of ${sources.length} versions ${count === 1 ? "is" : "are"} uploaded.`);
      });
    });
    const count = done.current.size;
    if (count > 0) onUploaded();
    if (!isDone) return;
    showDone(`${count} ${count === 1 ? "version is" : "versions are"} uploaded. The server encodes them now.`);
    restart();
    setRound(round + 1);
  };
  return (
    // Another key empties the form after an upload.
    <Form key={round} send="Upload" onSend={send}>
      <Select label="Task" name="task" value={String(tasks[0]?.["id"])} options={tasks.map(taskOption)} onChange={restart} />
      <div class="field">
        <label for="field-files">Files; each becomes a version, numbered images become one</label>
        <input
          id="field-files"
          ref={input}
          type="file"
          multiple
          required
          accept="video/*,image/*,.exr,.dpx,.mxf"
          onChange={restart}
        />
      </div>
      <Field label="Comment" name="comment" />
    </Form>
  );
}

function taskOption(task: Entity): readonly [string, string] {
  const link = (task["link"] as Entity[] | undefined) ?? [];
  return [String(task["id"]), link.slice(1).map((step) => step["name"]).join(" / ") || String(task["name"])];
}

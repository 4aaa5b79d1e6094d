/** The list of projects. */

import { useEffect, useState } from "preact/hooks";

import { call, create, query, root, type Entity, type User } from "./api";
import { attempt, Dialog, Field, Form } from "./page";

export function Projects(props: { user: User }) {
  const [projects, setProjects] = useState<readonly Entity[] | null>(null);
  const [isCreating, setIsCreating] = useState(false);
  const read = (): Promise<boolean> =>
    attempt(async () => setProjects(await query("select id, name, full_name, status from Project order by name")));
  useEffect(() => void read(), []);
  const send = async (fields: Record<string, string>): Promise<void> => {
    const operation = create("Project", { name: fields["name"], full_name: fields["full_name"] || fields["name"] });
    if (await attempt(() => call(operation), "The project is created.")) {
      setIsCreating(false);
      void read();
    }
  };
  return (
    <>
      <div class="title-row">
        <h1>Projects</h1>
        {props.user.can_create_projects && (
          <button class="main-button" onClick={() => setIsCreating(true)}>New project</button>
        )}
      </div>
      <ul class="rows">
        {(projects ?? []).map((project) => (
          <li key={project["id"]}>
            <a href={`${root()}projects/${project["id"]}`}>{project["full_name"] || project["name"]}</a>
            <span class="quiet">{project["name"]}</span>
          </li>
        ))}
      </ul>
      {projects?.length === 0 && <p class="empty">There is no project yet.</p>}
      {isCreating && (
        <Dialog title="New project" onClose={() => setIsCreating(false)}>
          <Form send="Create" onSend={send}>
            <Field label="Name" name="name" required autoFocus hint="Short, as in file names" />
            <Field label="Full name" name="full_name" />
          </Form>
        </Dialog>
      )}
    </>
  );
}

// What a program does with the official client. Each function returns plain facts, which the test compares.

import { Event, Session, error, expression, operation, projectSchema } from "@ftrack/api";

async function refusal(promise) {
  try {
    await promise;
  } catch (refused) {
    return [refused instanceof error.ServerValidationError, refused.name, refused.message];
  }
  return "nothing was refused";
}

async function until(holds) {
  for (let tries = 0; tries < 150 && !holds(); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return holds();
}

/** Start a session, and check that a wrong key is refused. */
export async function begin({ server, user, key }) {
  const session = new Session(server, user, key, { autoConnectEventHub: true });
  await session.initializing;
  const wrong = new Session(server, user, "wrong", { autoConnectEventHub: false });
  const [, name] = await refusal(wrong.initializing);
  const facts = {
    version: session.serverVersion,
    types: session.schemas.length,
    key_of_metadata: session.getPrimaryKeyAttributes("Metadata"),
    wrong_key: name,
  };
  return { session, facts };
}

/** Create, query, update and delete entities. */
export async function edit(session, name) {
  const ids = Object.fromEntries(["project", "shot", "task"].map((kind) => [kind, crypto.randomUUID()]));
  const schema = (await session.query("select id from ProjectSchema limit 1")).data[0].id;
  const batch = await session.call([
    operation.create("Task", { id: ids.task, name: "animation", parent_id: ids.shot, bid: 3600 }),
    operation.create("Project", { id: ids.project, name, full_name: name, project_schema_id: schema }),
    operation.create("Shot", { id: ids.shot, name: "sh010", parent_id: ids.project }),
  ]);
  const asked = expression`select name, parent.name, project.name, start_date from Task where id is ${ids.task}`;
  await session.update("Task", [ids.task], { start_date: new Date("2026-03-01T12:30:00Z"), description: "blocking" });
  const found = (await session.query(asked, { decodeDatesAsIso: true })).data[0];
  const page = await session.query(`select name from TypedContext where project_id is ${ids.project} limit 1`);
  const searched = await session.search({ entityType: "Task", terms: ["anim"], contextId: ids.project });
  const ensured = await session.ensure("Shot", { name: "sh010", parent_id: ids.project }, ["name", "parent_id"]);
  const statuses = await projectSchema.getStatuses(session, schema, "Task");
  const refused = await refusal(session.query("select nothing from Task"));
  const invalid = await refusal(session.create("Task", { name: "x", parent_id: "nothing" }));
  const deleted = await session.delete("Task", [ids.task]);
  return {
    batch: batch.map((answer) => [answer.action, answer.data.__entity_type__]),
    found: [found.name, found.parent.name, found.project.name === name, found.start_date],
    next: page.metadata.next.offset,
    searched: searched.data.map((task) => task.id === ids.task),
    ensured: ensured.id === ids.shot,
    statuses: statuses.map((status) => status.name).includes("In progress"),
    refused,
    invalid,
    deleted: deleted.data,
    left: (await session.query(asked)).data.length,
    project: ids.project,
  };
}

/** Publish and receive events, and receive the update event of a commit. */
export async function listen(session, project) {
  const connected = await until(() => session.eventHub.isConnected());
  const updates = [];
  const answering = session.eventHub.subscribe("topic=test.question", (event) => ({ heard: event.data.said }));
  session.eventHub.subscribe("topic=ftrack.update", (event) => updates.push(...event.data.entities));
  const reply = await session.eventHub.publishAndWaitForReply(new Event("test.question", { said: "hello" }), {
    timeout: 20,
  });
  await session.update("Project", [project], { full_name: "Renamed" }, { pushToken: "pushed" });
  const isTold = await until(() => updates.some((entity) => entity.entityId === project));
  const forgotten = session.eventHub.unsubscribe(answering);
  session.eventHub.disconnect();
  return { connected, reply: reply.data, told: isTold, action: updates[0]?.action, forgotten };
}

async function send(session, size, chunk) {
  globalThis.FTRACK_UPLOAD_CHUNK_SIZE = chunk;
  const content = new Uint8Array(size).map((_, place) => place % 251);
  const progress = [];
  const [component, location] = await session.createComponent(new File([content], "movie é.mov"), {
    onProgress: (percentage) => progress.push(percentage),
  });
  const id = component.data.id;
  const answer = await fetch(session.getComponentUrl(id));
  const back = new Uint8Array(await answer.arrayBuffer());
  return {
    name: [component.data.name, component.data.file_type, component.data.size],
    location: location.data.resource_identifier === id,
    progress: [progress.length > 0, Math.max(...progress)],
    same: back.length === size && back.every((byte, place) => byte === place % 251),
  };
}

/** Upload files in one request and in parts. */
export async function upload(session) {
  const whole = await send(session, 300_000, 8 << 20);
  return { whole, inParts: await send(session, 5_000_000, 1 << 20) };
}

/** Cancel an upload. The promise of the client never settles then. */
export async function giveUp(session) {
  globalThis.FTRACK_UPLOAD_CHUNK_SIZE = 64 << 20;
  const giving = new AbortController();
  const id = crypto.randomUUID();
  let aborted = false;
  session.createComponent(new File([new Uint8Array(30_000_000)], "big.bin"), {
    data: { id },
    signal: giving.signal,
    onProgress: () => giving.abort(),
    onAborted: () => {
      aborted = true;
    },
  });
  await until(() => aborted);
  const places = await session.query(`select id from ComponentLocation where component_id is ${id}`);
  const bytes = await fetch(session.getComponentUrl(id));
  return { aborted, places: places.data.length, status: bytes.status };
}

/** Upload an image, read its thumbnails and encode it. */
export async function encode(session, image) {
  const bytes = Uint8Array.from(atob(image), (letter) => letter.charCodeAt(0));
  const [component] = await session.createComponent(new File([bytes], "frame.png", { type: "image/png" }));
  const id = component.data.id;
  const thumbnail = await fetch(session.thumbnailUrl(id, { size: 100 }));
  const bitmap = await createImageBitmap(await thumbnail.blob());
  const placeholder = await fetch(session.thumbnailUrl(null));
  const [{ job_id: job }] = await session.call([
    { action: "encode_media", component_id: id, version_id: null, keep_original: true },
  ]);
  let status = "queued";
  for (let tries = 0; tries < 300 && !["done", "failed"].includes(status); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    status = (await session.query(`select status from Job where id is ${job}`)).data[0].status;
  }
  return {
    thumbnail: [thumbnail.status, thumbnail.headers.get("Content-Type"), bitmap.width, bitmap.height],
    placeholder: placeholder.status,
    status,
  };
}

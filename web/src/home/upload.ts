/** Upload of a movie or an image as a new version of a task. */

import { call, create, newId, query, quote, Refused, type Entity, type Operation } from "./api";

// The server's location for media, on every site.
const SERVER_LOCATION_ID = "3a372bde-05bc-11e4-8908-20c9d081909b";
const MAX_BYTES = 4 * 2 ** 30;
const IS_MEDIA = /\.(mp4|mov|mxf|avi|mkv|webm|m4v|jpe?g|png|tiff?|exr|dpx|webp)$/i;

export interface Target {
  /** The task, and the shot or other context above it. */
  readonly taskId: string;
  readonly contextId: string;
  readonly reviewId: string | null;
  readonly comment: string;
}

/** Send a file, register it as a new version of the asset that is named like the file, and start the encoding. */
export async function uploadVersion(file: File, target: Target, onProgress: (share: number) => void): Promise<void> {
  if (!IS_MEDIA.test(file.name)) throw new Refused(`${file.name} is no movie or image. Choose another file.`);
  if (file.size > MAX_BYTES) throw new Refused(`${file.name} has more than 4 GiB. Publish it with ft-dcc publish.`);
  const [component, version] = [newId(), newId()];
  const [announced] = await call({
    action: "get_upload_metadata",
    component_id: component,
    file_name: file.name,
    file_size: file.size,
  });
  await put(file, announced!, onProgress);
  const dot = file.name.lastIndexOf(".");
  const [stem, suffix] = [file.name.slice(0, dot), file.name.slice(dot).toLowerCase()];
  const operations = await assetOperations(stem, target);
  await call(
    ...operations.operations,
    create("AssetVersion", { id: version, asset_id: operations.assetId, task_id: target.taskId, comment: target.comment }),
    create("FileComponent", { id: component, name: "upload", file_type: suffix, version_id: version, size: file.size }),
    create("ComponentLocation", {
      component_id: component,
      location_id: SERVER_LOCATION_ID,
      resource_identifier: component,
    }),
    ...(target.reviewId === null
      ? []
      : [create("ReviewSessionObject", { review_session_id: target.reviewId, version_id: version, name: stem })]),
    { action: "encode_media", component_id: component, version_id: version, keep_original: true },
  );
}

async function assetOperations(name: string, target: Target): Promise<{ operations: Operation[]; assetId: string }> {
  const [known] = await query(
    `select id from Asset where context_id is ${quote(target.contextId)} and name is ${quote(name)} limit 1`,
  );
  if (known !== undefined) return { operations: [], assetId: String(known["id"]) };
  const [type] = await query('select id from AssetType where short is "upload"');
  const operation = create("Asset", { name, context_id: target.contextId, ...(type ? { type_id: type["id"] } : {}) });
  return { operations: [operation], assetId: String((operation["entity_data"] as Entity)["id"]) };
}

function put(file: File, announced: Entity, onProgress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const refuse = (): void => reject(new Refused(`The upload of ${file.name} was interrupted. Send it again.`));
    request.upload.addEventListener("progress", (event) => onProgress(event.loaded / Math.max(event.total, 1)));
    request.addEventListener("load", () => {
      if (request.status === 200) resolve();
      else reject(new Refused(reasonOf(request.responseText) ?? `The server refused ${file.name}. Send it again.`));
    });
    request.addEventListener("error", refuse);
    request.addEventListener("abort", refuse);
    request.open("PUT", String(announced["url"]));
    for (const [name, value] of Object.entries(announced["headers"] as Record<string, string>)) {
      if (name.toLowerCase() !== "content-length") request.setRequestHeader(name, value);
    }
    request.send(file);
  });
}

function reasonOf(text: string): string | null {
  try {
    return (JSON.parse(text) as { content?: string }).content ?? null;
  } catch {
    return null;
  }
}

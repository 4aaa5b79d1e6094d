/** Upload of a movie or an image as a new version of a task. */

import { call, create, newId, query, quote, Refused, type Entity, type Operation } from "./api";
import { forgetFile, repeat, sendFile, type Observer } from "./transfer";

// The server's location for media, on every site.
const SERVER_LOCATION_ID = "3a372bde-05bc-11e4-8908-20c9d081909b";
const MAX_BYTES = 4 * 2 ** 30;
const IS_MEDIA = /\.(mp4|mov|mxf|avi|mkv|webm|m4v|jpe?g|png|tiff?|exr|dpx|webp)$/i;

export interface Target {
  /** The task, and the shot or other context above it; both are the project for a version without a task. */
  readonly taskId: string;
  readonly contextId: string;
  /** The asset whose next version it becomes; null for a new one. */
  readonly assetId: string | null;
  readonly reviewId: string | null;
  readonly comment: string;
}

/** The files of a version: one movie or image, or the images of a sequence in the order of their numbers. */
export type Source = readonly [File, ...File[]];

const NUMBERED_IMAGE = /^(.*?)(\d+)(\.(?:jpe?g|png|tiff?|exr|dpx|webp))$/i;

/** Group files by version: numbered images of one name are a sequence. Throw Refused if a sequence has a gap. */
export function groupFiles(files: readonly File[]): Source[] {
  const groups = new Map<string, [File, ...File[]]>();
  for (const file of files) {
    const match = NUMBERED_IMAGE.exec(file.name);
    const key = match === null ? `file ${file.name}` : `images ${match[1]}#${match[3]?.toLowerCase()}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [file]);
    else group.push(file);
  }
  for (const group of groups.values()) {
    group.sort((one, other) => numberOf(one) - numberOf(other));
    const missing = group.findIndex((file, index) => index > 0 && numberOf(file) !== numberOf(group[index - 1]!) + 1);
    if (missing > 0) throw new Refused(`The frame before ${group[missing]!.name} is missing. Select all frames of the sequence.`);
  }
  return [...groups.values()];
}

function numberOf(file: File): number {
  return Number(NUMBERED_IMAGE.exec(file.name)?.[2] ?? 0);
}

/** Throw Refused with the reason if a file cannot become a version; nothing has been sent by then. */
export function checkFiles(files: readonly File[]): void {
  for (const file of files) {
    if (!IS_MEDIA.test(file.name)) throw new Refused(`${file.name} is no movie or image. Choose another file.`);
    if (file.size === 0) throw new Refused(`${file.name} is empty. Choose another file.`);
    if (file.size > MAX_BYTES) throw new Refused(`${file.name} has more than 4 GiB. Publish it with ft-dcc publish.`);
  }
}

/** Send the files of a version, register them as a new version of the asset of their name, and start the encoding. */
export async function uploadVersion(source: Source, target: Target, observer: Observer): Promise<void> {
  const uploaded: string[] = [];
  let sent = 0;
  for (const file of source) {
    const onProgress = (bytes: number): void => observer.onProgress(sent + bytes);
    uploaded.push(await sendFile(file, { ...observer, onProgress }));
    sent += file.size;
  }
  const version = newId();
  let isRepeated = false;
  await repeat(source[0], observer, async () => {
    // The first attempt may have arrived although its answer was lost.
    const known = isRepeated ? await query(`select id from AssetVersion where id is ${quote(version)}`) : [];
    isRepeated = true;
    if (known.length === 0) await register(version, source, uploaded, target);
  });
  for (const file of source) forgetFile(file);
}

async function register(version: string, source: Source, uploaded: readonly string[], target: Target): Promise<void> {
  const { operations, assetId } = await assetOperations(assetNameOf(source), target);
  const media = source.length === 1 ? fileOperations(source[0], uploaded[0]!, version) : await sequenceOperations(source, uploaded, version, target);
  await call(
    ...operations,
    create("AssetVersion", { id: version, asset_id: assetId, comment: target.comment, ...taskOf(target) }),
    ...media.operations,
    ...(target.reviewId === null
      ? []
      : [create("ReviewSessionObject", { review_session_id: target.reviewId, version_id: version, name: nameOf(source) })]),
    { action: "encode_media", component_id: media.component, version_id: version, keep_original: true },
  );
}

function taskOf({ taskId, contextId }: Target): { task_id?: string } {
  return taskId === contextId ? {} : { task_id: taskId };
}

/** The operations that create a component, and its id. */
interface Media {
  readonly component: string;
  readonly operations: readonly Operation[];
}

/** Return the name of a new asset: that of the file without its version. */
export function assetNameOf(source: Source): string {
  const name = nameOf(source);
  return name.replace(/[._ -]*v\d+$/i, "") || name;
}

function nameOf(source: Source): string {
  const { name } = source[0];
  const stem = name.slice(0, name.lastIndexOf("."));
  return source.length === 1 ? stem : stem.replace(/[._-]*\d+$/, "") || stem;
}

function suffixOf(file: File): string {
  return file.name.slice(file.name.lastIndexOf(".")).toLowerCase();
}

function located(component: string): Operation {
  return create("ComponentLocation", { component_id: component, location_id: SERVER_LOCATION_ID, resource_identifier: component });
}

function fileOperations(file: File, component: string, version: string): Media {
  const values = { id: component, name: "upload", file_type: suffixOf(file), version_id: version, size: file.size };
  return { component, operations: [create("FileComponent", values), located(component)] };
}

/** Create a sequence of images, which the server plays at the rate of the shot. */
async function sequenceOperations(source: Source, uploaded: readonly string[], version: string, target: Target): Promise<Media> {
  const component = newId();
  const file_type = suffixOf(source[0]);
  const digits = NUMBERED_IMAGE.exec(source[0].name)?.[2]?.length ?? 0;
  const members = source.flatMap((file, index) => {
    const id = uploaded[index]!;
    const values = { id, name: String(numberOf(file)), file_type, container_id: component, size: file.size };
    return [create("FileComponent", values), located(id)];
  });
  const [rate] = await query(
    `select value from ContextCustomAttributeValue where entity_id is ${quote(target.contextId)} and configuration.key is "fps"`,
  );
  const fps = Number(rate?.["value"]) > 0 ? String(rate?.["value"]) : "24";
  const facts = { parent_id: component, parent_type: "SequenceComponent", key: "ft_dcc", value: JSON.stringify({ fps }) };
  const size = source.reduce((sum, file) => sum + file.size, 0);
  return {
    component,
    operations: [
      create("SequenceComponent", { id: component, name: "upload", file_type, padding: digits, version_id: version, size }),
      ...members,
      { action: "create", entity_type: "Metadata", entity_data: facts },
    ],
  };
}

async function assetOperations(name: string, target: Target): Promise<{ operations: Operation[]; assetId: string }> {
  if (target.assetId !== null) return { operations: [], assetId: target.assetId };
  const [known] = await query(
    `select id from Asset where context_id is ${quote(target.contextId)} and name is ${quote(name)} limit 1`,
  );
  if (known !== undefined) return { operations: [], assetId: String(known["id"]) };
  const [type] = await query('select id from AssetType where short is "upload"');
  const operation = create("Asset", { name, context_id: target.contextId, ...(type ? { type_id: type["id"] } : {}) });
  return { operations: [operation], assetId: String((operation["entity_data"] as Entity)["id"]) };
}

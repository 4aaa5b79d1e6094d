/** Files on notes: attached to a draft by paste, drop or selection, and shown on a note. */

import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";

import { changeDraft, draftOf, type Draft } from "./drafts";
import { Icon } from "./elements";
import type { NoteFile, SentFile } from "./model";
import { mediaUrl, postFile } from "./server";
import { mayComment } from "./store";

const MAX_FILES = 10;
const IMAGE_NAME = /\.(png|jpe?g|gif|webp|avif)$/i;

interface FailedFile {
  readonly draft: string;
  readonly file: File;
  readonly text: string;
}

const waiting = signal<readonly File[]>([]);
const failed = signal<readonly FailedFile[]>([]);

export const isAttaching = { get value(): boolean { return waiting.value.length > 0; } };

/** Attach the files of a paste or drop, if there are any; other pastes are those of the text field. */
export function attachAll(id: string, files: FileList | null | undefined, event?: Event): void {
  if (files == null || files.length === 0) return;
  event?.preventDefault();
  if (!mayComment.peek()) return;
  for (const file of files) void attach(id, file);
}

async function attach(id: string, file: File): Promise<void> {
  failed.value = failed.peek().filter((each) => each.file !== file);
  if (draftOf(id).peek().files.length + waiting.peek().length >= MAX_FILES) {
    fail(id, file, `A note has at most ${MAX_FILES} files. Send this note, then attach ${file.name} to another.`);
    return;
  }
  waiting.value = [...waiting.peek(), file];
  const answer: SentFile | string = await postFile(file);
  waiting.value = waiting.peek().filter((each) => each !== file);
  if (typeof answer === "string") fail(id, file, answer);
  else changeDraft(id, { files: [...draftOf(id).peek().files, answer] });
}

function fail(draft: string, file: File, text: string): void {
  failed.value = [...failed.peek(), { draft, file, text }];
}

export function AttachButton({ id }: { readonly id: string }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        type="file"
        id="attach-files"
        multiple
        hidden
        ref={input}
        onChange={(event) => {
          attachAll(id, event.currentTarget.files);
          event.currentTarget.value = "";
        }}
      />
      <button
        type="button"
        id="attach"
        class="tool"
        aria-label="Attach files"
        title="Attach files; an image can be pasted, and files dropped here"
        onClick={() => input.current?.click()}
      >
        <Icon name="attach" />
      </button>
    </>
  );
}

/** The files of an unsent note, those that are being sent, and those that were refused. */
export function DraftFiles({ id, draft }: { readonly id: string; readonly draft: Draft }): JSX.Element | null {
  const failures = failed.value.filter((each) => each.draft === id);
  if (draft.files.length + waiting.value.length + failures.length === 0) return null;
  const remove = (file: SentFile): void => changeDraft(id, { files: draft.files.filter((each) => each !== file) });
  return (
    <ul class="draft-files" aria-label="Files of the note">
      {draft.files.map((file) => (
        <li key={file.id} class="draft-file">
          <span class="draft-file-name">{file.name}</span>
          <button type="button" class="text-button" aria-label={`Remove ${file.name}`} onClick={() => remove(file)}>
            Remove
          </button>
        </li>
      ))}
      {waiting.value.map((file) => (
        <li key={file.name} class="draft-file quiet" role="status">Sending {file.name}…</li>
      ))}
      {failures.map((each) => (
        <li key={each.text} class="note-error" role="alert">
          {each.text}{" "}
          <button type="button" class="text-button" onClick={() => void attach(id, each.file)}>Try again</button>{" "}
          <button
            type="button"
            class="text-button"
            onClick={() => (failed.value = failed.peek().filter((other) => other !== each))}
          >
            Dismiss
          </button>
        </li>
      ))}
    </ul>
  );
}

export function NoteFiles({ files }: { readonly files: readonly NoteFile[] }): JSX.Element | null {
  if (files.length === 0) return null;
  return (
    <ul class="note-files" aria-label="Files">
      {files.map((file) => (
        <li key={file.id}>
          <a href={mediaUrl(`media/${file.id}`)} target="_blank" rel="noopener" download={IMAGE_NAME.test(file.name) ? undefined : file.name}>
            {IMAGE_NAME.test(file.name) ? (
              <img src={mediaUrl(`media/${file.id}`)} alt={file.name} loading="lazy" decoding="async" />
            ) : (
              <>
                <Icon name="attach" />
                {file.name}
              </>
            )}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** The side panel: details of the selected version, verdicts, notes, and the form for new notes. */

import { signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { draftOf, drawnFrames, isEmpty } from "./drafts";
import { Icon, Time, type PageActions } from "./elements";
import { formatVersion } from "./format";
import { fromApiDate, queryAll, quote, root, type Entity } from "./home/api";
import type { AddressedNote, Details, Entry, Status, Verdict } from "./model";
import { NoteForm, SentStatus } from "./note_form";
import { NoteList } from "./note_list";
import { isSmall, openNote, panelAttributes, sheet } from "./phone";
import { postStatus } from "./server";
import { applyChange, current, details, mayDecide, mayWrite, ownStatus, review } from "./store";

const LABELS: Record<string, string> = { approved: "Approved", require_changes: "Changes required", seen: "Seen" };

/** The captions of components on disk. */
const FILES: Record<string, string> = { main: "Source", movie: "Movie", scene: "Scene" };
const statusError = signal("");
/** In a low window, the notes get the room of the details. */
const isInfoShown = signal(!window.matchMedia("(min-width: 761px) and (max-height: 790px)").matches);

export function VersionPanel({ actions }: { readonly actions: PageActions }): JSX.Element {
  const [entry, found] = [current.value, details.value];
  return (
    <>
      <div class="side-content" data-scrolls {...(isSmall.value ? {} : { tabIndex: 0, role: "region", "aria-label": "Version and notes" })}>
        <div id="version-info" class="version-info" {...panelAttributes("info")}>
          {entry !== null && <VersionInfo entry={entry} details={found} />}
          {isSmall.value && entry !== null && <Record id={entry.id} details={found} />}
        </div>
        {entry !== null && (
          <section id="feedback" class="feedback" aria-label="Notes" {...panelAttributes("notes")}>
            {!isSmall.value && mayDecide.value && <OwnVerdict id={entry.id} />}
            {!isSmall.value && <Record id={entry.id} details={found} />}
            {found?.addresses !== undefined && <AddressedNotes notes={found.addresses} actions={actions} />}
            <NoteList actions={actions} />
            <ReadOnlyHint />
          </section>
        )}
      </div>
      <SentStatus />
      {entry !== null && isSmall.value && <ActionBar id={entry.id} />}
      {entry !== null && mayWrite.value && <NoteForm id={entry.id} actions={actions} />}
      {entry !== null && review.value !== null && !mayWrite.value && <KeptDraft id={entry.id} />}
    </>
  );
}

/** What was decided about the version, and what was changed of it. */
function Record(props: { readonly id: string; readonly details: Details | null }): JSX.Element {
  const { id, details: found } = props;
  return (
    <>
      {review.value?.is_user === true && <History key={id} id={id} />}
      {found !== null && <Verdicts verdicts={found.statuses} />}
    </>
  );
}

/** The bar at the bottom of a small screen. */
function ActionBar({ id }: { readonly id: string }): JSX.Element | null {
  if (!mayDecide.value && !mayWrite.value) return null;
  const hasDraft = !isEmpty(draftOf(id).value);
  return (
    <section class="action-bar" aria-label="Verdict and note">
      {mayDecide.value && <OwnVerdict id={id} />}
      {mayWrite.value && (
        <button type="button" id="open-note" aria-expanded={sheet.value === "note"} aria-controls="note-form" onClick={openNote}>
          <Icon name="pen" />
          {hasDraft ? "Draft" : "Note"}
        </button>
      )}
    </section>
  );
}

function VersionInfo(props: { readonly entry: Entry; readonly details: Details | null }): JSX.Element {
  const { entry, details: found } = props;
  return (
    <>
      <details
        class="info-details"
        open={isSmall.value || isInfoShown.value}
        onToggle={(event) => !isSmall.peek() && (isInfoShown.value = event.currentTarget.open)}
      >
        <summary title="Show or hide the details">
          <h2 class="info-title">
            {entry.name}
            <span class="info-version">{formatVersion(entry)}</span>
          </h2>
        </summary>
        <dl class="info-list">
          {infoRows(entry, found).map(([term, value]) => (
            <div key={term}>
              <dt>{term}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </details>
      {/* A publish may write the same text into both. */}
      {[...new Set([found?.comment ?? "", found?.description ?? ""])]
        .filter((text) => text !== "")
        .map((text) => (
          <p key={text} class="info-comment">
            {text}
          </p>
        ))}
    </>
  );
}

function infoRows(entry: Entry, found: Details | null): [string, JSX.Element | string][] {
  if (found === null) return entry.task === undefined ? [] : [["Task", entry.task]];
  const { film: movie } = found;
  const rows: [string, JSX.Element | string][] = [
    ["Shot", <ShotPath path={found.path} />],
    ["Task", entry.task ?? ""],
    ["Asset", found.asset_type === "" ? found.asset : `${found.asset} · ${found.asset_type}`],
    ["By", found.author],
  ];
  if (found.date !== null) rows.push(["Published", <Time iso={found.date} full />]);
  if (movie !== null && movie.width !== null && movie.height !== null) {
    rows.push(["Size", `${movie.width} × ${movie.height}`]);
  }
  for (const file of found.files ?? []) rows.push([FILES[file.name] ?? file.name, <FilePath path={file.path} />]);
  return rows.filter(([, value]) => value !== "");
}

/** The names down to the shot; for users of the studio, a link to its project page. */
function ShotPath({ path }: { readonly path: readonly string[] }): JSX.Element {
  const project = review.value?.project_id ?? null;
  const text = path.join("\u00a0/ ");
  return project === null ? <>{text}</> : <a href={`${root()}projects/${project}#${path.slice(1).map(encodeURIComponent).join("/")}`}>{text}</a>;
}

/** A path that a click copies; without TLS there is no clipboard, and the text can be selected. */
function FilePath({ path }: { readonly path: string }): JSX.Element {
  const isCopied = useSignal(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard?.writeText(path);
    isCopied.value = navigator.clipboard !== undefined;
  };
  return (
    <button type="button" class="file-path" title={isCopied.value ? "Copied" : "Copy the path"} onClick={() => void copy()}>
      {path}
    </button>
  );
}

/** The buttons stand above the list of verdicts, which grows and would move them under the pointer. */
function OwnVerdict({ id }: { readonly id: string }): JSX.Element {
  const decide = async (status: Status): Promise<void> => {
    // A second click takes the verdict back.
    const answer = await postStatus(id, status === ownStatus.peek() ? "seen" : status, true);
    statusError.value = typeof answer === "string" ? `Your verdict was not stored: ${answer}` : "";
    if (typeof answer !== "string") applyChange(answer);
  };
  const button = (status: Status, text: string): JSX.Element => (
    <button
      type="button"
      value={status}
      aria-pressed={ownStatus.value === status}
      title={ownStatus.value === status ? "Click again to take it back" : undefined}
      onClick={() => void decide(status)}
    >
      <Icon name={status} />
      {text}
    </button>
  );
  return (
    <>
      <div id="own-status" class="own-status" role="group" aria-label="Your verdict">
        {button("approved", "Approve")}
        {button("require_changes", isSmall.value ? "Changes" : "Ask for changes")}
      </div>
      {statusError.value !== "" && <p class="note-error" role="alert">{statusError}</p>}
    </>
  );
}

function AddressedNotes(props: { readonly notes: readonly AddressedNote[]; readonly actions: PageActions }): JSX.Element {
  const { notes, actions } = props;
  return (
    <section class="addressed-notes" aria-label="Notes that this version addresses">
      <h3>Addresses</h3>
      <ul>
        {notes.map(({ id, entry, author, content, frame }) => (
          <li key={id}>
            <button type="button" class="note-label note-addressed" onClick={() => actions.select(entry)}>
              {frame === null ? "Note" : `Frame ${frame}`}
            </button>{" "}
            {author}: {content === "" ? "a drawing" : content}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The second words of the actions of events. */
const VERBS: Record<string, string> = { append: "Added", remove: "Removed", published: "Published" };

/** What was changed of the version and of its entry, as far as the user may read it. */
function History({ id }: { readonly id: string }): JSX.Element {
  const events = useSignal<readonly Entity[] | null>(null);
  const names = useSignal<ReadonlyMap<string, string>>(new Map());
  const read = async (): Promise<void> => {
    const own = `select version_id from ReviewSessionObject where id is ${quote(id)}`;
    const [found, statuses] = await queryAll(
      "select action, data, created_at, user.first_name, user.last_name, user.username from Event" +
        ` where parent_id is ${quote(id)} or parent_id in (${own}) order by id descending limit 200`,
      "select id, name from Status",
    ).catch(() => [[], []]);
    names.value = new Map(statuses?.map((each) => [each["id"], each["name"]]));
    events.value = found ?? [];
  };
  const shown = (value: unknown): string => names.value.get(String(value)) ?? String(value ?? "none");
  return (
    <details class="version-history" onToggle={(event) => event.currentTarget.open && void read()}>
      <summary>History of changes</summary>
      <ol>
        {events.value?.map((event) => {
          const { entity, changes, author } = JSON.parse(event["data"]);
          const user = event["user"];
          const name = [user?.first_name, user?.last_name].filter(Boolean).join(" ") || user?.username || author;
          return (
            <li key={event["id"]}>
              <Time iso={`${fromApiDate(event["created_at"])}`} /> {name}: {VERBS[event["action"].split(".")[1]] ?? "Changed"} {entity.type}
              {Object.entries<Entity>(changes)
                .filter(([key, { new: value }]) => key === "status_id" || (!key.endsWith("id") && typeof value !== "object"))
                .map(([key, { old, new: value }]) => (
                  <div key={key} class="quiet">
                    {key.replace(/_id$/, "")}: {old !== null && `${shown(old)} → `}{shown(value)}
                  </div>
                ))}
            </li>
          );
        })}
      </ol>
      {events.value?.length === 0 && <p class="quiet">No change was recorded.</p>}
    </details>
  );
}

function Verdicts({ verdicts }: { readonly verdicts: readonly Verdict[] }): JSX.Element | null {
  if (verdicts.length === 0) return null;
  return (
    <ul id="statuses" class="statuses" aria-label="Verdicts of the reviewers">
      {verdicts.map(({ author_id, name, status, date, history }) => (
        <li key={author_id} class="verdict" data-status={status ?? ""}>
          <Icon name={status !== null && status in LABELS ? status : "seen"} />
          <span class="verdict-name">{name}</span>
          {LABELS[status ?? ""] ?? status ?? ""}
          {date !== null && status !== "seen" && <Time iso={date} />}
          {history.length > 1 && (
            <details class="verdict-history">
              <summary>History</summary>
              <ol>
                {history.map((each, index) => (
                  <li key={index}>
                    {LABELS[each.status] ?? each.status} <Time iso={each.date} />
                  </li>
                ))}
              </ol>
            </details>
          )}
        </li>
      ))}
    </ul>
  );
}

/** An unsent note of a visitor who may not write any more, because another person closed the review. */
function KeptDraft({ id }: { readonly id: string }): JSX.Element | null {
  const draft = draftOf(id).value;
  if (isEmpty(draft)) return null;
  const frames = drawnFrames(draft);
  return (
    <section id="kept-draft" class="note-form" aria-label="Your unsent note">
      <p class="quiet">
        Your unsent note is kept in this browser, and can be sent when the review is open again.
        {frames.length > 0 && details.value?.film != null && ` It has drawings on frame ${frames.join(", ")}.`}
      </p>
      {draft.text !== "" && <p class="note-content">{draft.text}</p>}
    </section>
  );
}

function ReadOnlyHint(): JSX.Element | null {
  if (mayWrite.value || review.value === null) return null;
  return (
    <p id="read-only" class="quiet">
      {review.value.is_open ? "Only invited reviewers can write notes." : "This review is closed."}
    </p>
  );
}

/** The list of versions in the review session: one row for each asset, grouped by sequence. */

import { computed, signal } from "@preact/signals";
import { Fragment, type JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { formatVersion, Icon, type PageActions } from "./elements";
import type { Entry, Status } from "./model";
import { mediaUrl, postStatuses } from "./server";
import { applyChange, currentId, mayDecide, review, selectedIds } from "./store";

const MIN_ENTRIES_TO_SEARCH = 8;
const FILTERS = ["all", "undecided", "approved", "require_changes"] as const;
const FILTER_NAMES = { all: "All", undecided: "Undecided", approved: "Approved", require_changes: "Changes" };

const searched = signal("");
const filter = signal<(typeof FILTERS)[number]>("all");
const batchError = signal("");

/** The versions of one asset, in ascending order, and the one that its row shows. */
interface Row {
  readonly shown: Entry;
  readonly stack: readonly Entry[];
}

/** Return the verdict of a version: changes outweigh approvals. */
export function verdictOf({ verdicts }: Entry): Status | null {
  if (verdicts?.require_changes) return "require_changes";
  return verdicts?.approved ? "approved" : null;
}

/** The rows that the list shows, in its order. */
export const rows = computed<readonly Row[]>(() => {
  const entries = review.value?.entries ?? [];
  const stacks = new Map<number | string, Entry[]>();
  for (const entry of entries) {
    const key = entry.stack ?? entry.id;
    stacks.set(key, [...(stacks.get(key) ?? []), entry]);
  }
  const all = [...stacks.values()].map((found) => {
    const stack = [...found].sort((one, other) => one.version - other.version);
    const newest = stack[stack.length - 1] as Entry;
    return { shown: stack.find(({ id }) => id === currentId.value) ?? newest, stack };
  });
  const words = searched.value.toLowerCase().split(/\s+/);
  return all.filter(({ shown }) => {
    const text = `${shown.group ?? ""} ${shown.name} ${shown.task ?? ""}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return false;
    return filter.value === "all" || (verdictOf(shown) ?? "undecided") === filter.value;
  });
});

export function VersionList({ actions }: { readonly actions: PageActions }): JSX.Element {
  const list = useRef<HTMLOListElement>(null);
  const entries = review.value?.entries ?? [];
  const groups = new Set(entries.map(({ group }) => group));
  useEffect(() => scrollToCurrent(list.current), [currentId.value, entries.length > 0]);
  return (
    <>
      <h2 class="panel-title">
        Versions <span id="version-count" class="count">{entries.length}</span>
      </h2>
      {entries.length >= MIN_ENTRIES_TO_SEARCH && <ListTools />}
      <ol id="version-list" class="version-list" data-scrolls ref={list}>
        {rows.value.map((row, index) => (
          <Fragment key={row.stack[0]?.id}>
            {groups.size > 1 && row.shown.group !== rows.value[index - 1]?.shown.group && (
              <li class="version-group">{row.shown.group ?? "Other"}</li>
            )}
            <VersionRow row={row} actions={actions} />
          </Fragment>
        ))}
      </ol>
      {selectedIds.value.size > 0 && <BatchBar />}
    </>
  );
}

function ListTools(): JSX.Element {
  return (
    <div class="list-tools">
      <input
        type="search"
        placeholder="Search"
        aria-label="Search the versions"
        value={searched}
        onInput={(event) => (searched.value = event.currentTarget.value)}
      />
      <select
        aria-label="Show the versions with this verdict"
        value={filter}
        onChange={(event) => (filter.value = event.currentTarget.value as (typeof FILTERS)[number])}
      >
        {FILTERS.map((each) => (
          <option key={each} value={each}>
            {FILTER_NAMES[each]}
          </option>
        ))}
      </select>
    </div>
  );
}

function VersionRow({ row, actions }: { readonly row: Row; readonly actions: PageActions }): JSX.Element {
  const { shown, stack } = row;
  const isCurrent = shown.id === currentId.value;
  const verdict = verdictOf(shown);
  const onClick = (event: MouseEvent, id: string): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    actions.select(id);
  };
  return (
    <li class="version-row">
      <a
        class="version"
        href={`#${encodeURIComponent(shown.id)}`}
        data-id={shown.id}
        data-verdict={verdict ?? ""}
        aria-current={isCurrent ? "true" : undefined}
        onClick={(event) => onClick(event, shown.id)}
      >
        <Thumbnail entry={shown} />
        <span class="version-caption">
          <span class="version-name">{shown.name}</span>
          <span class="version-detail">
            <span class="version-number">{formatVersion(shown)}</span>
            {/* A publish names its versions after shot and task; the task is not repeated. */}
            {shown.task !== undefined && !shown.name.includes(shown.task) && ` · ${shown.task}`}
          </span>
        </span>
        {verdict !== null && (
          <span class="version-verdict">
            <Icon name={verdict} />
            <span class="visually-hidden">{FILTER_NAMES[verdict as "approved"]}</span>
          </span>
        )}
        {(shown.notes ?? 0) > 0 && (
          <span class="version-notes" title={`${shown.open ?? 0} open`}>
            {shown.notes}
            <span class="visually-hidden">{shown.notes === 1 ? " note" : " notes"}</span>
          </span>
        )}
      </a>
      {stack.length > 1 && (
        <div class="stack" role="group" aria-label={`Versions of ${shown.name}`}>
          {stack.map((each) => (
            <a
              key={each.id}
              class="stack-version"
              href={`#${encodeURIComponent(each.id)}`}
              data-verdict={verdictOf(each) ?? ""}
              aria-current={each.id === currentId.value ? "true" : undefined}
              onClick={(event) => onClick(event, each.id)}
            >
              v{each.version}
            </a>
          ))}
        </div>
      )}
      {mayDecide.value && <SelectBox entry={shown} />}
    </li>
  );
}

function SelectBox({ entry }: { readonly entry: Entry }): JSX.Element {
  const onChange = (isSelected: boolean): void => {
    const ids = new Set(selectedIds.peek());
    if (isSelected) ids.add(entry.id);
    else ids.delete(entry.id);
    selectedIds.value = ids;
  };
  return (
    <input
      type="checkbox"
      class="version-select"
      aria-label={`Select ${entry.name} ${formatVersion(entry)}`}
      checked={selectedIds.value.has(entry.id)}
      onChange={(event) => onChange(event.currentTarget.checked)}
    />
  );
}

/** Decides the selected versions together. */
function BatchBar(): JSX.Element {
  const { size } = selectedIds.value;
  const decide = async (status: Status): Promise<void> => {
    const answer = await postStatuses([...selectedIds.peek()], status);
    batchError.value = typeof answer === "string" ? `Not decided: ${answer}` : "";
    if (typeof answer === "string") return;
    answer.changes.forEach(applyChange);
    selectedIds.value = new Set();
  };
  return (
    <div class="batch" role="group" aria-label="Decide the selected versions">
      <span class="batch-count">{size} selected</span>
      {batchError.value !== "" && <p class="note-error" role="alert">{batchError}</p>}
      <button type="button" class="text-button" onClick={() => void decide("approved")}>Approve</button>
      <button type="button" class="text-button" onClick={() => void decide("require_changes")}>Ask for changes</button>
      <button type="button" class="text-button" onClick={() => (selectedIds.value = new Set())}>Cancel</button>
    </div>
  );
}

function Thumbnail({ entry }: { readonly entry: Entry }): JSX.Element {
  const isBroken = useRef(signal(false)).current;
  return (
    <span class="version-thumbnail">
      {entry.thumbnail === undefined || isBroken.value ? (
        <Icon name="movie" />
      ) : (
        <img
          src={mediaUrl(`media/${entry.thumbnail}`)}
          alt=""
          loading="lazy"
          decoding="async"
          onError={() => (isBroken.value = true)}
        />
      )}
    </span>
  );
}

/** Scroll the list, and only the list, until all of the current row is visible. */
function scrollToCurrent(list: HTMLOListElement | null): void {
  const link = list?.querySelector('.version[aria-current="true"]');
  if (!list || !link) return;
  const [inner, outer] = [link.getBoundingClientRect(), list.getBoundingClientRect()];
  list.scrollTop += Math.min(0, inner.top - outer.top) + Math.max(0, inner.bottom - outer.bottom);
  list.scrollLeft += Math.min(0, inner.left - outer.left) + Math.max(0, inner.right - outer.right);
}

/** The list of versions in the review session: one row for each asset, grouped by sequence. */

import { computed, signal } from "@preact/signals";
import { Fragment, type JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Action, Icon, Options, type PageActions } from "./elements";
import { formatVersion } from "./format";
import type { Entry, Status } from "./model";
import { formatAddress } from "./playback/address";
import { filterRows, FILTERS, groupRows, movedIds, ORDERS, sortRows, verdictOf, type Filter, type Order, type Row } from "./playback/playlist";
import { mediaUrl, postOrder, postStatuses } from "./server";
import { SessionEditor } from "./session_editor";
import { applyChange, currentId, mayDecide, mayEdit, review, selectedIds, setOrder } from "./store";

const MIN_ENTRIES_TO_SEARCH = 8;
const FILTER_NAMES = { all: "All", undecided: "Undecided", approved: "Approved", require_changes: "Changes" };
const ORDER_NAMES = { list: "List order", name: "By name", newest: "Newest first", status: "By status" };

const searched = signal("");
const filter = signal<Filter>("all");
const order = signal<Order>("list");
const listError = signal("");
const batchError = signal("");
/** The row that is dragged, and the row at whose place it would be dropped. */
const dragged = signal<{ readonly from: number; readonly to: number } | null>(null);

/** All rows, whether they are shown or not. */
const allRows = computed<readonly Row[]>(() => groupRows(review.value?.entries ?? [], currentId.value));

/** The rows that the list shows, in its order. */
export const rows = computed<readonly Row[]>(() =>
  sortRows(filterRows(allRows.value, searched.value, filter.value), order.value),
);
/** Rows can be moved while the list shows all of them in its own order. */
const mayMove = computed(
  () => mayEdit.value && order.value === "list" && rows.value.length === allRows.value.length,
);

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
            {groups.size > 1 && order.value === "list" && row.shown.group !== rows.value[index - 1]?.shown.group && (
              <li class="version-group">{row.shown.group ?? "Other"}</li>
            )}
            <VersionRow row={row} index={index} actions={actions} />
          </Fragment>
        ))}
      </ol>
      {listError.value !== "" && <p class="note-error" role="alert">{listError}</p>}
      {mayEdit.value && <SessionEditor refresh={actions.refresh} />}
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
        onChange={(event) => (filter.value = event.currentTarget.value as Filter)}
      >
        <Options of={FILTERS.map((each) => [each, FILTER_NAMES[each]])} />
      </select>
      <select
        aria-label="Order of the versions"
        value={order}
        onChange={(event) => (order.value = event.currentTarget.value as Order)}
      >
        <Options of={ORDERS.map((each) => [each, ORDER_NAMES[each]])} />
      </select>
    </div>
  );
}

interface RowProps {
  readonly row: Row;
  readonly index: number;
  readonly actions: PageActions;
}

function VersionRow({ row, index, actions }: RowProps): JSX.Element {
  const { shown, stack } = row;
  const isCurrent = shown.id === currentId.value;
  const verdict = verdictOf(shown);
  const onClick = (event: MouseEvent, id: string): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    actions.select(id);
  };
  return (
    <li class="version-row" data-index={index} data-drop={dragged.value?.to === index ? "true" : undefined}>
      <a
        class="version"
        href={hrefOf(shown)}
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
          {shown.status !== undefined && <span class="version-status">{shown.status}</span>}
        </span>
        {verdict !== null && (
          <span class="version-verdict">
            <Icon name={verdict} />
            <span class="visually-hidden">{FILTER_NAMES[verdict as Exclude<Status, "seen">]}</span>
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
              href={hrefOf(each)}
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
      {mayMove.value && <MoveHandle entry={shown} index={index} />}
    </li>
  );
}

function hrefOf({ id }: Entry): string {
  return formatAddress({ version: id, with: null, mode: null, frame: null });
}

/** Moves a row: dragged with mouse, pen or finger, or with the arrow keys while it has the focus. */
function MoveHandle({ entry, index }: { readonly entry: Entry; readonly index: number }): JSX.Element {
  const onMove = (event: PointerEvent): void => {
    if (dragged.peek() === null) return;
    const row = document.elementFromPoint(event.clientX, event.clientY)?.closest<HTMLElement>(".version-row");
    if (row?.dataset["index"] !== undefined) dragged.value = { from: index, to: Number(row.dataset["index"]) };
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    void moveRow(index, index + step);
  };
  return (
    <button
      type="button"
      class="version-move"
      aria-label={`Move ${entry.name}: arrow keys up and down`}
      title="Drag to change the order"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        dragged.value = { from: index, to: index };
      }}
      onPointerMove={onMove}
      onPointerUp={() => {
        const found = dragged.peek();
        dragged.value = null;
        if (found !== null) void moveRow(found.from, found.to);
      }}
      onPointerCancel={() => (dragged.value = null)}
      onKeyDown={onKey}
    >
      <Icon name="grip" />
    </button>
  );
}

/** Move a row, at once on the page and then on the server. */
async function moveRow(from: number, to: number): Promise<void> {
  const all = rows.peek();
  if (from === to || to < 0 || to >= all.length) return;
  const before = (review.peek()?.entries ?? []).map(({ id }) => id);
  const ids = movedIds(all, from, to);
  setOrder(ids);
  const answer = await postOrder(ids);
  listError.value = typeof answer === "string" ? `The order was not changed: ${answer}` : "";
  if (typeof answer === "string") setOrder(before);
}

function SelectBox({ entry }: { readonly entry: Entry }): JSX.Element {
  const onChange = (isSelected: boolean): void => {
    const ids = new Set(selectedIds.peek());
    if (isSelected) ids.add(entry.id);
    else ids.delete(entry.id);
    selectedIds.value = ids;
  };
  return (
    <label class="version-select-area">
      <input
        type="checkbox"
        class="version-select"
        aria-label={`Select ${entry.name} ${formatVersion(entry)}`}
        checked={selectedIds.value.has(entry.id)}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </label>
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
      <Action onClick={() => decide("approved")}>Approve</Action>
      <Action onClick={() => decide("require_changes")}>Ask for changes</Action>
      <Action onClick={() => (selectedIds.value = new Set())}>Cancel</Action>
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

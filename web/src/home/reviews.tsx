/** The home: review sessions as cards, with filters and search. */

import { useEffect, useState } from "preact/hooks";

import { Action } from "../elements";
import { formatDate } from "../format";
import { create, fromApiDate, query, request, root, toApiDates, call, type Entity, type User } from "./api";
import { attempt, Dialog, Field, Form, Select } from "./page";
import { ReviewSettings } from "./review_settings";

export interface Card {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly project_id: string;
  readonly project: string;
  readonly created_by: string | null;
  readonly created_at: string | null;
  readonly start_date: string | null;
  readonly end_date: string | null;
  readonly is_open: boolean;
  readonly is_shared: boolean;
  readonly has_passphrase: boolean;
  readonly is_moderated: boolean;
  readonly is_watermarked: boolean;
  /** How many assets have versions in the review, and how many newest ones have no verdict. */
  readonly assets: number;
  readonly undecided: number;
  readonly thumbnails: readonly string[];
}

export interface Answer {
  readonly reviews: readonly Card[];
  readonly has_more: boolean;
}

const FILTERS = ["state", "mine", "project", "search"] as const;
type Filters = Record<(typeof FILTERS)[number], string>;
const SEARCH_DELAY_MS = 250;

/** Return the filters in the address of the page, which can be sent to others. */
function readFilters(): Filters {
  const parameters = new URLSearchParams(location.search);
  const found = Object.fromEntries(FILTERS.map((name) => [name, parameters.get(name) ?? ""])) as Filters;
  return { ...found, state: found.state || "open" };
}

function toSearch(filters: Filters): string {
  const set = FILTERS.filter((name) => filters[name] !== "" && !(name === "state" && filters[name] === "open"));
  const parameters = new URLSearchParams(set.map((name) => [name, filters[name]]));
  return parameters.size === 0 ? "" : `?${parameters}`;
}

export function Reviews(props: { user: User }) {
  const [filters, setFilters] = useState(readFilters);
  const [cards, setCards] = useState<readonly Card[] | null>(null);
  const [hasMore, setHasMore] = useState(false);
  const [page, setPage] = useState(0);
  const [projects, setProjects] = useState<readonly Entity[]>([]);
  const [isCreating, setIsCreating] = useState(false);
  const [edited, setEdited] = useState<string | null>(null);

  const read = (number: number): Promise<boolean> =>
    attempt(async () => {
      const parameters = new URLSearchParams({ ...filters, page: String(number) });
      const answer = await request<Answer>(`home/reviews?${parameters}`);
      setCards((before) => (number === 0 ? answer.reviews : [...(before ?? []), ...answer.reviews]));
      setHasMore(answer.has_more);
      setPage(number);
    });
  useEffect(() => {
    history.replaceState(null, "", `${location.pathname}${toSearch(filters)}`);
    const timer = setTimeout(() => void read(0), filters.search === "" ? 0 : SEARCH_DELAY_MS);
    return () => clearTimeout(timer);
  }, [filters]);
  useEffect(() => {
    void attempt(async () => setProjects(await query("select id, name, full_name from Project order by name")));
  }, []);

  const change = (name: keyof Filters, value: string): void => setFilters({ ...filters, [name]: value });
  return (
    <>
      <div class="title-row">
        <h1>Reviews</h1>
        {!props.user.is_reviewer && (
          <button class="main-button" onClick={() => setIsCreating(true)}>New review</button>
        )}
      </div>
      <div class="filters" role="search" aria-label="Reviews">
        <label class="field grow">
          <span>Search</span>
          <input
            type="search"
            value={filters.search}
            onInput={(event) => change("search", event.currentTarget.value)}
            placeholder="Name or project"
          />
        </label>
        <Select
          label="State"
          name="state"
          value={filters.state}
          options={[["open", "Open"], ["closed", "Closed"], ["all", "All"]]}
          onChange={(value) => change("state", value)}
        />
        <Select
          label="Project"
          name="project"
          value={filters.project}
          options={[["", "All projects"], ...projects.map(projectOption)]}
          onChange={(value) => change("project", value)}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={filters.mine !== ""}
            onChange={(event) => change("mine", event.currentTarget.checked ? "1" : "")}
          />
          <span>Mine</span>
        </label>
      </div>
      <Cards
        cards={cards}
        user={props.user}
        isFiltered={toSearch(filters) !== ""}
        hasProject={projects.length > 0}
        onEdit={setEdited}
      />
      {hasMore && <button class="text-button more" onClick={() => void read(page + 1)}>Show more</button>}
      {isCreating && (
        <NewReview
          projects={projects}
          onClose={() => setIsCreating(false)}
          onCreated={(id) => {
            setIsCreating(false);
            setEdited(id);
            void read(0);
          }}
        />
      )}
      {edited !== null && (
        <ReviewSettings key={edited} id={edited} onClose={() => setEdited(null)} onChanged={() => void read(0)} />
      )}
    </>
  );
}

function projectOption(project: Entity): readonly [string, string] {
  return [String(project["id"]), String(project["full_name"] || project["name"])];
}

/** What a studio without a review does first. */
function FirstSteps(props: { hasProject: boolean; user: User }) {
  if (props.user.is_reviewer) return <p class="empty">No review is open. A review that you are invited to appears here.</p>;
  const projects = <a href={`${root()}projects`}>project</a>;
  return (
    <ol class="empty steps">
      {!props.hasProject && <li>Create a {projects} with its shots and tasks, or import them from a spreadsheet.</li>}
      {props.hasProject && <li>Open a {projects}, and upload movies to its tasks, or publish from Maya, Nuke or Blender.</li>}
      <li>Create a review with <em>New review</em>, and add the versions that are to be seen.</li>
      <li>Invite people, or copy the public link.</li>
    </ol>
  );
}

interface CardsProps {
  readonly cards: readonly Card[] | null;
  readonly user: User;
  readonly isFiltered: boolean;
  readonly hasProject: boolean;
  readonly onEdit: (id: string) => void;
}

function Cards(props: CardsProps) {
  if (props.cards === null) return <p class="quiet" aria-busy="true">Loading …</p>;
  if (props.cards.length === 0) {
    if (props.isFiltered) return <p class="empty">No review matches. Change the filters, or create a review.</p>;
    return <FirstSteps hasProject={props.hasProject} user={props.user} />;
  }
  return (
    <ul class="cards">
      {props.cards.map((card) => (
        <li key={card.id} class="card">
          <a class="card-link" href={`${root()}review/${card.id}`}>
            <span class="card-images" data-count={card.thumbnails.length}>
              {card.thumbnails.map((address) => <img key={address} src={address} alt="" loading="lazy" />)}
            </span>
            <strong>{card.name}</strong>
            <span class="quiet">{card.project}</span>
          </a>
          <p class="card-facts">
            <span class={`state ${countState(card)}`}>{describeCount(card)}</span>
            {!card.is_open && <span class="state closed">Closed</span>}
            {card.has_passphrase && <span class="state">Passphrase</span>}
          </p>
          <p class="card-dates quiet">{describeDates(card)}</p>
          {!props.user.is_reviewer && (
            <Action name={`Manage ${card.name}`} onClick={() => props.onEdit(card.id)}>Manage</Action>
          )}
        </li>
      ))}
    </ul>
  );
}

function countState(card: Card): string {
  if (card.assets === 0) return "none";
  return card.undecided > 0 ? "pending" : "decided";
}

function describeCount(card: Card): string {
  if (card.assets === 0) return "No versions";
  return card.undecided === 0 ? `${card.assets} decided` : `${card.undecided} of ${card.assets} undecided`;
}

function describeDates(card: Card): string {
  const [start, end] = [fromApiDate(card.start_date), fromApiDate(card.end_date)];
  const begins = start !== null && start.getTime() > Date.now() ? "opens" : "since";
  const wasOpened = card.is_open || start === null || end === null || start < end;
  const parts = [
    start && wasOpened && `${begins} ${formatDate(start)}`,
    end && `${card.is_open ? "until" : "ended"} ${formatDate(end)}`,
  ];
  return parts.filter(Boolean).join(", ");
}

function NewReview(props: { projects: readonly Entity[]; onClose: () => void; onCreated: (id: string) => void }) {
  const send = async (fields: Record<string, string>): Promise<void> => {
    await attempt(async () => {
      const { start, end } = toApiDates(fields);
      const operation = create("ReviewSession", {
        name: fields["name"],
        description: fields["description"],
        project_id: fields["project"],
        ...(start === null ? {} : { start_date: start }),
        ...(end === null ? {} : { end_date: end }),
      });
      await call(operation);
      props.onCreated((operation["entity_data"] as Entity)["id"]);
    });
  };
  return (
    <Dialog title="New review" onClose={props.onClose}>
      {props.projects.length === 0 ? (
        <p>There is no project yet. <a href={`${root()}projects`}>Create a project</a> first.</p>
      ) : (
        <Form send="Create" onSend={send}>
          <Field label="Name" name="name" required autoFocus />
          <Field label="Description" name="description" />
          <Select label="Project" name="project" value={String(props.projects[0]?.["id"])} options={props.projects.map(projectOption)} />
          <Field label="Opens" name="start" type="datetime-local" hint="Empty: now" />
          <Field label="Closes" name="end" type="datetime-local" hint="Empty: stays open" />
        </Form>
      )}
    </Dialog>
  );
}

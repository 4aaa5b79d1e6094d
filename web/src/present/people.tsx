/** The people with an open page, and who presents to whom. */

import type { JSX } from "preact";

import { Action, Dropdown, Icon } from "../elements";
import type { Person } from "../model";
import { isFollowing, isPresenting, ownPage, people, peopleCount, presenter, review } from "../store";
import type { Presentation } from "./presentation";

interface Props {
  readonly presentation: Presentation;
}

export function PeoplePanel({ presentation }: Props): JSX.Element | null {
  const own = people.value.find(({ id }) => id === ownPage.value);
  if (own === undefined) return null;
  return (
    <>
      <PresentButtons presentation={presentation} own={own} />
      <People presentation={presentation} own={own} />
    </>
  );
}

function PresentButtons({ presentation, own }: Props & { readonly own: Person }): JSX.Element | null {
  const name = people.value.find(({ id }) => id === presenter.value)?.name ?? "Another person";
  if (isPresenting.value) {
    return (
      <>
        <span class="presenter" role="status">You present</span>
        <Action id="present" onClick={() => presentation.release()}>Stop</Action>
      </>
    );
  }
  if (presenter.value !== null) {
    return (
      <>
        <span class="presenter" role="status">
          <span class="presenter-name">{name}</span> presents
        </span>
        <button
          type="button"
          id="follow"
          class="text-button"
          aria-pressed={isFollowing.value}
          title="Show what the presenter shows, until you move on the page"
          onClick={() => (isFollowing.value ? presentation.leave() : presentation.follow())}
        >
          {isFollowing.value ? "Following" : "Follow"}
        </button>
      </>
    );
  }
  if (!own.may_present) return null;
  return (
    <button
      type="button"
      id="present"
      class="text-button"
      title="Show your version, frame and drawing to the people who follow"
      onClick={() => presentation.claim()}
    >
      Present
    </button>
  );
}

function People({ presentation, own }: Props & { readonly own: Person }): JSX.Element {
  return (
    <Dropdown
      id="show-people"
      class="people-list"
      label={`People: ${peopleCount.value}`}
      title="People who have this page open"
      button={
        <>
          <Icon name="people" />
          {peopleCount.value}
        </>
      }
    >
      <ul aria-label="People who have this page open">
        {people.value.map((person) => (
          <PersonRow key={person.id} person={person} own={own} presentation={presentation} />
        ))}
      </ul>
    </Dropdown>
  );
}

function PersonRow(props: Props & { readonly person: Person; readonly own: Person }): JSX.Element {
  const { person, own, presentation } = props;
  const isOwn = person.id === own.id;
  const state = person.id === presenter.value ? "presents" : person.is_following && presenter.value !== null ? "follows" : "";
  const mayHandOver = isPresenting.value && !isOwn && person.may_present;
  const mayTakeOver = isOwn && own.may_present && review.value?.is_user === true && presenter.value !== null && !isPresenting.value;
  return (
    <li class="person" data-state={state}>
      <span class="person-name">
        {person.name}
        {isOwn && " (you)"}
      </span>
      {state !== "" && <span class="quiet">{state}</span>}
      {mayHandOver && <Action onClick={() => presentation.handOver(person.id)}>Hand over</Action>}
      {mayTakeOver && <Action onClick={() => presentation.claim()}>Take over</Action>}
    </li>
  );
}

/** Entry point of the pages for signed-in users: each page is one view. */

import { render } from "preact";

import { Administration } from "./administration";
import { Refused, request, type User } from "./api";
import { listenToKeys } from "./keys";
import { Page } from "./page";
import { Project } from "./project";
import { Projects } from "./projects";
import { Reviews } from "./reviews";

const VIEWS: Record<string, readonly [string, (props: { user: User }) => preact.JSX.Element]> = {
  reviews: ["Reviews", Reviews],
  projects: ["Projects", Projects],
  project: ["Project", Project],
  administration: ["Administration", Administration],
};

async function start(home: HTMLElement): Promise<void> {
  const name = home.dataset["view"] ?? "reviews";
  const [title, View] = VIEWS[name] ?? VIEWS["reviews"]!;
  try {
    const user = await request<User>("home/me");
    listenToKeys();
    render(
      <Page view={name} title={title} user={user}>
        <View user={user} />
      </Page>,
      home,
    );
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    render(<main class="message-page"><h1>{title}</h1><p>{error.message}</p></main>, home);
  }
}

const home = document.querySelector<HTMLElement>("#home");
if (home !== null) void start(home);

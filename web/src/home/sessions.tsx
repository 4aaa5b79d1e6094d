/** The browsers in which the user is signed in, and the end of one session or of all. */

import { signal } from "@preact/signals";

import { Action } from "../elements";
import { formatTime } from "../format";
import { request, root } from "./api";
import { attempt, Dialog } from "./page";

interface Session {
  readonly id: string;
  /** What the browser says of itself. */
  readonly browser: string;
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly is_current: boolean;
}

const sessions = signal<readonly Session[] | null>(null);

export function SessionsButton() {
  return (
    <button type="button" class="text-button" aria-haspopup="dialog" onClick={() => void load()}>
      Browsers
    </button>
  );
}

export function SessionsDialog() {
  if (sessions.value === null) return null;
  return (
    <Dialog title="Signed-in browsers" onClose={() => (sessions.value = null)}>
      <ul class="rows">
        {sessions.value.map((session) => (
          <li key={session.id}>
            <span>
              {nameOf(session.browser)}{session.is_current && " (this one)"}{" "}
              <span class="quiet">since {formatTime(new Date(session.created_at * 1000).toISOString(), true)}</span>
            </span>
            <Action name={`Sign out ${nameOf(session.browser)}`} onClick={() => end(session)}>Sign out</Action>
          </li>
        ))}
      </ul>
      <p class="actions"><Action onClick={() => end(null)}>Sign out everywhere</Action></p>
    </Dialog>
  );
}

function load(): Promise<unknown> {
  return attempt(async () => {
    sessions.value = await request<readonly Session[]>("home/sessions");
  });
}

async function end(session: Session | null): Promise<void> {
  const done = session === null ? "" : `${nameOf(session.browser)} is signed out.`;
  if (!(await attempt(() => request("home/sessions", { id: session?.id ?? null }), done))) return;
  if (session === null || session.is_current) location.assign(`${root()}user/sign_in`);
  else await load();
}

/** Return the browser and system in a user agent, such as "Firefox, Linux". */
function nameOf(agent: string): string {
  const browser = ["Edg", "Firefox", "Chrome", "Safari"].find((name) => agent.includes(`${name}/`)) ?? "A browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"].find((name) => agent.includes(name));
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(", ");
}

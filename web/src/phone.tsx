/** The layout of a small screen: tabs under the image, a bar with the verdict, and sheets in their place. */

import { effect, signal } from "@preact/signals";
import type { JSX } from "preact";

import { find } from "./dom";
import { details, isDrawing, review } from "./store";

/** Small screens, and of these the upright ones; phone.css has the same conditions. */
const SMALL = "(max-width: 760px), (max-height: 560px)";
const UPRIGHT = "(max-width: 560px), (min-height: 561px)";
/** Bars of a browser that come and go are lower than an on-screen keyboard. */
const MIN_KEYBOARD_HEIGHT = 120;

const PANELS = { notes: "Notes", versions: "Versions", info: "Info" } as const;
export type Panel = keyof typeof PANELS;

export const isSmall = signal(false);
export const panel = signal<Panel>("notes");
/** The panel is hidden, so that the image gets its room. */
export const isPanelFolded = signal(false);
/** The form for a note, or the menu of view and playback, in place of the panels. */
export const sheet = signal<"note" | "menu" | null>(null);

/** Show a panel, and none of the sheets. */
export function showPanel(next: Panel): void {
  [sheet.value, panel.value, isPanelFolded.value] = [null, next, false];
}

/** Open the form for a note, with the cursor in its text. */
export function openNote(): void {
  sheet.value = "note";
  document.getElementById("note-text")?.focus();
}

/** Close the open sheet. The focus returns to the button that has opened it. */
export function closeSheet(): void {
  const opener = sheet.peek() === "menu" ? "more" : "open-note";
  sheet.value = null;
  if (isSmall.peek()) document.getElementById(opener)?.focus();
}

export function Tabs(): JSX.Element | null {
  if (!isSmall.value) return null;
  const names = Object.keys(PANELS) as Panel[];
  const counts = { notes: details.value?.notes.length, versions: review.value?.entries.length, info: undefined };
  const choose = (name: Panel): void => {
    const isShown = panel.peek() === name && !isPanelFolded.peek();
    if (isShown && window.matchMedia(UPRIGHT).matches) isPanelFolded.value = true;
    else showPanel(name);
  };
  const onKey = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = step === undefined ? undefined : names.at((names.indexOf(panel.peek()) + step) % names.length);
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    showPanel(next);
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div class="tab-list" role="tablist" aria-label="Panels" onKeyDown={onKey}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          id={`tab-${name}`}
          role="tab"
          tabIndex={panel.value === name ? 0 : -1}
          aria-selected={panel.value === name}
          aria-expanded={panel.value === name && !isPanelFolded.value}
          aria-controls={PANEL_IDS[name]}
          onClick={() => choose(name)}
        >
          {PANELS[name]}
          {counts[name] !== undefined && <span class="tab-count">{counts[name]}</span>}
        </button>
      ))}
    </div>
  );
}

const PANEL_IDS: Record<Panel, string> = { notes: "feedback", versions: "versions", info: "version-info" };

/** Return the attributes of a panel that a tab shows. */
export function panelAttributes(name: Panel): { role?: "tabpanel"; tabIndex?: 0; "aria-labelledby"?: string } {
  return isSmall.value ? { role: "tabpanel", tabIndex: 0, "aria-labelledby": `tab-${name}` } : {};
}

/** Connect the layout to the page: its state, the menu, and the room that an on-screen keyboard leaves. */
export function setUpPhone(): void {
  const page = find("page", HTMLElement);
  const small = window.matchMedia(SMALL);
  isSmall.value = small.matches;
  small.addEventListener("change", () => (isSmall.value = small.matches));
  setUpMenu();
  followKeyboard(page);
  effect(() => {
    page.dataset["sheet"] = sheet.value ?? "";
    page.dataset["panel"] = isPanelFolded.value ? "folded" : panel.value;
    const versions = find("versions", HTMLElement);
    for (const [name, value] of Object.entries(panelAttributes("versions"))) versions.setAttribute(name.toLowerCase(), String(value));
    if (isSmall.value) return;
    for (const name of ["role", "tabindex", "aria-labelledby"]) versions.removeAttribute(name);
  });
  // The tools are part of the sheet: drawing opens it, and ends with it.
  effect(() => {
    if (isSmall.value && isDrawing.value) sheet.value = "note";
  });
  effect(() => {
    if (sheet.value !== "note" && isSmall.value) isDrawing.value = false;
  });
}

/** Move the controls that have no room beside the image into the menu while the screen is small. */
function setUpMenu(): void {
  const menu = find("menu-controls", HTMLElement);
  const more = find("more", HTMLButtonElement);
  const moved = [...document.querySelectorAll("[data-more]")].map((element) => {
    const place = document.createComment(element.id);
    element.before(place);
    return { element, place };
  });
  effect(() => {
    for (const { element, place } of moved) {
      if (isSmall.value) menu.append(element);
      else place.after(element);
    }
  });
  effect(() => more.setAttribute("aria-expanded", String(sheet.value === "menu")));
  more.addEventListener("click", () => (sheet.peek() === "menu" ? closeSheet() : (sheet.value = "menu")));
  find("close-menu", HTMLButtonElement).addEventListener("click", closeSheet);
}

/** Fit the page into what the keyboard leaves. Browsers only lay it over the page, or scroll the page under it. */
function followKeyboard(page: HTMLElement): void {
  const visible = window.visualViewport;
  if (visible === null) return;
  const follow = (): void => {
    // With the page zoomed in, the visual viewport is smaller without a keyboard.
    const isOpen = visible.scale < 1.01 && document.documentElement.clientHeight - visible.height > MIN_KEYBOARD_HEIGHT;
    page.dataset["keyboard"] = String(isOpen);
    page.style.setProperty("--visible-height", isOpen ? `${visible.height}px` : "");
    page.style.setProperty("--visible-top", isOpen ? `${visible.offsetTop}px` : "");
  };
  for (const type of ["resize", "scroll"]) visible.addEventListener(type, follow);
}

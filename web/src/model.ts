/** The data of a review session, as the server sends it. */

import type { ExactFacts } from "./clip";
import type { PlayMode } from "./playback/frame_clock";
import type { CompareMode } from "./playback/geometry";
import type { LiveStrokes, StrokeMessage } from "./present/live_strokes";

export interface Movie {
  /** Relative to the page, like every URL in the data. */
  readonly url: string;
  readonly exact: ExactFacts | null;
  readonly width: number | null;
  readonly height: number | null;
  /** The size of the file in bytes, if it is known. */
  readonly size: number | null;
  /** Smaller movies with the same frames; the movie itself is the largest one. */
  readonly renditions: readonly Rendition[];
}

export interface Rendition {
  readonly lines: number;
  readonly url: string;
  readonly size: number | null;
}

/** The frame number of notes about a still image, which has no frame number of its own. */
export const STILL_FRAME = 0;

/** Position across and down, from 0 to 1 of the image. */
export type Position = readonly [across: number, down: number];

/** Position across and down, and pressure, each from 0 to 1. */
export type Point = readonly [across: number, down: number, pressure: number];

interface ShapeStyle {
  readonly id: string;
  readonly colour: string;
  readonly opacity: number;
}

export interface PenShape extends ShapeStyle {
  readonly kind: "pen";
  /** A fraction of the image's height. */
  readonly width: number;
  readonly points: readonly Point[];
}

export const TWO_POINT_KINDS = ["line", "arrow", "rectangle", "ellipse"] as const;

export interface TwoPointShape extends ShapeStyle {
  readonly kind: (typeof TWO_POINT_KINDS)[number];
  readonly width: number;
  readonly from: Position;
  readonly to: Position;
}

export interface TextShape extends ShapeStyle {
  readonly kind: "text";
  /** The left top corner. */
  readonly at: Position;
  readonly text: string;
  /** The height of a line, as a fraction of the image's height. */
  readonly size: number;
}

export type Shape = PenShape | TwoPointShape | TextShape;

/** A file on a note. */
export interface NoteFile {
  /** The id of a component. */
  readonly id: string;
  readonly name: string;
  readonly size: number | null;
}

/** A file that was sent for an unsent note; the token proves it when the note is sent. */
export interface SentFile extends NoteFile {
  readonly token: string;
}

/** A user who can be mentioned. */
export interface User {
  readonly id: string;
  readonly name: string;
}

export interface Note {
  readonly id: string;
  readonly author: string;
  /** The id of the user or invitee who wrote it; null for other programs. */
  readonly author_id: string | null;
  readonly is_guest: boolean;
  readonly content: string;
  readonly date: string | null;
  readonly edited: string | null;
  /** When the note was marked as done, or null while it is open. */
  readonly done: string | null;
  readonly done_by: string | null;
  /** The shot's frame number (STILL_FRAME on a still image), or null for the whole version. */
  readonly frame: number | null;
  /** The last frame of a range, or null. */
  readonly end_frame: number | null;
  readonly in_reply_to: string | null;
  readonly labels: readonly string[];
  readonly files: readonly NoteFile[];
  /** The texts in the content that mention people. */
  readonly mentions: readonly string[];
  /** The name of the version that answers the note, or null. */
  readonly addressed_in: string | null;
  /** The id of that version's entry in this session, or null. */
  readonly addressed_entry: string | null;
  readonly drawing: readonly Shape[];
  /** The last frame that shows the drawing, or null if only `frame` does. */
  readonly drawing_end: number | null;
}

export const STATUSES = ["approved", "require_changes", "seen"] as const;
export type Status = (typeof STATUSES)[number];

export interface Verdict {
  readonly author_id: string;
  readonly name: string;
  readonly status: string | null;
  /** When the status was set, or null if it is not known. */
  readonly date: string | null;
  readonly history: readonly { readonly status: string; readonly date: string }[];
}

/** A drawing without a note, made by a program. */
export interface FrameDrawing {
  readonly frame: number;
  readonly end_frame: number | null;
  readonly shapes: readonly Shape[];
}

/** Numbers that the list shows; values that are 0 are missing. */
export interface Summary {
  readonly notes?: number;
  readonly open?: number;
  readonly verdicts?: { readonly approved?: number; readonly require_changes?: number };
}

/** One version in the list. */
export interface Entry extends Summary {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  /** The id of a component. */
  readonly thumbnail?: string;
  readonly task?: string;
  /** The name of the sequence. */
  readonly group?: string;
  /** A number that all versions of one asset share, if there are several. */
  readonly stack?: number;
  /** The name of the version's status. */
  readonly status?: string;
  /** When the version was published: ISO 8601 with its offset. */
  readonly date?: string;
}

/** Everything about one version that the list does not contain. */
export interface Details {
  readonly commit: number;
  readonly id: string;
  readonly description: string;
  readonly asset: string;
  readonly asset_type: string;
  /** Names from the project down to the shot. */
  readonly path: readonly string[];
  readonly author: string;
  /** ISO 8601 with its offset, or null. */
  readonly date: string | null;
  readonly comment: string;
  readonly film: Movie | null;
  /** The URL of an image, if the version has no movie. */
  readonly still: string | null;
  /** The server is encoding the movie. */
  readonly is_encoding: boolean;
  readonly notes: readonly Note[];
  readonly drawings: readonly FrameDrawing[];
  readonly statuses: readonly Verdict[];
  /** The components on the studio's disk, for its users only; missing if there are none. */
  readonly files?: readonly { readonly name: string; readonly path: string }[];
  /** The notes of the session that this version answers; missing if there are none. */
  readonly addresses?: readonly AddressedNote[];
}

/** A note on an earlier version that the shown one answers. */
export interface AddressedNote {
  readonly id: string;
  /** The id of the note's entry in this session. */
  readonly entry: string;
  readonly author: string;
  readonly content: string;
  readonly frame: number | null;
  readonly done: string | null;
}

/** An earlier version of the asset, with its notes. */
export interface EarlierVersion {
  readonly object: string;
  readonly version: number;
  /** The name of the review session. */
  readonly session: string;
  readonly notes: readonly Note[];
}

/** A version that is newer than those of its asset in the session. */
export interface NewerVersion {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

export interface Earlier {
  readonly commit: number;
  readonly versions: readonly EarlierVersion[];
}

export interface Label {
  readonly id: string;
  readonly name: string;
  readonly colour: string | null;
  /** Whether only users of the studio see the notes with this label. */
  readonly is_internal: boolean;
}

export interface Review {
  readonly commit: number;
  readonly id: string;
  readonly name: string;
  readonly project: string;
  /** For users of the studio; null for all others. */
  readonly project_id: string | null;
  readonly description: string;
  readonly is_open: boolean;
  /** The name of a person who may write notes; null for all others. */
  readonly visitor: string | null;
  /** What the visitor may do: "comment", "draw", "decide", "edit", "download", "present". */
  readonly rights: readonly string[];
  readonly is_user: boolean;
  /** Whether guests see their own feedback and that of users only. */
  readonly is_moderated: boolean;
  /** Whether movies and images carry the name of the visitor. */
  readonly is_watermarked: boolean;
  readonly may_export: boolean;
  /** The author of the visitor's verdicts. */
  readonly visitor_id: string | null;
  /** The author of the visitor's notes. */
  readonly author_id: string | null;
  readonly labels: readonly Label[];
  readonly entries: readonly Entry[];
}

/** The present state of some notes of a version, and of its verdicts. */
export interface Change {
  readonly type: "change";
  readonly commit: number;
  readonly entry: string;
  readonly notes: readonly Note[];
  readonly removed: readonly string[];
  readonly statuses: readonly Verdict[];
  readonly summary: Summary;
}

export interface Changes {
  readonly type: "changes";
  readonly changes: readonly Change[];
}

/** A person with an open page. */
export interface Person {
  readonly id: number;
  readonly name: string;
  readonly may_present: boolean;
  readonly is_following: boolean;
}

/** What a presenter shows. */
export interface PresentationState {
  readonly entry?: string;
  readonly frame?: number | null;
  /** 0 while paused. */
  readonly speed?: number;
  /** The first and last frame that are played, or null for those of the movie. */
  readonly in?: number | null;
  readonly out?: number | null;
  readonly play_mode?: PlayMode;
  /** When the state was set, in milliseconds of the server's clock. */
  readonly at?: number;
  readonly zoom?: number;
  /** The position of the image in the centre of its pane. */
  readonly centre?: Position;
  readonly flipped?: boolean;
  /** The id of the compared version. */
  readonly with?: string | null;
  readonly mode?: CompareMode | null;
  readonly wipe?: number;
  /** Whether the compared version is shown in place of the other. */
  readonly held?: boolean;
}

/** A message over the live connection. */
export type Message =
  | Change
  | { readonly type: "hello"; readonly page: number; readonly commit: number; readonly presenter: number | null; readonly state: PresentationState; readonly strokes: LiveStrokes; readonly now: number }
  | { readonly type: "people"; readonly people: readonly Person[]; readonly count: number; readonly presenter: number | null }
  | { readonly type: "driver"; readonly presenter: number | null }
  | { readonly type: "state"; readonly state: PresentationState; readonly now: number }
  | { readonly type: "clock"; readonly sent: number; readonly now: number }
  | { readonly type: "pointer"; readonly point: Position | null }
  | StrokeMessage
  | { readonly type: "entry"; readonly entry: string; readonly commit: number }
  | { readonly type: "list"; readonly commit: number }
  | { readonly type: "earlier"; readonly entries: readonly string[] }
  | { readonly type: "access" }
  | { readonly type: "error"; readonly text: string };

/** Tests of the parts of the review page: reading, address, start of a version, shapes on a frame, title and notices. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Clip } from "../src/clip";
import { clearDraft, draftOf } from "../src/drafts";
import { formatBytes, formatDate, formatVersion } from "../src/format";
import type { Details, Entry, Note, Review, Shape } from "../src/model";
import { noticeOfReview } from "../src/notices";
import { queryOf } from "../src/review/address_bar";
import { Commands, type CommandPage } from "../src/review/commands";
import { titleOf } from "../src/review/head";
import { Loader } from "../src/review/loader";
import { isContinued, keptIndex, START } from "../src/review/next_start";
import { ghostsAt, marksOf, nextMark, shapesAt, type Drawn } from "../src/review/shown_shapes";
import type { ReadError } from "../src/server";
import { currentId, setReview } from "../src/store";

const REVIEW = { name: "Dailies", entries: [], is_open: true } as unknown as Review;
const ENTRY = { id: "a", name: "sh010", version: 3 } as unknown as Entry;

/** A server whose answers the test gives, and what the loader has reported. */
class Server {
  readonly log: string[] = [];
  readonly pending: ((answer: Review | ReadError) => void)[] = [];
  details: Details | ReadError = { id: "a" } as unknown as Details;
  readonly loader = new Loader(
    { readReview: () => new Promise((done) => this.pending.push(done)), readDetails: () => Promise.resolve(this.details) },
    {
      receive: (found, wasLost) => this.log.push(`${found.name} ${wasLost}`),
      receiveDetails: ({ id }) => this.log.push(id),
      fail: (error) => this.log.push(error),
    },
  );

  /** Answer the last request, and let the loader take the answer over. */
  async answer(answer: Review | ReadError): Promise<void> {
    this.pending.at(-1)?.(answer);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  }
}

test("a review that is requested while it is read is read once more", async () => {
  const server = new Server();
  for (let times = 0; times < 3; times += 1) void server.loader.read();
  assert.equal(server.pending.length, 1);
  await server.answer(REVIEW);
  assert.equal(server.pending.length, 2);
  await server.answer(REVIEW);
  assert.equal(server.pending.length, 2);
  assert.deepEqual(server.log, ["Dailies false", "Dailies false"]);
});

test("a server that does not answer is asked again, and its first answer ends the loss", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const server = new Server();
  void server.loader.read();
  await server.answer("unreachable");
  assert.equal(server.loader.isConnected, false);
  mock.timers.tick(2_999);
  assert.equal(server.pending.length, 1);
  mock.timers.tick(1);
  assert.equal(server.pending.length, 2);
  await server.answer(REVIEW);
  assert.ok(server.loader.isConnected);
  mock.timers.tick(60_000);
  assert.equal(server.pending.length, 2);
  assert.deepEqual(server.log, ["unreachable", "Dailies true"]);
  mock.timers.reset();
});

test("an invalid link is not read again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const server = new Server();
  void server.loader.read();
  await server.answer("link-invalid");
  mock.timers.tick(60_000);
  assert.deepEqual([server.pending.length, server.loader.isConnected, server.log], [1, false, ["link-invalid"]]);
  mock.timers.reset();
});

test("a version that was deleted meanwhile makes the list be read", async () => {
  const server = new Server();
  await server.loader.readDetails("a");
  server.details = "link-invalid";
  await server.loader.readDetails("a");
  assert.deepEqual([server.log, server.pending.length], [["a"], 1]);
});

test("the address has the frame of the open version, and before that the frame it will begin with", () => {
  const state = { version: "b", with: null, mode: null, opened: "a", frame: 1010, start: 1020 };
  assert.equal(queryOf(state), "?version=b&frame=1020");
  assert.equal(queryOf({ ...state, start: null }), "?version=b");
  assert.equal(queryOf({ ...state, opened: "b" }), "?version=b&frame=1010");
  assert.equal(queryOf({ ...state, opened: "b", frame: null }), "?version=b");
  assert.equal(queryOf({ ...state, opened: "b", with: "a", mode: "wipe" }), "?version=b&with=a&mode=wipe&frame=1010");
});

test("a version of the same shot begins at the same frame number, if it has that frame", () => {
  const clip = Clip.from({ fps: "24", first_frame: 993, frame_count: 16 });
  const next = { frame: 1001, speed: 1, isForAnyShot: false };
  assert.deepEqual([isContinued(next, true), isContinued(next, false), isContinued(START, false)], [true, false, true]);
  assert.deepEqual([keptIndex(next, clip), keptIndex({ ...next, frame: 1009 }, clip), keptIndex(next, null)], [8, null, null]);
  assert.equal(keptIndex(START, clip), null);
});

const shape = (id: string): Shape => ({ kind: "line", id, colour: "#fff", opacity: 1, width: 0.01, from: [0, 0], to: [1, 1] });
const note = (values: object): Note => ({ frame: null, end_frame: null, drawing_end: null, drawing: [], done: null, content: "Up", author: "Ada", ...values }) as unknown as Note;
const details = {
  id: "a",
  drawings: [{ frame: 1001, end_frame: 1002, shapes: [shape("program")] }],
  notes: [note({ frame: 1004, drawing: [shape("note")], drawing_end: 1005 }), note({ frame: 1009, end_frame: 1012 }), note({})],
} as unknown as Details;
const draft = { text: "", frame: null, endFrame: null, drawings: { 1006: [shape("draft")] }, hold: 2, labels: [], files: [], mentions: [], ids: {} };
const drawn: Drawn = { details, draft, live: { entry: "a", frame: 1004, shapes: [shape("note"), shape("live")] } };
const ids = (shapes: readonly Shape[]): string[] => shapes.map(({ id }) => id);

test("a frame shows the shapes of programs, notes, draft and presenter, each for as long as it is held", () => {
  const shown = [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008].map((frame) => ids(shapesAt(drawn, frame)));
  assert.deepEqual(shown, [[], ["program"], ["program"], [], ["note", "live"], ["note"], ["draft"], ["draft"], []]);
  assert.deepEqual(ids(shapesAt({ ...drawn, live: { entry: "b", frame: 1004, shapes: [shape("live")] } }, 1004)), ["note"]);
});

test("ghosts are the shapes of two frames on both sides, each once and none that is on the frame", () => {
  assert.deepEqual(ids(ghostsAt(drawn, 1003)).sort(), ["live", "note", "program"]);
  assert.deepEqual(ids(ghostsAt(drawn, 1007)), ["note"]);
  assert.deepEqual(ids(ghostsAt(drawn, 1010)), []);
});

test("the timeline marks notes with a frame and drawings of programs, and the keys go from mark to mark", () => {
  const marks = marksOf(details);
  assert.deepEqual(marks.map(({ frame, end, kind }) => [frame, end, kind]), [[1004, null, "drawn"], [1009, 1012, "open"], [1001, 1002, "drawn"]]);
  assert.deepEqual([marks[0]?.text, marksOf(null)], ["Ada: Up", []]);
  assert.deepEqual([nextMark(marks, 1004, 1), nextMark(marks, 1004, -1), nextMark(marks, 1009, 1)], [1009, 1001, undefined]);
});

test("the title names the version and the session, and an empty review says why", () => {
  assert.deepEqual([titleOf(null, null), titleOf(REVIEW, null), titleOf(REVIEW, ENTRY)], ["Review", "Dailies", "sh010 v003 · Dailies"]);
  assert.deepEqual([noticeOfReview(null, true), noticeOfReview(null, false)], ["loading", "unreachable"]);
  assert.deepEqual([noticeOfReview(REVIEW, true), noticeOfReview({ ...REVIEW, is_open: false }, true)], ["empty", "empty-closed"]);
  assert.equal(noticeOfReview({ ...REVIEW, entries: [ENTRY] }, true), null);
});

test("versions, days and sizes are written the same everywhere", () => {
  assert.equal(formatVersion({ version: 12 }), "v012");
  assert.match(formatDate(new Date(2026, 2, 4)), /4.*2026|2026.*4/);
  assert.equal(formatDate(null), "");
  assert.deepEqual([0, 999, 1_000, 12_345_678, 123_456_789].map(formatBytes), ["0 B", "999 B", "1.0 KB", "12.3 MB", "123 MB"]);
});

/** Commands on a player that counts in frames from 1001, and the number of times that a presentation was left. */
function makeCommands(frame: number) {
  const log: string[] = [];
  const clip = Clip.from({ fps: "24", first_frame: 1001, frame_count: 24 });
  const player = {
    clip,
    mode: "loop",
    isPlaying: false,
    baseSpeed: 1,
    show: (index: number) => log.push(`show ${index}`),
    step: (frames: number) => log.push(`step ${frames}`),
    setRangeEnd: (end: string, index: number) => log.push(`${end} ${index}`),
    clearRange: () => log.push("clear"),
  };
  const media = { player, frame, pause: () => log.push("pause") } as unknown as CommandPage["media"];
  const page = { media, viewport: {} as CommandPage["viewport"], leave: () => log.push("leave"), moveBy: (count: number) => log.push(`move ${count}`), toggleKeysDialog: () => log.push("help") };
  return { log, player, commands: new Commands(page) };
}

test("a command that moves leaves the presentation, and one that only changes the view does not", () => {
  const { log, commands } = makeCommands(1005);
  for (const command of ["back-ten", "last", "next-version", "help"] as const) commands.run(command);
  assert.deepEqual(log, ["leave", "step -10", "leave", "show 23", "leave", "move 1", "help"]);
});

test("the modes of playback exclude each other, and the speed changes by steps", () => {
  const { player, commands } = makeCommands(1005);
  const modes = (["loop", "loop", "ping-pong", "ping-pong", "play-on", "loop"] as const).map((command) => {
    commands.run(command);
    return player.mode;
  });
  assert.deepEqual(modes, ["once", "loop", "ping-pong", "loop", "next", "loop"]);
  commands.run("slower");
  assert.equal(player.baseSpeed, 0.5);
});

test("in and out points are those of playback and of the note, and are removed together", () => {
  setReview({ ...REVIEW, commit: 1, visitor: "Ada", rights: ["comment"], entries: [ENTRY] } as unknown as Review);
  currentId.value = "a";
  const range = (): unknown => [draftOf("a").peek().frame, draftOf("a").peek().endFrame];
  const { log, commands } = makeCommands(1005);
  commands.run("mark-in");
  assert.deepEqual(range(), [1005, null]);
  makeCommands(1009).commands.run("mark-out");
  assert.deepEqual(range(), [1005, 1009]);
  makeCommands(1003).commands.run("mark-out");
  assert.deepEqual(range(), [1003, null]);
  commands.run("clear-range");
  assert.deepEqual([range(), log], [[undefined, null], ["leave", "in 4", "leave", "clear"]]);
  clearDraft("a");
});

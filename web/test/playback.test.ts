import assert from "node:assert/strict";
import { test } from "node:test";

import type { Entry, Movie } from "../src/model";
import { formatAddress, parseAddress } from "../src/playback/address";
import { FrameClock, formatSpeed, neighbouringSpeed, startOf, withEnd } from "../src/playback/frame_clock";
import { centreAfterDrag, centreForZoom, clampCentre, halves, imageRect } from "../src/playback/geometry";
import { filterRows, groupRows, movedIds, otherVersion, sortRows, startEntry } from "../src/playback/playlist";
import { availableLines, chooseLines } from "../src/playback/quality";

const RATE = { numerator: 24, denominator: 1 };

test("a frame clock counts in both directions at the exact rate", () => {
  const forwards = new FrameClock(RATE, 4, 10, 1000);
  assert.equal(forwards.indexAt(1000), 10);
  assert.equal(forwards.indexAt(1500), 10 + 48);
  assert.equal(new FrameClock(RATE, -0.5, 10, 0).indexAt(1000), -2);
  assert.equal(new FrameClock({ numerator: 24000, denominator: 1001 }, 1, 0, 0).indexAt(1001_000 - 1), 23_999);
});

test("an out point before the in point removes the in point, and the other way round", () => {
  assert.deepEqual(withEnd(null, "in", 20, 47), { first: 20, last: 47 });
  assert.deepEqual(withEnd({ first: 20, last: 47 }, "out", 30, 47), { first: 20, last: 30 });
  assert.deepEqual(withEnd({ first: 20, last: 30 }, "out", 10, 47), { first: 0, last: 10 });
  assert.deepEqual(withEnd({ first: 20, last: 30 }, "in", 40, 47), { first: 40, last: 47 });
  assert.deepEqual(withEnd({ first: 20, last: 30 }, "in", 30, 47), { first: 30, last: 30 });
});

test("playback starts at the present frame, or at the other end of the range", () => {
  const range = { first: 5, last: 9 };
  assert.deepEqual([3, 5, 7, 9, 12].map((index) => startOf(index, range, 1)), [5, 5, 7, 5, 5]);
  assert.deepEqual([3, 5, 7, 9, 12].map((index) => startOf(index, range, -1)), [9, 9, 7, 9, 9]);
});

test("speeds are stepped through in the same direction and written as fractions", () => {
  assert.equal(neighbouringSpeed(1, 1), 2);
  assert.equal(neighbouringSpeed(-1, -1), -0.5);
  assert.equal(neighbouringSpeed(8, 1), 8);
  assert.equal(neighbouringSpeed(0.125, -1), 0.125);
  assert.deepEqual([0.125, -0.5, 1, -8].map(formatSpeed), ["1/8×", "-1/2×", "1×", "-8×"]);
});

const PANE = { left: 0, top: 0, width: 800, height: 450 };
const IMAGE = { width: 1600, height: 900 };

test("an image fits its pane, and zoom keeps the position under the pointer", () => {
  const fit = imageRect(PANE, IMAGE, 1, [0.5, 0.5], false);
  assert.deepEqual(fit, { left: 0, top: 0, width: 800, height: 450 });
  const centre = centreForZoom(PANE, fit, 2, 600, 100);
  const zoomed = imageRect(PANE, IMAGE, 2, centre, false);
  assert.equal((600 - zoomed.left) / zoomed.width, 0.75);
  assert.ok(Math.abs((100 - zoomed.top) / zoomed.height - 100 / 450) < 1e-9);
});

test("a mirrored image is dragged in the direction of the pointer", () => {
  const plain = imageRect(PANE, IMAGE, 2, [0.5, 0.5], false);
  const mirrored = imageRect(PANE, IMAGE, 2, [0.5, 0.5], true);
  assert.equal(mirrored.left, plain.left + plain.width);
  assert.equal(mirrored.width, -plain.width);
  const moved = imageRect(PANE, IMAGE, 2, centreAfterDrag(mirrored, [0.5, 0.5], 80, 0), true);
  assert.equal(moved.left - mirrored.left, 80);
});

test("an image cannot be dragged out of its pane", () => {
  assert.deepEqual(clampCentre(PANE, { width: 1600, height: 300 }, [0.9, 0.9]), [0.75, 0.5]);
});

test("panes are halves beside each other or below each other, whichever shows larger images", () => {
  const [left, right] = halves({ width: 1600, height: 500 }, IMAGE);
  assert.deepEqual([left.width, right.left], [800, 800]);
  const [above, below] = halves({ width: 400, height: 800 }, IMAGE);
  assert.deepEqual([above.height, below.top], [400, 400]);
});

test("an address keeps version, comparison, mode and frame", () => {
  const address = { version: "a b", with: "c", mode: "wipe", frame: -5 } as const;
  assert.deepEqual(parseAddress(formatAddress(address), ""), address);
  assert.equal(formatAddress({ ...address, with: null }), "?version=a+b&frame=-5");
  assert.equal(formatAddress({ version: null, with: null, mode: null, frame: null }), "");
});

test("invalid values in an address are ignored, and older links are read", () => {
  const nothing = { version: null, with: null, mode: null, frame: null };
  assert.deepEqual(parseAddress("?mode=x&frame=1.5", ""), nothing);
  assert.deepEqual(parseAddress("", "#some%20id"), { ...nothing, version: "some id" });
  assert.deepEqual(parseAddress("", "#%E0%A4%A"), { ...nothing, version: "%E0%A4%A" });
});

const ENTRIES: Entry[] = [
  { id: "a1", name: "sh010", version: 1, group: "sq1", stack: 0, date: "2026-01-01T00:00:00Z", verdicts: { approved: 1 } },
  { id: "b1", name: "sh100", version: 1, group: "sq2", status: "Final", date: "2026-01-05T00:00:00Z" },
  { id: "a2", name: "sh010", version: 2, group: "sq1", stack: 0, date: "2026-01-02T00:00:00Z", verdicts: { approved: 1 } },
  { id: "c1", name: "sh020", version: 1, group: "sq1", status: "Blocked", date: "2026-01-03T00:00:00Z" },
];
const ids = (rows: readonly { readonly shown: Entry }[]): string => rows.map(({ shown }) => shown.id).join(" ");

test("versions of one asset are one row, which shows the selected or the newest version", () => {
  assert.equal(ids(groupRows(ENTRIES, null)), "a2 b1 c1");
  assert.equal(ids(groupRows(ENTRIES, "a1")), "a1 b1 c1");
});

test("rows are sorted, and in the order of the list grouped by sequence", () => {
  const rows = groupRows(ENTRIES, null);
  assert.equal(ids(sortRows(rows, "list")), "a2 c1 b1");
  assert.equal(ids(sortRows(rows, "name")), "a2 c1 b1");
  assert.equal(ids(sortRows(rows, "newest")), "b1 c1 a2");
  assert.equal(ids(sortRows(rows, "status")), "c1 b1 a2");
});

test("rows are searched by all words and filtered by verdict", () => {
  const rows = groupRows(ENTRIES, null);
  assert.equal(ids(filterRows(rows, "SQ1 020", "all")), "c1");
  assert.equal(ids(filterRows(rows, "final", "all")), "b1");
  assert.equal(ids(filterRows(rows, "", "approved")), "a2");
});

test("the page starts with the newest version of the first row without a verdict", () => {
  assert.equal(startEntry(groupRows(ENTRIES, null))?.id, "b1");
  assert.equal(startEntry(groupRows(ENTRIES.slice(0, 1), null))?.id, "a1");
  assert.equal(startEntry([]), undefined);
});

test("a version is compared with the one before it, or else with the newest other one", () => {
  const [row] = groupRows(ENTRIES, "a2");
  assert.equal(row && otherVersion(row)?.id, "a1");
  const [first] = groupRows(ENTRIES, "a1");
  assert.equal(first && otherVersion(first)?.id, "a2");
});

test("a moved row takes its whole stack with it", () => {
  assert.deepEqual(movedIds(groupRows(ENTRIES, null), 0, 2), ["b1", "c1", "a1", "a2"]);
});

const MOVIE: Movie = {
  url: "media/x",
  exact: { fps: "24", first_frame: 1001, frame_count: 240 },
  width: 3840,
  height: 2160,
  size: 10_000_000,
  renditions: [{ lines: 1080, url: "media/y", size: 5_000_000 }],
};
const FAST = { bitsPerSecond: null, savesData: false, stalls: 0 };

test("a smaller rendition is chosen by the connection or by hand", () => {
  assert.deepEqual(availableLines(MOVIE), [1080, 720]);
  assert.equal(chooseLines(MOVIE, "auto", FAST), null);
  assert.equal(chooseLines(MOVIE, "auto", { ...FAST, bitsPerSecond: 9e6 }), 1080);
  assert.equal(chooseLines(MOVIE, "auto", { ...FAST, bitsPerSecond: 4e6 }), 720);
  const unknown = { ...MOVIE, renditions: [{ lines: 1080, url: "media/y", size: null }] };
  assert.equal(chooseLines(unknown, "auto", { ...FAST, bitsPerSecond: 9e6 }), 720);
  assert.equal(chooseLines(MOVIE, "auto", { ...FAST, bitsPerSecond: 11e6 }), null);
  assert.equal(chooseLines(MOVIE, "auto", { ...FAST, stalls: 2 }), 720);
  assert.equal(chooseLines(MOVIE, "auto", { ...FAST, savesData: true }), 720);
  assert.equal(chooseLines(MOVIE, "original", { ...FAST, savesData: true }), null);
  assert.equal(chooseLines(MOVIE, 1080, FAST), 1080);
});

test("a movie that is small already has no renditions", () => {
  const small = { ...MOVIE, height: 720, renditions: [] };
  assert.deepEqual(availableLines(small), []);
  assert.equal(chooseLines(small, 720, FAST), null);
});

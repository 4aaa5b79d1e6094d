/** Tests of what stays of a draft when a note is sent. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { changeDraft, clearDraft, draftOf, draw, isEmpty, removeSent, undo } from "../src/drafts";
import type { Shape } from "../src/model";

const shape = (id: string): Shape => ({ kind: "line", id, colour: "#fff", opacity: 1, width: 0.01, from: [0, 0], to: [1, 1] });

test("nothing is left of a draft that was sent as it is", () => {
  changeDraft("a", { text: "Higher", labels: ["x"] });
  draw("a", 5, [shape("1")]);
  removeSent("a", { text: "Higher", frame: 5, shapes: [shape("1")], files: [] });
  assert.ok(isEmpty(draftOf("a").peek()));
  assert.deepEqual(draftOf("a").peek().labels, []);
});

test("text and shapes that were added while a note was sent stay", () => {
  changeDraft("b", { text: "Higher" });
  draw("b", 5, [shape("1")]);
  changeDraft("b", { text: "Higher and brighter" });
  draw("b", 5, [shape("1"), shape("2")]);
  draw("b", 6, [shape("3")]);
  removeSent("b", { text: "Higher", frame: 5, shapes: [shape("1")], files: [] });
  const { text, drawings } = draftOf("b").peek();
  assert.equal(text, " and brighter");
  assert.deepEqual(drawings, { 5: [shape("2")], 6: [shape("3")] });
  // Undo does not bring back what was sent.
  undo("b", 5);
  assert.deepEqual(draftOf("b").peek().drawings["5"], []);
  clearDraft("b");
});

test("a text that was replaced while a note was sent stays whole", () => {
  changeDraft("c", { text: "Lower" });
  removeSent("c", { text: "Higher", frame: null, shapes: [], files: [] });
  assert.equal(draftOf("c").peek().text, "Lower");
  clearDraft("c");
});

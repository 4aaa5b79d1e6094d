import assert from "node:assert/strict";
import { test } from "node:test";

import { portions } from "../src/home/import";
import { csvField, parseTable, readHeader } from "../src/home/shots";

test("cells of a spreadsheet are separated by tabs", () => {
  assert.deepEqual(parseTable("shot\ttask\r\nsh010\tanimation, blocking\r\n"), [
    ["shot", "task"],
    ["sh010", "animation, blocking"],
  ]);
});

test("a quoted field has separators, quotes and line ends", () => {
  assert.deepEqual(parseTable('shot,task\nsh010,"a ""b"", c\nd"'), [["shot", "task"], ["sh010", 'a "b", c\nd']]);
});

test("a file with semicolons and a byte order mark is read", () => {
  assert.deepEqual(parseTable("\ufeffshot;task\nsh010;light\n\n"), [["shot", "task"], ["sh010", "light"]]);
});

test("a text that a spreadsheet would run begins with an apostrophe", () => {
  assert.deepEqual(["=1+1", "-5", "-cmd", 'a"b', "plain"].map(csvField), ["'=1+1", "-5", "'-cmd", '"a""b"', "plain"]);
});

test("the header of another program is mapped, and unknown columns are known as such", () => {
  assert.deepEqual(readHeader(["Shot Code", "Sequenz", "Frame Range", "Mood"]), ["shot", "sequence", "frames", null]);
  assert.deepEqual(readHeader(["Sequenz", "Frames"]), ["sequence", "frames"]);
  assert.equal(readHeader(["sq010", "sh010", "animation"]), null);
});

test("many rows are sent in portions, each with whole rows", () => {
  const rows = Array.from({ length: 1500 }, (_, index) => ({ operations: Array.from({ length: 3 }, () => ({ index })) }));
  const found = portions(rows);
  assert.equal(found.flat().length, 4500);
  assert.ok(found.every((each) => each.length <= 500 && each.length % 3 === 0));
  assert.deepEqual(portions([{ operations: [] }]), []);
});

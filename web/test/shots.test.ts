import assert from "node:assert/strict";
import { test } from "node:test";

import { csvField, parseTable } from "../src/home/shots";

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

// node in_node.mjs < {"server", "user", "key", "name"}: prints the facts as JSON.

import { readFileSync } from "node:fs";

import { begin, edit, listen } from "./scenario.mjs";

const reached = JSON.parse(readFileSync(0, "utf8"));
const { session, facts } = await begin(reached);
const edited = await edit(session, reached.name);
const heard = await listen(session, edited.project);
process.stdout.write(JSON.stringify({ begun: facts, edited, heard }));
process.exit(0);

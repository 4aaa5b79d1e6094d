// node bundle.mjs FILE: the client and the scenario, as a page loads them.

import { build } from "esbuild";

await build({
  entryPoints: ["in_browser.mjs"],
  outfile: process.argv[2],
  bundle: true,
  format: "esm",
  logLevel: "error",
});

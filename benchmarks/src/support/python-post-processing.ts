import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A Python process that post-processes the same maps, one round whenever it is asked. */
export interface PythonPostProcessing {
  /** Milliseconds and number of boxes, by map. */
  round(): Promise<readonly { readonly milliseconds: number; readonly boxes: number }[]>;
  dispose(): Promise<void>;
}

/** A map, and the size of the image it stands for. */
export interface MapTarget {
  readonly path: string;
  readonly sourceHeight: number;
  readonly sourceWidth: number;
}

/** Starts the script. @throws Error from `round` if the process ends early, with its last words. */
export function startPythonPostProcessing(
  python: string,
  maps: readonly MapTarget[],
): PythonPostProcessing {
  const script = fileURLToPath(new URL("../../python/post_processing.py", import.meta.url));
  const args = maps.map(({ path, sourceHeight, sourceWidth }) =>
    [path, sourceHeight, sourceWidth].join(":"),
  );
  const child = spawn(python, [script, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (chunk) => {
    complaint += String(chunk);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", (error) => {
      complaint += error.message;
      resolve();
    });
  });
  child.stdin.on("error", () => {});
  return {
    async round() {
      child.stdin.write("round\n");
      const line = await lines.next();
      if (line.done) {
        await ended;
        throw new Error(`post_processing.py: ${python} ended early: ${complaint.trim()}`);
      }
      return JSON.parse(line.value);
    },
    async dispose() {
      child.stdin.end();
      await ended;
    },
  };
}

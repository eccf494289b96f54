import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A process that answers each line it gets with a line of JSON. */
export interface LineProcess {
  /** The next line it prints, without asking. */
  read<T>(): Promise<T>;
  /** Sends a line and reads the answer. */
  ask<T>(): Promise<T>;
  dispose(): Promise<void>;
}

/** Starts a process. @throws Error from `read` and `ask` if it ends early, with its last words. */
export function startLineProcess(command: string, args: readonly string[]): LineProcess {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
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
  const read = async <T>(): Promise<T> => {
    const line = await lines.next();
    if (!line.done) return JSON.parse(line.value);
    await ended;
    throw new Error(`${[command, ...args].join(" ")} ended early: ${complaint.trim()}`);
  };
  return {
    read,
    ask() {
      child.stdin.write("next\n");
      return read();
    },
    async dispose() {
      child.stdin.end();
      await ended;
    },
  };
}

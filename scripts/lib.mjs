import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** ONNX Runtime's optional download of CUDA libraries is skipped; the CPU ones are in the package. */
export const env = {
  ...process.env,
  ONNXRUNTIME_NODE_INSTALL: "skip",
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
  NO_COLOR: "1",
};

/** Runs a tool of the workspace, or another command, in its root; returns the exit code. */
export function run(command, args, options = {}) {
  const tool = `${root}node_modules/.bin/${command}`;
  const result = spawnSync(existsSync(tool) ? tool : command, args, {
    cwd: root,
    env,
    stdio: "inherit",
    ...options,
  });
  if (result.error) throw result.error;
  return result.status ?? 1;
}

/** Installs what is missing. */
export function install() {
  const marker = `${root}node_modules/.package-lock.json`;
  const isFresh =
    existsSync(marker) &&
    statSync(marker).mtimeMs >= statSync(`${root}package-lock.json`).mtimeMs - 1000;
  if (isFresh) return;
  console.log("Installing dependencies …");
  const code = run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (code !== 0)
    throw new Error(`npm install failed (exit code ${code}); check the network and try again`);
}

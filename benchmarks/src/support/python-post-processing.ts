import { fileURLToPath } from "node:url";
import { startLineProcess } from "./line-process.ts";

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
  const process = startLineProcess(python, [script, ...args]);
  return { round: () => process.ask(), dispose: () => process.dispose() };
}

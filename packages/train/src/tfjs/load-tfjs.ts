import { TrainError } from "../errors.ts";
import type { Tfjs } from "./tfjs.ts";

/** The packages that bring TensorFlow.js, the fastest first. */
export const TFJS_PACKAGES = [
  "@tensorflow/tfjs-node-gpu",
  "@tensorflow/tfjs-node",
  "@tensorflow/tfjs",
] as const;

/** A package that brings TensorFlow.js. */
export type TfjsPackage = (typeof TFJS_PACKAGES)[number];

/** TensorFlow.js as it was found, and what stood in the way of faster packages. */
export interface LoadedTfjs {
  readonly tf: Tfjs;
  readonly name: TfjsPackage;
  /** Packages that are installed and do not work, with the reason. */
  readonly broken: readonly { readonly name: TfjsPackage; readonly reason: string }[];
}

/**
 * Imports the first package that is installed and computes; `load` imports one by name.
 * @throws TrainError `missing-engine` if there is none.
 */
export async function loadTfjs(
  load: (name: TfjsPackage) => Promise<Tfjs> = importTfjs,
): Promise<LoadedTfjs> {
  const broken: { readonly name: TfjsPackage; readonly reason: string }[] = [];
  for (const name of TFJS_PACKAGES) {
    try {
      const tf = await load(name);
      await tf.ready();
      probe(tf);
      return { tf, name, broken };
    } catch (cause) {
      if (!isMissing(cause, name)) broken.push({ name, reason: reasonOf(cause) });
    }
  }
  const found = broken.map(({ name, reason }) => ` ${name} is installed, but: ${reason}.`).join("");
  throw new TrainError(
    "missing-engine",
    `createTfjsEngine: TensorFlow.js is not installed; npm install @tensorflow/tfjs-node (or @tensorflow/tfjs-node-gpu with CUDA 11, or @tensorflow/tfjs, which is slow).${found}`,
  );
}

async function importTfjs(name: string): Promise<Tfjs> {
  const found = (await import(name)) as Tfjs & { readonly default?: Tfjs };
  const tf = found.default ?? found;
  // Otherwise the plain package prints advice to install another one.
  tf.enableProdMode();
  return tf;
}

/** Computes a gradient, which some installations cannot (Node 23 and newer, wasm). */
function probe(tf: Tfjs): void {
  tf.tidy(() => {
    const x = tf.ones([1, 2, 2, 1]) as ReturnType<Tfjs["tensor4d"]>;
    tf.grad((value) => tf.sum(tf.conv2d(x, value as typeof x, 1, "valid")))(tf.ones([1, 1, 1, 1]));
  });
}

function isMissing(cause: unknown, name: string): boolean {
  const { code, message = "" } = cause as { readonly code?: string; readonly message?: string };
  const isUnresolved = code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
  return isUnresolved && message.includes(`'${name}'`);
}

/** The first line of what an import or a probe threw. */
export function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.trim().split("\n")[0] ?? "";
}

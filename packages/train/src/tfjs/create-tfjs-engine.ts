import type { Logger } from "@ocrslim/graph";
import type { TrainingEngine, TrainingSession } from "../engine/engine.ts";
import { TrainError } from "../errors.ts";
import { loadTfjs, reasonOf } from "./load-tfjs.ts";
import type { Lowering } from "./lowering.ts";
import type { Tfjs } from "./tfjs.ts";
import { createTfjsSession } from "./tfjs-session.ts";

/** Options of {@link createTfjsEngine}. */
export interface TfjsEngineOptions {
  /**
   * TensorFlow.js itself. Default: what is installed, of `@tensorflow/tfjs-node-gpu`,
   * `@tensorflow/tfjs-node` and `@tensorflow/tfjs` the first that works.
   */
  readonly tf?: Tfjs;
  /** Such as `tensorflow`, `webgpu` or `cpu`. Default: that of the package. */
  readonly backend?: string;
  /** Lowerings that are added or win, by `opType`, or `domain:opType` for other domains. */
  readonly rules?: ReadonlyMap<string, Lowering>;
  /** Hears when the package is slow. Default: silent. */
  readonly logger?: Logger;
}

/** They compute in JavaScript, or lack the gradients of convolutions. */
const SLOW_BACKEND = "cpu";
const FORWARD_ONLY_BACKEND = "wasm";

/**
 * Trains with TensorFlow.js and its own gradients: an alternative to ONNX Runtime where TensorFlow is
 * installed, and a check on it. Forward pass and loss are computed operator by operator with
 * {@link lowerings}; the optimizer as well.
 * @throws TrainError `missing-engine` if TensorFlow.js is not installed or the backend is not there;
 *   `unsupported` for the wasm backend, which has no gradient of convolutions.
 */
export async function createTfjsEngine(options: TfjsEngineOptions = {}): Promise<TrainingEngine> {
  const { backend, rules, logger } = options;
  const loaded = options.tf ? undefined : await loadTfjs();
  const tf = options.tf ?? loaded?.tf;
  if (!tf) throw new TrainError("missing-engine", "createTfjsEngine: there is no TensorFlow.js");
  for (const { name, reason } of loaded?.broken ?? []) {
    logger?.warn(`${name} is installed, but cannot be used: ${reason}`);
  }
  if (backend !== undefined) await useBackend(tf, backend);
  await tf.ready();
  const used = tf.getBackend();
  if (used === FORWARD_ONLY_BACKEND) {
    throw new TrainError(
      "unsupported",
      "createTfjsEngine: the wasm backend has no gradient of convolutions; use tensorflow, webgpu or cpu",
    );
  }
  if (used === SLOW_BACKEND) {
    logger?.warn(
      "TensorFlow.js computes in plain JavaScript, hundreds of times slower than ONNX Runtime; install @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu",
    );
  }
  return {
    name: "tfjs",
    description: `${loaded?.name ?? "tensorflow.js"} ${tf.version_core}, ${used}`,
    async load(step): Promise<TrainingSession> {
      return createTfjsSession(tf, step, rules ? { rules } : {});
    },
  };
}

async function useBackend(tf: Tfjs, backend: string): Promise<void> {
  const cause = await tf.setBackend(backend).then(
    (isSet) => (isSet ? undefined : "it is not registered or does not start"),
    (error: unknown) => reasonOf(error),
  );
  if (cause === undefined) return;
  throw new TrainError(
    "missing-engine",
    `createTfjsEngine: the backend "${backend}" cannot be used: ${cause}; give another one, or import the package that brings it`,
  );
}

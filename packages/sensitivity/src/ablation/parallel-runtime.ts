import { cloneModel, encodeModel, type Model, Tensor, type Value } from "@ocrslim/graph";
import { type Runtime, RuntimeError } from "@ocrslim/runtime";
import { messageOf } from "../errors.ts";
import { createPooledSession } from "./pooled-session.ts";
import { type SessionWorker, startSessionWorker } from "./session-worker.ts";

/** Options of {@link createParallelRuntime}. */
export interface ParallelRuntimeOptions {
  /** Number of threads that run models beside each other, 1 or more. Default: all cores. */
  readonly concurrency?: number;
  /** Threads within one operator of each. Default: 1. */
  readonly threads?: number;
  /** In order of preference. Default: `["cpu"]`. */
  readonly executionProviders?: readonly string[];
}

/** A runtime of which several runs go on at the same time, each on a thread of its own. */
export interface ParallelRuntime extends Runtime {
  /** How many. More may be asked for; they wait. */
  readonly concurrency: number;
  /** Ends the threads; runs in progress fail. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A worker that computes has one more request at hand, so that it need not wait for this thread. */
const DEPTH = 2;

/** A run that waits for a worker. */
interface Task {
  readonly start: (worker: SessionWorker) => Promise<void>;
  readonly session: number;
}

/**
 * Runs models of onnxruntime-node on worker threads: `session.run` of that module blocks the thread
 * that calls it, so that promises alone never use a second core for another image. A model is loaded
 * by each worker when it first runs there. Outputs lie in shared memory, and can be fed to other
 * sessions of this runtime without a copy in between. Node only.
 * @throws RuntimeError `invalid-option` if a count is not a positive integer; `unsupported` if
 *   onnxruntime-node is not installed.
 */
export async function createParallelRuntime(
  options: ParallelRuntimeOptions = {},
): Promise<ParallelRuntime> {
  const { availableParallelism } = await import("node:os");
  const { concurrency = availableParallelism(), threads = 1 } = options;
  assertCount("concurrency", concurrency);
  assertCount("threads", threads);
  const executionProviders = options.executionProviders ?? ["cpu"];
  const { module, version } = await findModule();
  const start = { module, executionProviders, threads };
  const workers = await Promise.all(
    Array.from({ length: concurrency }, () => startSessionWorker(start)),
  );
  const queue: Task[] = [];
  let sessionCount = 0;

  const advance = (): void => {
    for (let task = queue[0]; task; task = queue[0]) {
      const worker = chooseWorker(workers, task.session);
      if (worker.pending >= DEPTH) return;
      queue.shift();
      task.start(worker).then(advance, advance);
    }
  };
  const dispose = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.terminate()));
  };

  return {
    name: "onnxruntime-node, in workers",
    version,
    executionProviders,
    threads,
    concurrency,
    dispose,
    [Symbol.asyncDispose]: dispose,
    async load(model, sessionOptions = {}) {
      const number = sessionCount++;
      const source = toSource(model);
      const load = async (worker: SessionWorker) => {
        worker.sessions.add(number);
        try {
          return await worker.ask({
            kind: "load",
            session: number,
            model: source.content,
            options: sessionOptions,
          });
        } catch (cause) {
          worker.sessions.delete(number);
          throw new RuntimeError(
            "load-failed",
            `load: ONNX Runtime rejects ${source.name}: ${messageOf(cause)}`,
            { model: source.name, cause },
          );
        }
      };
      const reply = await load(chooseWorker(workers, number));
      if (reply.kind !== "loaded") throw new RuntimeError("load-failed", "load: no reply");
      return createPooledSession({
        model: source.name,
        inputs: reply.inputs,
        outputs: reply.outputs,
        run: (feeds, fetches) =>
          new Promise((resolve, reject) => {
            const start = async (worker: SessionWorker): Promise<void> => {
              try {
                // Not waited for: the worker takes one request after the other.
                const loaded = worker.sessions.has(number) ? undefined : load(worker);
                const asked = worker.ask({ kind: "run", session: number, feeds, fetches });
                await loaded?.catch((error) => {
                  asked.catch(() => {});
                  throw error;
                });
                const found = await asked;
                if (found.kind === "outputs") resolve(found.outputs);
              } catch (error) {
                reject(error);
              }
            };
            queue.push({ session: number, start });
            advance();
          }),
        release: async () => {
          const holders = workers.filter((worker) => worker.sessions.delete(number));
          // Those that are gone have freed them already.
          await Promise.allSettled(
            holders.map((worker) => worker.ask({ kind: "release", session: number })),
          );
        },
      });
    },
  };
}

/** The one with the least to do; of equal ones, one that has the model. */
function chooseWorker(workers: readonly SessionWorker[], session: number): SessionWorker {
  const rank = (worker: SessionWorker): number =>
    2 * worker.pending + (worker.sessions.has(session) ? 0 : 1);
  return workers.reduce((best, worker) => (rank(worker) < rank(best) ? worker : best));
}

function toSource(model: Model | Uint8Array | string): {
  readonly name: string;
  readonly content: Uint8Array | string;
} {
  if (typeof model === "string") return { name: model, content: model };
  if (model instanceof Uint8Array) {
    return { name: `a model of ${model.byteLength} bytes`, content: toShared(model) };
  }
  const { name } = model.graph;
  const content = toShared(encodeModel(withInnerData(model)));
  return { name: name ? `model "${name}"` : "a model without a name", content };
}

/** A copy that any number of workers read without one of their own. */
function toShared(bytes: Uint8Array): Uint8Array {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** The model, or a copy whose weights lie in no other file. */
function withInnerData(model: Model): Model {
  const isOutside = ({ tensor }: Value): boolean => tensor?.storage.kind === "external";
  if (!model.graph.initializers.some(isOutside)) return model;
  const copy = cloneModel(model);
  for (const value of copy.graph.initializers) {
    const { tensor } = value;
    if (tensor?.storage.kind !== "external") continue;
    value.tensor = Tensor.from(tensor.dtype, tensor.dims, tensor.bytes);
  }
  return copy;
}

/** ONNX Runtime as `@ocrslim/runtime` has it. */
async function findModule(): Promise<{ readonly module: string; readonly version: string }> {
  const { createRequire } = await import("node:module");
  const name = "onnxruntime-node";
  try {
    const require = createRequire(import.meta.resolve("@ocrslim/runtime"));
    const { version } = require(`${name}/package.json`) as { readonly version: string };
    return { module: require.resolve(name), version };
  } catch (cause) {
    throw new RuntimeError(
      "unsupported",
      `createParallelRuntime: onnxruntime-node can't be found (${messageOf(cause)}); install it, or give a runtime`,
      { cause },
    );
  }
}

function assertCount(name: string, count: number): void {
  if (Number.isSafeInteger(count) && count > 0) return;
  throw new RuntimeError(
    "invalid-option",
    `createParallelRuntime: ${name} is ${count}; give a positive integer`,
  );
}

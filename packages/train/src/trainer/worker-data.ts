import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";
import { TrainError } from "../errors.ts";
import { type DataWorker, startDataWorker, workerError } from "./data-worker.ts";
import type { TrainingData } from "./training-data.ts";
import type { WorkerStart } from "./worker-code.ts";

/** Options of {@link createWorkerData}. */
export interface WorkerDataOptions {
  /**
   * The module that makes the data set, such as `new URL("./data.js", import.meta.url)`; a string is
   * a path, or a URL. JavaScript, or TypeScript where Node imports it (22.18) or tsx is installed.
   */
  readonly module: URL | string;
  /**
   * Its function `(options) => TrainingData | Promise<TrainingData>`. Each batch that the data set
   * makes must have arrays of its own, since they are handed over. Default: `createTrainingData`.
   */
  readonly export?: string;
  /** What the function gets: plain data. */
  readonly options?: unknown;
  /** Threads; 0 makes batches in this thread. Default: one less than there are cores, at least 1. */
  readonly workers?: number;
  /** Node's own options for the threads, such as `["--conditions", "…"]`. Default: this process's. */
  readonly execArgv?: readonly string[];
}

/** Training data from worker threads. Dispose of it, or use `await using`. */
export interface WorkerData extends TrainingData {
  /** Ends the threads; batches that are not made yet are rejected. Safe to call twice. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes batches in worker threads, so that they are ready when a step needs them: each thread makes a
 * data set of its own. Batches do not depend on the number of threads. Size and fingerprint are those
 * that the data sets state.
 * @throws TrainError `invalid-option`; `invalid-data` if a data set can't be made, or they differ.
 *   `loadBatch` rejects with `invalid-data`, its `cause` what the thread threw, with message and stack.
 */
export async function createWorkerData(options: WorkerDataOptions): Promise<WorkerData> {
  const { workers: count = Math.max(1, availableParallelism() - 1) } = options;
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new TrainError(
      "invalid-option",
      `createWorkerData: workers is ${count}; give an integer, 0 or more`,
    );
  }
  const start: WorkerStart = {
    module: urlOf(options.module),
    exportName: options.export ?? "createTrainingData",
    options: options.options,
  };
  return count === 0 ? createLocalData(start) : createThreadedData(start, count, options.execArgv);
}

async function createThreadedData(
  start: WorkerStart,
  count: number,
  execArgv: readonly string[] | undefined,
): Promise<WorkerData> {
  const workers: DataWorker[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(workers.map((worker) => worker.dispose()));
  };
  try {
    for (let index = 0; index < count; index++) workers.push(startDataWorker(start, execArgv));
    const facts = await Promise.all(workers.map(({ ready }) => ready));
    const [first] = facts;
    const other = facts.find(
      ({ size, fingerprint }) => size !== first?.size || fingerprint !== first.fingerprint,
    );
    if (!first || other) {
      throw new TrainError(
        "invalid-data",
        `createWorkerData: the workers made different data sets: ${first?.size} and ${other?.size} samples, fingerprints ${first?.fingerprint} and ${other?.fingerprint}; they must depend on the options alone`,
      );
    }
    return {
      size: first.size,
      ...(first.fingerprint === undefined ? {} : { fingerprint: first.fingerprint }),
      loadBatch: (request) => leastBusy(workers).loadBatch(request),
      dispose,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function createLocalData(start: WorkerStart): Promise<WorkerData> {
  const data = await makeLocally(start);
  const dispose = async (): Promise<void> => {};
  return {
    size: data.size,
    ...(data.fingerprint === undefined ? {} : { fingerprint: data.fingerprint }),
    async loadBatch(request) {
      try {
        return await data.loadBatch(request);
      } catch (error) {
        throw workerError("a batch can't be made", error);
      }
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

async function makeLocally({ module, exportName, options }: WorkerStart): Promise<TrainingData> {
  try {
    const loaded: Record<string, unknown> = await import(module);
    const create = loaded[exportName];
    if (typeof create !== "function") {
      throw new TypeError(`${module} exports no function ${JSON.stringify(exportName)}`);
    }
    return await create(options);
  } catch (error) {
    throw workerError("the data set can't be made", error);
  }
}

function leastBusy(workers: readonly DataWorker[]): DataWorker {
  return workers.reduce((least, worker) => (worker.pending < least.pending ? worker : least));
}

/** A path, also a Windows one, or a URL of two letters or more before the colon. */
function urlOf(module: URL | string): string {
  if (module instanceof URL) return module.href;
  return /^[a-z][a-z\d+.-]+:/i.test(module) ? module : pathToFileURL(module).href;
}

import { Worker } from "node:worker_threads";
import type { Batch } from "../engine/engine.ts";
import { TrainError } from "../errors.ts";
import type { BatchRequest } from "./training-data.ts";
import {
  WORKER_CODE,
  type WorkerFailure,
  type WorkerReply,
  type WorkerRequest,
  type WorkerStart,
} from "./worker-code.ts";

/** One thread that makes batches. */
export interface DataWorker {
  /** Batches that it has been asked for and not made yet. */
  readonly pending: number;
  /** What its data set says of itself, once it is there. */
  readonly ready: Promise<{ readonly size: number; readonly fingerprint?: string }>;
  loadBatch(request: BatchRequest): Promise<Batch>;
  dispose(): Promise<void>;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Starts a thread. @throws TrainError `invalid-option` if its options can't be sent to it. */
export function startDataWorker(start: WorkerStart, execArgv?: readonly string[]): DataWorker {
  const worker = createWorker(start, execArgv);
  const waiters = new Map<number, Waiter<Batch>>();
  let lost: TrainError | undefined;
  let next = 0;
  let readyWaiter: Waiter<{ readonly size: number; readonly fingerprint?: string }>;
  const ready = new Promise<{ readonly size: number; readonly fingerprint?: string }>(
    (resolve, reject) => {
      readyWaiter = { resolve, reject };
    },
  );
  ready.catch(() => {});

  const lose = (error: TrainError): void => {
    lost ??= error;
    readyWaiter.reject(lost);
    for (const waiter of waiters.values()) waiter.reject(lost);
    waiters.clear();
  };
  const settle = (id: number): Waiter<Batch> | undefined => {
    const waiter = waiters.get(id);
    waiters.delete(id);
    // A thread that has nothing to do must not keep the process alive.
    if (waiters.size === 0) worker.unref();
    return waiter;
  };
  worker.on("message", (reply: WorkerReply) => {
    switch (reply.kind) {
      case "ready":
        readyWaiter.resolve(reply);
        if (waiters.size === 0) worker.unref();
        break;
      case "failed":
        lose(workerError("the data set can't be made", reply.failure));
        break;
      case "batch":
        settle(reply.id)?.resolve(reply.batch);
        break;
      case "error":
        settle(reply.id)?.reject(workerError("a batch can't be made", reply.failure));
        break;
    }
  });
  worker.on("error", (cause) => {
    lose(
      new TrainError("invalid-data", `createWorkerData: a worker failed: ${cause.message}`, {
        cause,
      }),
    );
  });
  worker.on("exit", (code) => {
    lose(new TrainError("invalid-data", `createWorkerData: a worker has ended with code ${code}`));
  });

  return {
    get pending() {
      return waiters.size;
    },
    ready,
    loadBatch(request) {
      if (lost) return Promise.reject(lost);
      return new Promise((resolve, reject) => {
        const id = next++;
        waiters.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ id, request } satisfies WorkerRequest);
      });
    },
    async dispose() {
      lose(new TrainError("invalid-data", "createWorkerData: the data set has been disposed of"));
      await worker.terminate();
    },
  };
}

/** An error with what a worker, or a data set in this thread, threw as its cause. */
export function workerError(what: string, failure: WorkerFailure | unknown): TrainError {
  const cause = isFailure(failure) ? revive(failure) : failure;
  const text = cause instanceof Error ? cause.message : String(cause);
  return new TrainError("invalid-data", `createWorkerData: ${what}: ${text}`, { cause });
}

function isFailure(failure: unknown): failure is WorkerFailure {
  return !(failure instanceof Error) && typeof (failure as WorkerFailure)?.stack === "string";
}

function revive({ name, message, stack, code }: WorkerFailure): Error {
  return Object.assign(new Error(message), {
    name,
    stack,
    ...(code === undefined ? {} : { code }),
  });
}

function createWorker(start: WorkerStart, execArgv: readonly string[] | undefined): Worker {
  try {
    return new Worker(WORKER_CODE, {
      eval: true,
      workerData: start,
      ...(execArgv ? { execArgv: [...execArgv] } : {}),
    });
  } catch (cause) {
    throw new TrainError(
      "invalid-option",
      `createWorkerData: a worker can't be started (${(cause as Error).message}); options must be plain data`,
      { cause },
    );
  }
}

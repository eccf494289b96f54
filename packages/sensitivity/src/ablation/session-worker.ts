import type { Worker } from "node:worker_threads";
import { RuntimeError } from "@ocrslim/runtime";
import {
  WORKER_CODE,
  type WorkerReply,
  type WorkerRequest,
  type WorkerStart,
} from "./worker-code.ts";

/** A request without its number. */
type Request = WorkerRequest extends infer R ? (R extends unknown ? Omit<R, "id"> : never) : never;

/** One thread that holds sessions. */
export interface SessionWorker {
  /** Requests that it has not answered yet. */
  readonly pending: number;
  /** Numbers of the sessions that it has, or was asked to load. */
  readonly sessions: Set<number>;
  /** @throws Error with the worker's message. */
  ask(request: Request): Promise<WorkerReply>;
  terminate(): Promise<void>;
}

interface Waiter {
  readonly resolve: (reply: WorkerReply) => void;
  readonly reject: (error: Error) => void;
}

/** Starts a thread. */
export async function startSessionWorker(start: WorkerStart): Promise<SessionWorker> {
  const threads = await import("node:worker_threads");
  const worker: Worker = new threads.Worker(WORKER_CODE, { eval: true, workerData: start });
  const waiters = new Map<number, Waiter>();
  let lost: RuntimeError | undefined;
  let next = 0;
  const lose = (problem: string, cause?: unknown): void => {
    lost ??= new RuntimeError("run-failed", `createParallelRuntime: a worker ${problem}`, {
      ...(cause === undefined ? {} : { cause }),
    });
    for (const waiter of waiters.values()) waiter.reject(lost);
    waiters.clear();
  };
  // A thread that has nothing to do must not keep the process alive.
  worker.unref();
  worker.on("message", (reply: WorkerReply) => {
    const waiter = waiters.get(reply.id);
    waiters.delete(reply.id);
    if (waiters.size === 0) worker.unref();
    if (reply.kind === "error") waiter?.reject(new Error(reply.message));
    else waiter?.resolve(reply);
  });
  worker.on("error", (cause) => lose(`failed: ${cause.message}`, cause));
  worker.on("exit", (code) => lose(`has ended with code ${code}`));
  return {
    get pending() {
      return waiters.size;
    },
    sessions: new Set(),
    ask(request) {
      if (lost) return Promise.reject(lost);
      return new Promise((resolve, reject) => {
        const id = next++;
        waiters.set(id, { resolve, reject });
        worker.ref();
        worker.postMessage({ ...request, id } as WorkerRequest);
      });
    },
    async terminate() {
      lose("was disposed of");
      await worker.terminate();
    },
  };
}

import type { Batch } from "../engine/engine.ts";
import type { BatchRequest } from "./training-data.ts";

/** What a worker is started with. */
export interface WorkerStart {
  /** URL of the module. */
  readonly module: string;
  readonly exportName: string;
  readonly options: unknown;
}

/** An error on its way out of a worker. */
export interface WorkerFailure {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string;
}

/** What a worker is asked. */
export interface WorkerRequest {
  readonly id: number;
  readonly request: BatchRequest;
}

/** What a worker answers. */
export type WorkerReply =
  | { readonly kind: "ready"; readonly size: number; readonly fingerprint?: string }
  | { readonly kind: "failed"; readonly failure: WorkerFailure }
  | { readonly kind: "batch"; readonly id: number; readonly batch: Batch }
  | { readonly kind: "error"; readonly id: number; readonly failure: WorkerFailure };

/**
 * The program of a worker. It is text so that it needs no file of its own, neither beside the sources
 * nor in a bundle, and runs where TypeScript can't be imported. Modules in TypeScript go through tsx
 * where Node itself can't import them: loaders of the main thread do not reach into others.
 *
 * Arrays that fill their buffers are handed over; parts of a buffer are copied out of it first, as the
 * rest may belong to somebody else.
 */
export const WORKER_CODE = `
const { parentPort, workerData } = require("node:worker_threads");
const describe = (error) => ({
  name: String(error?.name ?? "Error"),
  message: String(error?.message ?? error),
  stack: String(error?.stack ?? ""),
  ...(typeof error?.code === "string" ? { code: error.code } : {}),
});
const pack = (batch) => {
  const buffers = new Set();
  const packed = {};
  for (const [name, tensor] of Object.entries(batch)) {
    let { data } = tensor;
    if (ArrayBuffer.isView(data)) {
      if (data.byteLength !== data.buffer.byteLength) data = data.slice();
      if (data.buffer instanceof ArrayBuffer) buffers.add(data.buffer);
    }
    packed[name] = { dtype: tensor.dtype, dims: [...tensor.dims], data };
  }
  return [packed, [...buffers]];
};
const start = async () => {
  if (/\\.[mc]?ts$/.test(workerData.module) && !process.features.typescript) {
    const { createRequire } = require("node:module");
    const { pathToFileURL } = require("node:url");
    const loader = createRequire(workerData.module).resolve("tsx/esm/api").replace(/cjs$/, "mjs");
    (await import(pathToFileURL(loader).href)).register();
  }
  const module = await import(workerData.module);
  const create = module[workerData.exportName];
  if (typeof create !== "function") {
    throw new TypeError(
      workerData.module + " exports no function " + JSON.stringify(workerData.exportName),
    );
  }
  const data = await create(workerData.options);
  parentPort.on("message", async ({ id, request }) => {
    try {
      const [batch, buffers] = pack(await data.loadBatch(request));
      parentPort.postMessage({ kind: "batch", id, batch }, buffers);
    } catch (error) {
      parentPort.postMessage({ kind: "error", id, failure: describe(error) });
    }
  });
  parentPort.postMessage({ kind: "ready", size: data.size, fingerprint: data.fingerprint });
};
start().catch((error) => parentPort.postMessage({ kind: "failed", failure: describe(error) }));
`;

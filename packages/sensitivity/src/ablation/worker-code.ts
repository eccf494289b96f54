import type { RuntimeTensor, SessionOptions, SessionPort } from "@ocrslim/runtime";

/** What a worker is started with. */
export interface WorkerStart {
  /** Path of the ONNX Runtime module. */
  readonly module: string;
  readonly executionProviders: readonly string[];
  readonly threads: number;
}

/** What a worker is told; `session` names a model that it has loaded. */
export type WorkerRequest =
  | {
      readonly kind: "load";
      readonly id: number;
      readonly session: number;
      readonly model: Uint8Array | string;
      readonly options: SessionOptions;
    }
  | {
      readonly kind: "run";
      readonly id: number;
      readonly session: number;
      readonly feeds: Readonly<Record<string, RuntimeTensor>>;
      readonly fetches: readonly string[];
    }
  | { readonly kind: "release"; readonly id: number; readonly session: number };

/** What it answers. */
export type WorkerReply =
  | {
      readonly kind: "loaded";
      readonly id: number;
      readonly inputs: readonly SessionPort[];
      readonly outputs: readonly SessionPort[];
    }
  | {
      readonly kind: "outputs";
      readonly id: number;
      readonly outputs: Readonly<Record<string, RuntimeTensor>>;
    }
  | { readonly kind: "released"; readonly id: number }
  | { readonly kind: "error"; readonly id: number; readonly message: string };

/**
 * The program of a worker: sessions of ONNX Runtime, one request after the other. It is text so that
 * it needs no file of its own, neither beside the sources nor in a bundle.
 *
 * ONNX Runtime takes no shared memory, so models and feeds are copied out of it; outputs go into shared
 * memory, which every other worker may be fed with.
 *
 * Sessions live for a few runs. Arenas and plans of memory pay only later: with them the first two
 * runs of a detector take 20 and 30 ms longer, as all pages are new to the process; without them each
 * run is as fast as the third with them.
 */
export const WORKER_CODE = `
const { parentPort, workerData } = require("node:worker_threads");
const ort = require(workerData.module);
const sessions = new Map();
const ports = (names, metadata) => names.map((name) => {
  const found = metadata.find((entry) => entry.name === name);
  if (!found || !found.isTensor) return { name, dtype: "undefined", shape: [] };
  return { name, dtype: found.type, shape: found.shape.map((dim) => (dim === "" ? -1 : dim)) };
});
const toOwn = ({ dtype, dims, data }) => {
  const isShared = ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer;
  return new ort.Tensor(dtype, isShared ? new data.constructor(data) : data, dims);
};
const toShared = ({ type, dims, data }) => {
  if (!ArrayBuffer.isView(data)) return { dtype: type, dims: [...dims], data };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  const View = type === "float16" ? Uint16Array : data.constructor;
  return { dtype: type, dims: [...dims], data: new View(shared) };
};
const handlers = {
  async load({ session, model, options }) {
    const source = typeof model === "string" ? model : new Uint8Array(model);
    const created = await ort.InferenceSession.create(source, {
      executionProviders: workerData.executionProviders,
      graphOptimizationLevel: options.optimization ?? "all",
      logSeverityLevel: 4,
      intraOpNumThreads: options.threads ?? workerData.threads,
      enableCpuMemArena: false,
      enableMemPattern: options.memoryPattern ?? false,
    });
    sessions.set(session, created);
    return {
      kind: "loaded",
      inputs: ports(created.inputNames, created.inputMetadata),
      outputs: ports(created.outputNames, created.outputMetadata),
    };
  },
  async run({ session, feeds, fetches }) {
    const own = {};
    for (const [name, tensor] of Object.entries(feeds)) own[name] = toOwn(tensor);
    const found = await sessions.get(session).run(own, fetches);
    const outputs = {};
    for (const name of fetches) outputs[name] = toShared(found[name]);
    return { kind: "outputs", outputs };
  },
  async release({ session }) {
    await sessions.get(session)?.release();
    sessions.delete(session);
    return { kind: "released" };
  },
};
let last = Promise.resolve();
parentPort.on("message", (request) => {
  last = last.then(async () => {
    try {
      parentPort.postMessage({ ...(await handlers[request.kind](request)), id: request.id });
    } catch (error) {
      const message = String(error?.message ?? error);
      parentPort.postMessage({ kind: "error", id: request.id, message });
    }
  });
});
`;

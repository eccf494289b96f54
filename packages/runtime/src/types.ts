import type { DataType, Model } from "@ocrslim/graph";

/** The elements of a runtime tensor; float16 and bfloat16 are their raw 16-bit patterns. */
export type TensorElements =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/** Data on its way into or out of a session, row-major. */
export interface RuntimeTensor {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  readonly data: TensorElements;
}

/** Name, type and shape of a session's input or output; unknown dimensions are names or -1. */
export interface SessionPort {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: readonly (number | string)[];
}

/** A loaded model. Dispose of it, or use `await using`. */
export interface Session {
  readonly inputs: readonly SessionPort[];
  readonly outputs: readonly SessionPort[];
  /**
   * Runs the model. `fetches` names the outputs wanted; default: all.
   * @throws RuntimeError `invalid-feed` if a feed is missing, unknown or of the wrong type or shape.
   */
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    fetches?: readonly string[],
  ): Promise<Readonly<Record<string, RuntimeTensor>>>;
  /** Frees the model; safe to call twice. Runs in progress finish first. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options of one session. */
export interface SessionOptions {
  /** Threads within one operator. Default: the runtime's own. */
  readonly threads?: number;
  /** Graph optimization of ONNX Runtime. Default: `all`. */
  readonly optimization?: "disabled" | "basic" | "extended" | "all";
  /**
   * Whether ONNX Runtime plans one block of memory for all inner values after the first run. It saves
   * allocations, but for that run the memory is needed twice. Default: true.
   */
  readonly memoryPattern?: boolean;
  /** Where to write a profile (a path prefix); node runtime only. Default: no profile. */
  readonly profilePrefix?: string;
}

/** Runs models: onnxruntime-node by default, or another one of this shape (such as a browser's). */
export interface Runtime {
  /** Such as `onnxruntime-node`. */
  readonly name: string;
  readonly version: string;
  readonly executionProviders: readonly string[];
  /** Threads within one operator, if stated. */
  readonly threads: number | undefined;
  /** Loads a model: an IR model, the bytes of an ONNX file, or a path (node runtime only). */
  load(model: Model | Uint8Array | string, options?: SessionOptions): Promise<Session>;
}

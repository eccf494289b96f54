import { Model } from "@ocrslim/graph";
import type {
  InferenceSession,
  InferenceSessionFactory,
  TensorConstructor,
} from "onnxruntime-common";
import { encodeWhole, fitsOneMessage } from "./encode.ts";
import { messageOf, RuntimeError } from "./errors.ts";
import { createSession } from "./session.ts";
import type { Runtime, Session, SessionOptions } from "./types.ts";

/** What is used of an ONNX Runtime module: `onnxruntime-node`, `onnxruntime-web`, … */
export interface OrtModule {
  readonly InferenceSession: Pick<InferenceSessionFactory, "create">;
  readonly Tensor: TensorConstructor;
}

/** A model written to disk for one session. */
export interface TemporaryModel {
  readonly path: string;
  /** Removes it; called once the session is freed, and if loading fails. */
  remove(): Promise<void>;
}

/** Options of {@link createRuntimeFrom}. */
export interface RuntimeFromOptions {
  /** Name for reports. Default: `onnxruntime`. */
  readonly name?: string;
  /** Version for reports. Default: `unknown`. */
  readonly version?: string;
  /** In order of preference. Default: `["cpu"]`. */
  readonly executionProviders?: readonly string[];
  /** Threads within one operator, 1 or more. Default: the module's own choice. */
  readonly threads?: number;
  /** Threads that run operators beside each other, 1 or more. Default: the module's own choice. */
  readonly interOpThreads?: number;
  /**
   * Writes a model that is too large for one message (2 GB) to a file; without it such a model is
   * refused. Default: none.
   */
  readonly writeTemporary?: (model: Model) => Promise<TemporaryModel>;
}

/**
 * Makes a runtime out of any module of onnxruntime-common's shape. Nothing is loaded yet.
 * @throws RuntimeError `invalid-option` if a thread count is not a positive integer.
 */
export function createRuntimeFrom(ort: OrtModule, options: RuntimeFromOptions = {}): Runtime {
  assertThreads("threads", options.threads);
  assertThreads("interOpThreads", options.interOpThreads);
  const executionProviders = options.executionProviders ?? ["cpu"];
  return {
    name: options.name ?? "onnxruntime",
    version: options.version ?? "unknown",
    executionProviders,
    threads: options.threads,
    async load(model, sessionOptions = {}): Promise<Session> {
      const source = await openSource(model, options);
      const ortOptions = toOrtOptions(options, executionProviders, sessionOptions);
      let session: InferenceSession;
      try {
        session = await (typeof source.content === "string"
          ? ort.InferenceSession.create(source.content, ortOptions)
          : ort.InferenceSession.create(source.content, ortOptions));
      } catch (cause) {
        await source.remove();
        throw new RuntimeError(
          "load-failed",
          `load: ONNX Runtime rejects ${source.name}: ${messageOf(cause)}`,
          { model: source.name, cause },
        );
      }
      return createSession({
        session,
        Tensor: ort.Tensor,
        model: source.name,
        profiled: sessionOptions.profilePrefix !== undefined,
        cleanUp: source.remove,
      });
    },
  };
}

interface Source {
  readonly name: string;
  readonly content: string | Uint8Array;
  readonly remove: () => Promise<void>;
}

async function openSource(
  model: Model | Uint8Array | string,
  options: RuntimeFromOptions,
): Promise<Source> {
  const keep = async (): Promise<void> => {};
  if (typeof model === "string") return { name: model, content: model, remove: keep };
  if (!(model instanceof Model)) {
    return { name: `a model of ${model.byteLength} bytes`, content: model, remove: keep };
  }
  const name = model.graph.name ? `model "${model.graph.name}"` : "a model without a name";
  if (fitsOneMessage(model)) return { name, content: encodeWhole(model), remove: keep };
  if (!options.writeTemporary) {
    throw new RuntimeError(
      "unsupported",
      `load: ${name} has more than 2 GB of weights, and this runtime can not write files; load it by path`,
      { model: name },
    );
  }
  const temporary = await options.writeTemporary(model);
  return { name, content: temporary.path, remove: () => temporary.remove() };
}

function toOrtOptions(
  options: RuntimeFromOptions,
  executionProviders: readonly string[],
  session: SessionOptions,
): InferenceSession.SessionOptions {
  assertThreads("threads", session.threads);
  const threads = session.threads ?? options.threads;
  return {
    executionProviders,
    graphOptimizationLevel: session.optimization ?? "all",
    // Failures come back as exceptions; ONNX Runtime need not print them as well.
    logSeverityLevel: 4,
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(options.interOpThreads === undefined ? {} : { interOpNumThreads: options.interOpThreads }),
    ...(session.memoryPattern === undefined ? {} : { enableMemPattern: session.memoryPattern }),
    ...(session.profilePrefix === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: session.profilePrefix }),
  };
}

function assertThreads(name: string, count: number | undefined): void {
  if (count === undefined || (Number.isSafeInteger(count) && count > 0)) return;
  throw new RuntimeError(
    "invalid-option",
    `createRuntime: ${name} is ${count}; give a positive integer`,
  );
}

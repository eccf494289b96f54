import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { type Model, writeModel } from "@ocrslim/graph";
import * as ort from "onnxruntime-node";
import {
  createRuntimeFrom,
  type RuntimeFromOptions,
  type TemporaryModel,
} from "./create-runtime-from.ts";
import { messageOf, RuntimeError } from "./errors.ts";
import type { Runtime } from "./types.ts";

/** Options of {@link createRuntime}. */
export type RuntimeOptions = Pick<
  RuntimeFromOptions,
  "executionProviders" | "threads" | "interOpThreads"
>;

/**
 * The runtime over onnxruntime-node. Execution providers: `cpu`, and those that
 * {@link listExecutionProviders} names.
 * @throws RuntimeError `invalid-option` if a thread count is not a positive integer.
 */
export function createRuntime(options: RuntimeOptions = {}): Runtime {
  return createRuntimeFrom(ort, {
    ...options,
    name: "onnxruntime-node",
    version: runtimeVersion(),
    writeTemporary,
  });
}

/** Names of the execution providers that this build of onnxruntime-node knows. */
export function listExecutionProviders(): readonly string[] {
  return ort.listSupportedBackends().map(({ name }) => name);
}

/** What measurements depend on. */
export interface MachineDescription {
  /** Model of the first CPU, such as `AMD EPYC 7B13`. */
  readonly cpu: string;
  /** Logical cores that this process may use. */
  readonly cores: number;
  /** Threads within one operator; `undefined` if left to the runtime. */
  readonly threads: number | undefined;
  readonly runtime: string;
  readonly version: string;
}

/** Describes the machine, and the runtime as it is set up. */
export function describeMachine(runtime: Runtime): MachineDescription {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    threads: runtime.threads,
    runtime: runtime.name,
    version: runtime.version,
  };
}

const runtimeVersion = (): string => ort.env.versions.node ?? ort.env.versions.common;

async function writeTemporary(model: Model): Promise<TemporaryModel> {
  const folder = await mkdtemp(join(tmpdir(), "ocrslim-model-"));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const path = join(folder, "model.onnx");
  try {
    await writeModel(model, path, { weights: "external" });
    return { path, remove };
  } catch (cause) {
    await remove();
    throw new RuntimeError(
      "file-access",
      `load: a temporary copy of the model can not be written: ${messageOf(cause)}; free some space in ${tmpdir()}`,
      { cause },
    );
  }
}

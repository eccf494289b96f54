import { stat } from "node:fs/promises";
import { assertValidModel, type Model, readModel } from "@ocrslim/graph";
import { createRuntime, type Runtime } from "@ocrslim/runtime";
import type { CommandContext } from "../command.ts";

/** A model file. */
export interface ModelFile {
  /** As the user gave it. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly model: Model;
}

/** Reads a model file and makes sure that it is sound. */
export async function readModelFile(context: CommandContext, name: string): Promise<ModelFile> {
  const path = context.path(name);
  const model = await readModel(path);
  assertValidModel(model);
  return { name, path, bytes: (await stat(path)).size, model };
}

/** The runtime with the threads that the user wants. */
export function createRuntimeFor(context: CommandContext): Runtime {
  return createRuntime(context.threads === undefined ? {} : { threads: context.threads });
}

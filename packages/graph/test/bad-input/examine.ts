import {
  checkModel,
  createRunContext,
  decodeModel,
  encodeModel,
  findChannelGroups,
  GraphError,
  inferShapes,
  type Model,
  resolveInputShapes,
  simplify,
} from "../../src/index.ts";

/** Runs something that may refuse, but only with a GraphError. */
async function attempt<T>(run: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof GraphError && error.code.length > 0 && error.message.length > 10)
      return undefined;
    throw error;
  }
}

/**
 * Decodes bytes, and does everything with the model that is done with models. Throws if anything
 * fails in another way than with a GraphError. Returns whether there was a model.
 */
export async function examine(
  bytes: Uint8Array,
  options: { readonly simplifies?: boolean } = {},
): Promise<boolean> {
  const model = await attempt(() => decodeModel(bytes));
  if (!model) return false;
  if (Buffer.compare(encodeModel(model), bytes) !== 0)
    throw new Error("an unedited model was encoded differently");
  await examineModel(model, options.simplifies ?? true);
  return true;
}

async function examineModel(model: Model, simplifies: boolean): Promise<void> {
  for (const value of model.graph.initializers) await attempt(() => value.tensor?.bytes);
  await attempt(() => checkModel(model));
  const inputShapes = await attempt(() => resolveInputShapes(model, { size: [32, 32] }));
  const shapes = await attempt(() => inferShapes(model, inputShapes ? { inputShapes } : {}));
  if (shapes) await attempt(() => findChannelGroups(model, { shapes }));
  await attempt(() => model.graph.sort());
  if (simplifies) {
    const transform = simplify();
    await attempt(async () => {
      transform.check?.(model);
      await transform.run(model, createRunContext());
    });
  }
  await attempt(() => encodeModel(model));
}

import { type Model, readModel, resolveInputShapes, simplify, transform } from "@ocrslim/graph";

/** Input shapes by name, with square images. */
export function squareInputs(model: Model, side = 640): Record<string, readonly number[]> {
  return resolveInputShapes(model, { size: [side, side] });
}

/** Reads a model and simplifies it. */
export async function readSimplified(path: string): Promise<Model> {
  const model = await readModel(path);
  await transform(model, simplify());
  return model;
}

/** Marks every node as edited, so that writing encodes all of them anew. */
export function touchNodes(model: Model): void {
  for (const node of model.graph.nodes) {
    const { name } = node;
    node.name = name;
  }
}

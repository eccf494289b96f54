import { inferShapes } from "@ocrslim/graph";
import { expect } from "vitest";
import { nodesModel, runNodes, type SingleNode } from "./run-nodes.ts";

/** Fails unless `inferShapes` gives the dims and types that ONNX Runtime's outputs have. */
export async function expectRealDims(specs: readonly SingleNode[]): Promise<void> {
  const { model, nodes } = nodesModel(specs);
  const shapes = inferShapes(model);
  expect(shapes.issues).toEqual([]);
  const real = await runNodes(specs);
  nodes.forEach((node, at) => {
    const { opType, attributes } = specs[at]!;
    const inferred = node.outputs.map((output) => ({
      opType,
      attributes,
      dims: shapes.shapeOf(output!),
      dtype: shapes.dtypeOf(output!),
    }));
    expect(inferred).toEqual(
      real[at]!.map(({ dims, dtype }) => ({ opType, attributes, dims: [...dims], dtype })),
    );
  });
}

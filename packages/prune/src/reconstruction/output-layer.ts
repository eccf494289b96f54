import { inferShapes, type Model, operatorName, type Value } from "@ocrslim/graph";
import { type LinearLayer, listLinearLayers } from "./linear-layer.ts";

/** A layer whose output becomes probabilities with nothing but a Sigmoid behind it. */
export interface OutputLayer {
  readonly layer: LinearLayer;
  /** The graph output that holds the probabilities, position by position as the layer gives them. */
  readonly output: string;
}

/** The layers that a Sigmoid turns into outputs of the graph, each read by nothing else. */
export function listOutputLayers(
  model: Model,
  inputShapes: Readonly<Record<string, readonly number[]>>,
): readonly OutputLayer[] {
  const shapes = inferShapes(model, { inputShapes });
  const layers = new Map(listLinearLayers(model, shapes).map((layer) => [layer.output, layer]));
  return model.graph.outputs.flatMap((output: Value): OutputLayer[] => {
    const sigmoid = output.producer;
    const logits = sigmoid && operatorName(sigmoid) === "Sigmoid" ? sigmoid.input(0) : undefined;
    const layer = logits && layers.get(logits.name);
    const isFit = layer && layer.kind !== "other" && layer.convGroups === 1 && layer.hasBias;
    return logits && isFit && logits.uses.length === 1 && !logits.isGraphOutput
      ? [{ layer, output: output.name }]
      : [];
  });
}

import type { Model, Value } from "@ocrslim/graph";
import type { LinearLayer } from "./linear-layer.ts";

/**
 * For each layer, the values its input is computed from: outputs of other layers and graph inputs,
 * with nothing linear in between.
 */
export function findCuts(
  model: Model,
  layers: readonly LinearLayer[],
): ReadonlyMap<string, readonly string[]> {
  const isCut = new Set(layers.map(({ output }) => output));
  return new Map(
    layers.map((layer) => {
      const cuts = new Set<string>();
      const seen = new Set<Value>();
      const start = model.graph.value(layer.data);
      const stack = start ? [start] : [];
      for (let value = stack.pop(); value; value = stack.pop()) {
        if (seen.has(value)) continue;
        seen.add(value);
        const { producer } = value;
        if (isCut.has(value.name) || (!producer && !value.isInitializer)) cuts.add(value.name);
        else for (const input of producer?.inputs ?? []) if (input) stack.push(input);
      }
      return [layer.key, [...cuts]];
    }),
  );
}

/** The index of the last layer that needs a value, for graph inputs and layers' outputs. */
export function lastUses(
  layers: readonly LinearLayer[],
  cuts: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, number> {
  const last = new Map<string, number>();
  layers.forEach((layer, index) => {
    last.set(layer.output, index);
    for (const name of cuts.get(layer.key) ?? []) last.set(name, index);
  });
  return last;
}

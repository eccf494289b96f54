import type { Transform } from "../contracts/transform.ts";

const NAME = "sortTopologically";

/**
 * Puts the nodes into an order in which each stands after those it reads from. Nodes keep their
 * order where that is possible.
 *
 * @example
 * ```ts
 * await transform(model, sortTopologically());
 * // Relu(y), Conv(x) → y   →   Conv(x) → y, Relu(y)
 * ```
 * @throws GraphError `invalid-model` when run, if the graph has a cycle.
 * @category Transforms
 */
export function sortTopologically(): Transform {
  return {
    name: NAME,
    run: (model) => ({ modified: model.graph.sort() }),
  };
}

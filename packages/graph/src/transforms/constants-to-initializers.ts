import type { Transform } from "../contracts/transform.ts";
import { constantNodeTensor } from "./support/constants.ts";
import { isOperator } from "./support/edit.ts";

const NAME = "constantsToInitializers";

/**
 * Turns Constant nodes into initializers of the same name. Constants that the graph returns, sparse
 * ones, and those inside subgraphs stay.
 *
 * @example
 * ```ts
 * await transform(model, constantsToInitializers());
 * // Constant → Add   →   Add, with an initializer
 * ```
 * @category Transforms
 */
export function constantsToInitializers(): Transform {
  return {
    name: NAME,
    run(model) {
      const { graph } = model;
      let constants = 0;
      for (const node of graph.nodes) {
        if (!isOperator(node, "Constant") || !node.outputs[0]) continue;
        const { output } = node;
        const tensor = constantNodeTensor(node);
        if (!tensor || output.isGraphOutput) continue;
        const { name } = output;
        const uses = [...output.uses];
        const initializer = graph.addInitializer(name, tensor);
        for (const use of uses) use.node.setInput(use.index, initializer);
        graph.remove(node);
        initializer.name = name;
        constants++;
      }
      return { modified: constants > 0, counts: { constants } };
    },
  };
}

import type { Transform } from "../contracts/transform.ts";
import type { Node } from "../ir/node.ts";

const NAME = "removeUnused";

/**
 * Removes nodes whose outputs nobody reads and initializers that nobody reads, and with them their
 * value infos. Graph inputs stay.
 *
 * @example
 * ```ts
 * await transform(model, removeUnused());
 * // Conv → Relu → (output)          Conv → Relu → (output)
 * //      ↘ Sigmoid            →
 * ```
 * @category Transforms
 */
export function removeUnused(): Transform {
  return {
    name: NAME,
    run(model) {
      const { graph } = model;
      let nodes = 0;
      let initializers = 0;
      for (const node of [...graph.nodes].reverse()) {
        if (isRead(node)) continue;
        graph.remove(node);
        nodes++;
      }
      for (const value of graph.initializers) {
        if (value.uses.length > 0 || value.isGraphOutput || value.isGraphInput) continue;
        graph.removeInitializer(value);
        initializers++;
      }
      return {
        modified: nodes + initializers > 0,
        counts: { unusedNodes: nodes, unusedInitializers: initializers },
      };
    },
  };
}

function isRead(node: Node): boolean {
  return node.outputs.some((value) => value && (value.uses.length > 0 || value.isGraphOutput));
}

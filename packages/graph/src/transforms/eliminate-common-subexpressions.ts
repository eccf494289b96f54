import type { Transform } from "../contracts/transform.ts";
import type { Attribute } from "../ir/attribute.ts";
import type { Node } from "../ir/node.ts";
import type { Value } from "../ir/value.ts";
import { bypass } from "./support/edit.ts";

const NAME = "eliminateCommonSubexpressions";

/** Two of these with the same inputs differ. */
const RANDOM = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Multinomial",
  "Bernoulli",
]);

/**
 * Lets nodes that compute the same (operator, inputs, attributes) be one. Random operators, training
 * Dropout, operators of other domains, and nodes with subgraphs or tensor attributes stay apart; so
 * do two that both compute a graph output.
 *
 * @example
 * ```ts
 * await transform(model, eliminateCommonSubexpressions());
 * // Shape(x) → Gather, Shape(x) → Gather   →   Shape(x) → Gather
 * ```
 * @category Transforms
 */
export function eliminateCommonSubexpressions(): Transform {
  return {
    name: NAME,
    run(model) {
      const ids = new Map<Value, number>();
      const seen = new Map<string, Node>();
      let mergedNodes = 0;
      for (const node of model.graph.nodes) {
        const key = expressionKey(node, ids);
        if (key === undefined) continue;
        const twin = seen.get(key);
        if (!twin) seen.set(key, node);
        else if (isMergeable(node, twin) && bypass(node, twin.output)) mergedNodes++;
      }
      return { modified: mergedNodes > 0, counts: { mergedNodes } };
    },
  };
}

function isMergeable(node: Node, twin: Node): boolean {
  return node.outputs.length === 1 && twin.outputs.length === 1 && twin.outputs[0] !== undefined;
}

function expressionKey(node: Node, ids: Map<Value, number>): string | undefined {
  if (node.domain !== "" || RANDOM.has(node.opType) || node.opType === "Dropout") return undefined;
  const attributes: string[] = [];
  for (const attribute of node.attributes) {
    const key = attributeKey(attribute);
    if (key === undefined) return undefined;
    attributes.push(key);
  }
  const inputs = node.inputs.map((value) => {
    if (!value) return "";
    const id = ids.get(value) ?? ids.size;
    ids.set(value, id);
    return id;
  });
  return `${node.opType}(${inputs})${attributes.sort().join(";")}`;
}

function attributeKey(attribute: Attribute): string | undefined {
  switch (attribute.type) {
    case "float":
    case "int":
    case "string":
    case "floats":
    case "ints":
    case "strings":
      return `${attribute.name}:${attribute.type}=${JSON.stringify(attribute.value, (_, item) => (typeof item === "number" ? String(item) : item))}`;
    default:
      return undefined;
  }
}

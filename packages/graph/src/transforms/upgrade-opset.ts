import type { Transform } from "../contracts/transform.ts";
import { GraphError } from "../errors.ts";
import { listSubgraphs } from "../ir/graph.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import { type UpgradeStep, unchangedOperators, upgradeSteps } from "./support/opset-upgrades.ts";
import { inferPartialShapes, type PartialShapes } from "./support/partial-shapes.ts";
import { OLDEST_OPSET, requireOpset } from "./support/require-opset.ts";

const NAME = "upgradeOpset";

/** The newest opset that {@link upgradeOpset} converts to. */
export const NEWEST_OPSET = 20;

/** The oldest file format that goes with each opset from 7 on. */
const IR_VERSIONS: readonly number[] = [3, 3, 4, 5, 6, 7, 7, 7, 8, 8, 8, 8, 9, 9];

/**
 * Converts a model to a newer version of the standard operators, and raises the file format with it.
 * Attributes that became inputs are moved. A model of that version or a newer one stays as it is.
 *
 * @example
 * ```ts
 * await transform(model, upgradeOpset(14));
 * // opset 10: Clip(x, min: 0, max: 6)   →   opset 14: Clip(x, 0, 6)
 * ```
 * @throws GraphError `invalid-option` if `target` is not an integer from 7 to 20.
 * @throws GraphError `unsupported`, changing nothing, if an operator is not known to keep its meaning.
 * @category Transforms
 */
export function upgradeOpset(target: number): Transform {
  if (!Number.isInteger(target) || target < OLDEST_OPSET || target > NEWEST_OPSET) {
    throw new GraphError(
      "invalid-option",
      `${NAME}: target must be an integer from ${OLDEST_OPSET} to ${NEWEST_OPSET}, got ${target}`,
    );
  }
  return {
    name: NAME,
    check(model) {
      requireOpset(NAME, model);
      const obstacle = findUpgradeObstacle(model, target);
      if (!obstacle) return;
      throw new GraphError(
        "unsupported",
        `${NAME}: ${obstacle.reason} from opset ${model.opset} to ${target}; leave the opset as it is`,
        obstacle.node ? { node: obstacle.node.name || obstacle.node.key } : {},
      );
    },
    run(model) {
      if (model.opset >= target) return { modified: false };
      const rewrittenNodes = upgrade(model, target);
      return { modified: true, counts: { rewrittenNodes } };
    },
  };
}

/** What stands against an upgrade, or `undefined` if nothing does. */
export function findUpgradeObstacle(
  model: Model,
  target: number,
): { readonly reason: string; readonly node?: Node } | undefined {
  const { opset } = model;
  if (opset >= target) return undefined;
  if (model._functions.size > 0) return { reason: "the model's own functions cannot be converted" };
  const known = inferPartialShapes(model.graph, opset);
  for (const node of model.graph.nodes) {
    if (listSubgraphs(node).length > 0) {
      return { reason: `${node.describe()} has subgraphs, which cannot be converted`, node };
    }
    if (node.domain !== "") continue;
    if (!canUpgrade(node, known, opset, target)) {
      return { reason: `${node.describe()} cannot be converted`, node };
    }
  }
  return undefined;
}

function stepsBetween(
  node: Node,
  opset: number,
  target: number,
): readonly UpgradeStep[] | undefined {
  if (unchangedOperators.has(node.opType)) return [];
  return upgradeSteps.get(node.opType)?.filter(({ since }) => since > opset && since <= target);
}

function canUpgrade(node: Node, known: PartialShapes, opset: number, target: number): boolean {
  const steps = stepsBetween(node, opset, target);
  return steps?.every(({ isPossible }) => isPossible?.(node, known, opset) ?? true) ?? false;
}

function upgrade(model: Model, target: number): number {
  const { graph, opset } = model;
  const known = inferPartialShapes(graph, opset);
  let rewrittenNodes = 0;
  for (const node of graph.nodes) {
    if (node.domain !== "") continue;
    const steps = stepsBetween(node, opset, target) ?? [];
    for (const { apply } of steps) apply?.(node, known);
    if (steps.some(({ apply }) => apply !== undefined)) rewrittenNodes++;
  }
  model.setOpset("", target);
  const irVersion = IR_VERSIONS[target - OLDEST_OPSET] ?? model.irVersion;
  if (model.irVersion < irVersion) model.irVersion = irVersion;
  return rewrittenNodes;
}

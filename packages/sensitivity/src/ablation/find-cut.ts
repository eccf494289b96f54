import { listSubgraphs, type Model, type Value } from "@ocrslim/graph";
import type { ValueMatcher } from "./match-values.ts";

/** A value that the variant's own part reads. */
export interface FrontierValue {
  /** Its name in the variant. */
  readonly variant: string;
  /** The name of the baseline's value: a computed one or an input. */
  readonly baseline: string;
}

/** Where a variant begins to differ from the model that it was made of. */
export interface Cut {
  /** What the variant's own part reads of what it shares. */
  readonly frontier: readonly FrontierValue[];
  /** Outputs of the variant that its own part computes, in order. */
  readonly changed: readonly string[];
  /** Outputs that are the same as a value of the baseline. */
  readonly unchanged: readonly FrontierValue[];
}

/**
 * Whether parts of a model can be run by themselves. Not so for models with subgraphs, functions or
 * sparse constants.
 */
export function isCuttable(model: Model): boolean {
  for (const value of model.graph.initializers) if (!value.tensor) return false;
  for (const node of model.graph.nodes) {
    if (listSubgraphs(node).length > 0 || model.hasFunction(node.domain, node.opType)) return false;
  }
  return true;
}

/**
 * Finds where a variant begins to differ: the values that are the same in both, and are read by nodes
 * that are not. What depends on no input is left to the variant, for constants to be folded.
 */
export function findCut(variant: Model, matcher: ValueMatcher): Cut {
  const twins = matcher.match(variant);
  const varying = findVarying(variant);
  const frontier = new Map<string, FrontierValue>();
  const addSource = (value: Value): void => {
    const { name } = value;
    if (value.isGraphInput && !value.isInitializer) {
      frontier.set(name, { variant: name, baseline: name });
    }
    const twin = twins.get(value);
    if (twin && varying.has(value)) frontier.set(name, { variant: name, baseline: twin.name });
  };
  const outputs = variant.graph.outputs.map((value) => ({
    value,
    twin: value.isGraphInput && !value.isInitializer ? value : twins.get(value),
  }));
  // Nodes that are not the baseline's, as far as an output depends on them.
  const waiting = outputs.filter(({ twin }) => !twin).map(({ value }) => value);
  const visited = new Set<Value>();
  for (let value = waiting.pop(); value; value = waiting.pop()) {
    if (visited.has(value)) continue;
    visited.add(value);
    addSource(value);
    if (frontier.has(value.name)) continue;
    for (const input of value.producer?.inputs ?? []) if (input) waiting.push(input);
  }
  return {
    frontier: [...frontier.values()],
    changed: outputs.filter(({ twin }) => !twin).map(({ value }) => value.name),
    unchanged: outputs.flatMap(({ value, twin }) =>
      twin ? [{ variant: value.name, baseline: twin.name }] : [],
    ),
  };
}

/** Values that depend on an input of the model. */
function findVarying(model: Model): ReadonlySet<Value> {
  const varying = new Set<Value>(model.graph.inputs.filter((value) => !value.isInitializer));
  for (const node of model.graph.nodes) {
    if (!node.inputs.some((input) => input && varying.has(input))) continue;
    for (const output of node.outputs) if (output) varying.add(output);
  }
  return varying;
}

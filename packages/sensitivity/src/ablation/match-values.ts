import type { Attribute, Model, Node, Tensor, Value } from "@ocrslim/graph";

/*
 * Two values are the same if the same operator with the same attributes makes them from the same
 * values, down to constants of equal bytes and inputs of equal names. Values of the baseline get
 * numbers, equal ones the same (as in common subexpression elimination); a variant's nodes are looked
 * up by what they are made of. Names of inner values play no part, so that a variant may have been
 * simplified. Weights are shared between a model and its clones, so that most comparisons end at
 * object identity.
 */

/** Finds the values of variants in the model that they were made of. */
export interface ValueMatcher {
  /** The baseline's value for each computed value of a variant that has one. */
  match(variant: Model): ReadonlyMap<Value, Value>;
}

/** Operators that give other results each time. */
const RANDOM: ReadonlySet<string> = new Set([
  "RandomNormal",
  "RandomNormalLike",
  "RandomUniform",
  "RandomUniformLike",
  "Bernoulli",
  "Multinomial",
]);

/** Numbers the values of a model for comparison with variants of it. */
export function createValueMatcher(baseline: Model): ValueMatcher {
  const constants = createConstantNumbers();
  const values = new Map<string, Value>();
  const numbers = new Map<Value, string>();
  const learn = createNumbering(baseline, constants.learn, (key, output, index) => {
    const number = `${key}#${index}`;
    const twin = values.get(number);
    if (!twin) values.set(number, output);
    numbers.set(output, twin ? (numbers.get(twin) ?? "") : `n${values.size}`);
    return numbers.get(output);
  });
  for (const node of baseline.graph.nodes) learn(node);

  return {
    match(variant) {
      const found = new Map<Value, Value>();
      const look = createNumbering(variant, constants.find, (key, output, index) => {
        const twin = values.get(`${key}#${index}`);
        if (!twin) return undefined;
        found.set(output, twin);
        return numbers.get(twin);
      });
      for (const node of variant.graph.nodes) look(node);
      return found;
    },
  };
}

/** Returns what numbers the outputs of one node after the other, in order. */
function createNumbering(
  model: Model,
  numberOf: (tensor: Tensor) => number | undefined,
  assign: (key: string, output: Value, index: number) => string | undefined,
): (node: Node) => void {
  const computed = new Map<Value, string>();
  const sourceOf = (value: Value | undefined): string | undefined => {
    if (!value) return "";
    if (value.tensor) {
      const number = numberOf(value.tensor);
      return number === undefined ? undefined : `t${number}`;
    }
    if (value.isInitializer) return undefined;
    return value.isGraphInput ? `i${JSON.stringify(value.name)}` : computed.get(value);
  };
  return (node) => {
    if (RANDOM.has(node.opType)) return;
    const parts = [node.opType, node.domain, String(model.opsetImports.get(node.domain) ?? "")];
    for (const input of node.inputs) {
      const source = sourceOf(input);
      if (source === undefined) return;
      parts.push(source);
    }
    parts.push("|", node.outputs.map((output) => (output ? "1" : "0")).join(""));
    for (const attribute of node.attributes.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const content = contentOf(attribute, numberOf);
      if (content === undefined) return;
      parts.push(content);
    }
    const key = parts.join(" ");
    node.outputs.forEach((output, index) => {
      const number = output && assign(key, output, index);
      if (number !== undefined) computed.set(output as Value, number);
    });
  };
}

/** An attribute as text; `undefined` for what is not compared (subgraphs, kinds carried unread). */
function contentOf(
  attribute: Attribute,
  numberOf: (tensor: Tensor) => number | undefined,
): string | undefined {
  const { name, type, value } = attribute;
  switch (type) {
    case "graph":
    case "graphs":
    case "opaque":
      return undefined;
    case "tensor":
    case "tensors": {
      const numbers = [value].flat().map((tensor) => numberOf(tensor));
      return numbers.includes(undefined) ? undefined : `${name}:${type}:${numbers}`;
    }
    default:
      return `${name}:${type}:${JSON.stringify(value)}`;
  }
}

/** Numbers of tensors, by identity and, failing that, by type, dims and bytes. */
function createConstantNumbers(): {
  readonly learn: (tensor: Tensor) => number;
  readonly find: (tensor: Tensor) => number | undefined;
} {
  const known = new Map<Tensor, number>();
  const alike = new Map<string, Tensor[]>();
  // Variants come and go; their tensors are not kept.
  const seen = new WeakMap<Tensor, number | undefined>();
  const keyOf = ({ dtype, dims }: Tensor): string => `${dtype} ${dims}`;
  const find = (tensor: Tensor): number | undefined => {
    const number = known.get(tensor);
    if (number !== undefined || seen.has(tensor)) return number ?? seen.get(tensor);
    const twin = alike.get(keyOf(tensor))?.find((other) => haveEqualData(tensor, other));
    const found = twin && known.get(twin);
    seen.set(tensor, found);
    return found;
  };
  return {
    find,
    learn(tensor) {
      const twin = known.get(tensor) ?? find(tensor);
      if (twin !== undefined) {
        known.set(tensor, twin);
        return twin;
      }
      const key = keyOf(tensor);
      alike.set(key, [...(alike.get(key) ?? []), tensor]);
      const number = known.size;
      known.set(tensor, number);
      seen.delete(tensor);
      return number;
    },
  };
}

function haveEqualData(a: Tensor, b: Tensor): boolean {
  if (a.dtype === "string") return a.stringValues().join("\0") === b.stringValues().join("\0");
  const [left, right] = [a.bytes, b.bytes];
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

import { elementCount, type Model, type Value } from "@ocrslim/graph";
import { TrainError } from "../errors.ts";
import { backpropagate } from "../gradients/backpropagate.ts";
import type { GradientRule } from "../gradients/gradient-rule.ts";
import type { Ops } from "../ops/ops.ts";
import { addOutput } from "../step/outputs.ts";
import { prepareModel } from "../step/prepare-model.ts";
import { findLikelihoodPoint } from "./find-logits.ts";

/** A model that gives gradients, summed channel by channel. */
export interface GradientGraph {
  readonly model: Model;
  /** Inputs that take random signs, and how many each. */
  readonly signs: readonly { readonly name: string; readonly dims: readonly number[] }[];
  /** The values that the likelihood depends on, with the outputs that hold their sums. */
  readonly sums: readonly {
    readonly value: string;
    readonly squares: string;
    readonly products: string;
  }[];
}

/** Probabilities are kept this far away from 0 and 1 where they are divided by. */
const SMALLEST = 1e-6;

/**
 * Builds a graph whose outputs are, for each value v [N, C, …], Σ g² and Σ v·g over all but the
 * channel axis, g the gradient of Σ s·√(p(1−p))·logit with s the random signs that are fed: of a
 * sample's log-likelihood up to sign, since y − p has the mean 0 and the variance p(1−p).
 */
export async function buildGradientGraph(
  model: Model,
  options: {
    readonly values: readonly string[];
    readonly inputShapes: Readonly<Record<string, readonly number[]>>;
    readonly rules?: ReadonlyMap<string, GradientRule>;
  },
): Promise<GradientGraph> {
  const { model: prepared, ops } = await prepareModel(model, options.inputShapes);
  const { graph } = prepared;
  const wrt = options.values.map((name) => requireValue(ops, name));
  const signs: { name: string; dims: readonly number[] }[] = [];
  const parts: Value[] = [];
  const scales: { placeholder: Value; make: () => Value }[] = [];
  for (const output of [...graph.outputs]) {
    if (!ops.dtype(output).startsWith("float")) continue;
    const point = findLikelihoodPoint(output);
    const dims = ops.dims(point.value);
    const sign = ops.input(graph.uniqueName("sign"), dims, ops.dtype(point.value));
    signs.push({ name: sign.name, dims });
    // The scale is not to be differentiated, so that it is put in once the gradient stands.
    const placeholder = ops.input(graph.uniqueName("scale"), dims, ops.dtype(point.value));
    parts.push(ops.sum(ops.mul(ops.mul(sign, placeholder), point.value)));
    scales.push({ placeholder, make: () => deviation(ops, point.value, point.isLogit) });
  }
  const [first, ...rest] = parts;
  if (!first) {
    throw new TrainError(
      "not-differentiable",
      "createChannelGradients: the model has no output of floats; give one whose outputs are probabilities",
    );
  }
  const loss = rest.reduce((total, part) => ops.add(total, part), first);
  const gradients = backpropagate(ops, {
    loss,
    wrt,
    ...(options.rules ? { rules: options.rules } : {}),
  });
  for (const { placeholder, make } of scales) placeholder.replaceAllUsesWith(make());
  const unused = new Set(scales.map(({ placeholder }) => placeholder));
  graph.setInputs(graph.inputs.filter((input) => !unused.has(input)));
  graph.setOutputs([]);
  const sums = wrt.flatMap((value, index) => {
    const gradient = gradients.get(value);
    if (!gradient) return [];
    const squares = `squares_${index}`;
    const products = `products_${index}`;
    const flat = byChannel(ops, gradient);
    addOutput(ops, ops.sum(ops.square(flat), [1]), squares);
    addOutput(ops, ops.sum(ops.mul(byChannel(ops, value), flat), [1]), products);
    return [{ value: value.name, squares, products }];
  });
  graph.sort();
  return { model: prepared, signs, sums };
}

function requireValue(ops: Ops, name: string): Value {
  const value = ops.graph.value(name);
  const problem = !value
    ? "which is not a value of the model"
    : !ops.dtype(value).startsWith("float")
      ? `which is of type ${ops.dtype(value)}`
      : ops.dims(value).length < 2
        ? `which is of dims [${ops.dims(value)}], without a channel axis`
        : undefined;
  if (value && !problem) return value;
  throw new TrainError(
    "invalid-option",
    `createChannelGradients: values names "${name}", ${problem}; name computed floats [N, C, …]`,
    { value: name },
  );
}

/** √(p(1−p)) for a logit; its inverse for a probability, since ∂logit/∂p = 1/(p(1−p)). */
function deviation(ops: Ops, value: Value, isLogit: boolean): Value {
  const p = isLogit ? ops.sigmoid(value) : ops.clip(value, SMALLEST, 1 - SMALLEST);
  const root = ops.sqrt(ops.mul(p, ops.sub(1, p)));
  return isLogit ? root : ops.reciprocal(root);
}

/** [N, C, …] → [C, N · …]. */
function byChannel(ops: Ops, value: Value): Value {
  const [batch = 1, channels = 1, ...spatial] = ops.dims(value);
  const positions = elementCount(spatial);
  if (batch === 1) return ops.reshape(value, [channels, positions]);
  const split = ops.reshape(value, [batch, channels, positions]);
  return ops.reshape(ops.transpose(split, [1, 0, 2]), [channels, batch * positions]);
}

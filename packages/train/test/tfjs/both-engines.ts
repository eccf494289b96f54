import {
  cloneModel,
  createRandom,
  inferShapes,
  type Model,
  operatorName,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import type { Feeds } from "@ocrslim/runtime";
import { createTestModel, type NumbersLike, runModel } from "@ocrslim/test-utils";
import * as tf from "@tensorflow/tfjs";
import { backpropagate } from "../../src/gradients/backpropagate.ts";
import { gradientRules } from "../../src/gradients/gradient-rules.ts";
import { createOps } from "../../src/ops/ops.ts";
import { lowerModel } from "../../src/tfjs/lower-model.ts";
import type { TfTensor } from "../../src/tfjs/tfjs.ts";
import type { TfjsCase } from "./cases/tfjs-case.ts";

tf.enableProdMode();

/** Results by name. */
export type Results = Readonly<Record<string, NumbersLike>>;

/** The case's model, with its random weights as inputs, and feeds for all of them. */
export interface PreparedCase {
  readonly model: Model;
  readonly feeds: Feeds;
}

/** Builds the case; inputs and weights are numbered in the order of the graph. */
export function prepare(own: TfjsCase, seed = 7): PreparedCase {
  const inputs = Object.fromEntries(own.inputs.map((dims, index) => [`x${index}`, dims]));
  const model = createTestModel({ inputs, opset: own.opset ?? 20, build: own.build });
  const { graph } = model;
  const random = createRandom(seed);
  const [low, high] = own.range ?? [-2, 2];
  const feeds: Record<string, Feeds[string]> = {};
  for (const input of graph.inputs) {
    const dims = own.inputs[graph.inputs.indexOf(input)] ?? [];
    const size = dims.reduce((product, dim) => product * dim, 1);
    const data = Float32Array.from({ length: size }, () => low + random() * (high - low));
    feeds[input.name] = { dtype: "float32", dims, data };
  }
  for (const value of [...graph.initializers]) {
    const { tensor } = value;
    if (tensor?.dtype !== "float32" || !isWeight(value)) continue;
    const type = { kind: "tensor", dtype: "float32", shape: tensor.dims } as const;
    const lifted = graph.addInput(`${value.name}_lifted`, type);
    value.replaceAllUsesWith(lifted);
    graph.removeInitializer(value);
    feeds[lifted.name] = {
      dtype: "float32",
      dims: tensor.dims,
      data: tensor.float32Values().slice(),
    };
  }
  return { model, feeds };
}

/** Scales, limits and the like are constants in both engines. */
function isWeight(value: Value): boolean {
  return value.consumers.every(({ opType }) => opType !== "Resize" && opType !== "OneHot");
}

export { runModel as runOnOrt };

function feedTensors(feeds: Feeds): Record<string, TfTensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dims, data }]) => [
      name,
      tf.tensor((data as Float32Array).slice(), [...dims], "float32"),
    ]),
  );
}

/** Runs in tf.tidy, whose types know tensors only. */
function tidy(compute: () => Results): Results {
  let results: Results = {};
  tf.tidy(() => {
    results = compute();
  });
  return results;
}

function toResults(tensors: Readonly<Record<string, TfTensor>>): Results {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [
      name,
      { dims: tensor.shape, data: Float32Array.from(tensor.dataSync()) },
    ]),
  );
}

/** Outputs on TensorFlow.js. */
export function runOnTfjs({ model, feeds }: PreparedCase): Results {
  const lowered = lowerModel(tf, model);
  const results = tidy(() => toResults(lowered.run(feedTensors(feeds))));
  lowered.dispose();
  return results;
}

/** Random factors of a sum over each output, so that the loss tells the elements apart. */
function lossWeights(model: Model): ReadonlyMap<string, Tensor> {
  const random = createRandom(11);
  const shapes = inferShapes(model);
  return new Map(
    model.graph.outputs.map((output) => {
      const dims = shapes.shapeOf(output) ?? [];
      const size = dims.reduce((product, dim) => product * dim, 1);
      return [
        output.name,
        Tensor.float32(
          dims,
          Array.from({ length: size }, () => random() - 0.4),
        ),
      ];
    }),
  );
}

/** Gradients with respect to each input, by TensorFlow.js. */
export function differentiateOnTfjs({ model, feeds }: PreparedCase): Results {
  const weights = lossWeights(model);
  const lowered = lowerModel(tf, model);
  const results = tidy(() => {
    const tensors = feedTensors(feeds);
    const names = Object.keys(tensors);
    const gradients = tf.grads((...inputs: TfTensor[]) => {
      const named = Object.fromEntries(
        names.map((name, index) => [name, inputs[index] as TfTensor]),
      );
      const terms = Object.entries(lowered.run(named)).map(([name, output]) => {
        const weight = weights.get(name);
        const factors = tf.tensor(weight?.float32Values().slice() ?? [], [...(weight?.dims ?? [])]);
        return tf.sum(tf.mul(output, factors));
      });
      // tf.grads refuses inputs that the result does not depend on.
      const none = inputs.map((input) => tf.mul(tf.sum(input), 0));
      return tf.addN([...terms, ...none]);
    })(Object.values(tensors));
    return toResults(
      Object.fromEntries(names.map((name, index) => [name, gradients[index] as TfTensor])),
    );
  });
  lowered.dispose();
  return results;
}

/** The model with the loss as its only output. */
function withLoss(model: Model): { readonly copy: Model; readonly loss: Value } {
  const copy = cloneModel(model);
  const weights = lossWeights(model);
  const ops = createOps(copy);
  const terms = copy.graph.outputs.map((output) => {
    const weight = weights.get(output.name);
    return ops.sum(ops.mul(output, ops.constant(weight ?? Tensor.float32([], [1]))));
  });
  const loss = terms.reduce((a, b) => ops.add(a, b));
  copy.graph.setOutputs([loss]);
  return { copy, loss };
}

/** Whether the project's own rules know every operator of the model. */
export function hasRules(model: Model): boolean {
  return [...model.graph.nodes].every((node) => gradientRules.has(operatorName(node)));
}

/** Gradients by the project's own rules, on ONNX Runtime; zeros where the loss does not depend. */
export async function differentiateOnOrt({ model, feeds }: PreparedCase): Promise<Results> {
  const { copy, loss } = withLoss(model);
  const ops = createOps(copy);
  const inputs = [...copy.graph.inputs];
  const gradients = backpropagate(ops, { loss, wrt: inputs });
  const outputs = inputs.map((input) => {
    const gradient = gradients.get(input) ?? ops.mul(input, 0);
    return gradient.isGraphInput || gradient.isInitializer ? ops.mul(gradient, 1) : gradient;
  });
  copy.graph.setOutputs(outputs.map((output) => ops.node("Identity", [output])));
  const results = await runModel(copy, feeds);
  return Object.fromEntries(
    inputs.map((input, index) => [
      input.name,
      results[copy.graph.outputs[index]?.name ?? ""] as NumbersLike,
    ]),
  );
}

/** A number for each element of each input, of length 1 together. */
export function randomDirection({ feeds }: PreparedCase, seed: number): Results {
  const random = createRandom(seed);
  const size = Object.values(feeds).reduce((sum, { data }) => sum + data.length, 0);
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { dims, data }]) => [
      name,
      {
        dims,
        data: Float32Array.from(
          { length: data.length },
          () => (random() - 0.5) / Math.sqrt(size / 12),
        ),
      },
    ]),
  );
}

/** Sum of the products of all elements. */
export function product(a: Results, b: Results): number {
  let total = 0;
  for (const [name, { data }] of Object.entries(a)) {
    const other = b[name]?.data ?? [];
    data.forEach((value, at) => {
      total += Number(value) * Number(other[at]);
    });
  }
  return total;
}

/** Slope of the loss along a direction in all inputs, by central differences on ONNX Runtime. */
export async function slopeAlong(
  { model, feeds }: PreparedCase,
  direction: Results,
  step = 1e-2,
): Promise<number> {
  const { copy, loss } = withLoss(model);
  const lossAt = async (by: number): Promise<number> => {
    const moved = Object.entries(feeds).map(([name, feed]) => {
      const along = direction[name]?.data ?? [];
      const data = (feed.data as Float32Array).map((value, at) => value + by * Number(along[at]));
      return [name, { ...feed, data }] as const;
    });
    const results = await runModel(copy, Object.fromEntries(moved));
    return Number(results[loss.name]?.data[0]);
  };
  return ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
}

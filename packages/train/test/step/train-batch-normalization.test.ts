import { createRandom, float, type Model, type Value } from "@ocrslim/graph";
import { addNode, createTestModel, expectClose, randomWeight, runModel } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { backpropagate } from "../../src/gradients/backpropagate.ts";
import { createOps } from "../../src/ops/ops.ts";
import { trainBatchNormalization } from "../../src/step/train-batch-normalization.ts";

const EPSILON = 1e-3;

/** Relu after a BatchNormalization of another momentum than the default, unless it is 0.9. */
function normalizeAndRelu(dims: readonly number[], momentum: number): Model {
  return createTestModel({
    inputs: { x: dims },
    opset: 18,
    build: (graph, x) => {
      const channels = [dims[1] ?? 1];
      const inputs = [
        x,
        randomWeight(graph, "scale", channels, 0.5, 1.5),
        randomWeight(graph, "bias", channels),
        randomWeight(graph, "mean", channels),
        randomWeight(graph, "variance", channels, 0.5, 1.5),
      ];
      const attributes = {
        epsilon: float(EPSILON),
        ...(momentum === 0.9 ? {} : { momentum: float(momentum) }),
      };
      const normal = addNode(graph, "BatchNormalization", inputs, dims, attributes);
      normal.name = "normal";
      return addNode(graph, "Relu", [normal], dims);
    },
  });
}

/** The training form, with a loss Σ weight · y, in double precision. */
function computeInDouble(
  dims: readonly number[],
  momentum: number,
  values: Readonly<Record<string, ArrayLike<number>>>,
): Readonly<Record<string, Float64Array>> {
  const [batch = 1, channels = 1, ...spatial] = dims;
  const positions = spatial.reduce((total, dim) => total * dim, 1);
  const count = batch * positions;
  const at = (name: string, index: number): number => values[name]?.[index] ?? Number.NaN;
  const made = (size: number): Float64Array => new Float64Array(size);
  const results = {
    y: made(count * channels),
    mean: made(channels),
    variance: made(channels),
    x: made(count * channels),
    scale: made(channels),
    bias: made(channels),
  };
  for (let channel = 0; channel < channels; channel++) {
    const places = Array.from({ length: count }, (_, i) => {
      const image = Math.floor(i / positions);
      return (image * channels + channel) * positions + (i % positions);
    });
    const average = (of: (place: number) => number): number =>
      places.reduce((sum, place) => sum + of(place), 0) / count;
    const mean = average((place) => at("x", place));
    const variance = average((place) => (at("x", place) - mean) ** 2);
    const deviation = Math.sqrt(variance + EPSILON);
    const normal = (place: number): number => (at("x", place) - mean) / deviation;
    const loss = (place: number): number => {
      const y = at("scale", channel) * normal(place) + at("bias", channel);
      results.y[place] = Math.max(y, 0);
      return y > 0 ? at("weight", place) : 0;
    };
    const meanLoss = average(loss);
    const meanProduct = average((place) => loss(place) * normal(place));
    for (const place of places) {
      results.x[place] =
        (at("scale", channel) / deviation) * (loss(place) - meanLoss - normal(place) * meanProduct);
    }
    results.scale[channel] = meanProduct * count;
    results.bias[channel] = meanLoss * count;
    results.mean[channel] = momentum * at("running_mean", channel) + (1 - momentum) * mean;
    results.variance[channel] =
      momentum * at("running_variance", channel) + (1 - momentum) * variance;
  }
  return results;
}

describe("trainBatchNormalization", () => {
  it.each([
    { dims: [4, 3, 5, 2], momentum: 0.9 },
    { dims: [1, 2, 6, 6], momentum: 0.7 },
    { dims: [5, 3], momentum: 0.9 },
    { dims: [3, 4, 7], momentum: 0 },
  ])("agrees with a plain computation: $dims, momentum $momentum", async ({ dims, momentum }) => {
    const model = normalizeAndRelu(dims, momentum);
    const { graph } = model;
    const ops = createOps(model);
    const channels = [dims[1] ?? 1];
    const [old] = graph.nodes;
    if (!old) throw new Error("the model has no node");
    const running = {
      mean: ops.input("running_mean", channels),
      variance: ops.input("running_variance", channels),
    };
    const next = trainBatchNormalization(ops, old, { statistics: running });
    graph.sort();
    const [y] = graph.outputs as [Value];
    const x = graph.value("x") as Value;
    const scale = graph.value("scale") as Value;
    const bias = graph.value("bias") as Value;
    const weight = ops.input("weight", dims);
    const gradients = backpropagate(ops, {
      loss: ops.sum(ops.mul(y, weight)),
      wrt: [x, scale, bias],
    });
    const outputs = new Map<string, Value>([
      ["y", y],
      ["mean", next.mean],
      ["variance", next.variance],
      ...[x, scale, bias].map((value): [string, Value] => [
        value.name,
        gradients.get(value) as Value,
      ]),
    ]);
    for (const value of outputs.values()) {
      value.type = { kind: "tensor", dtype: "float32", shape: ops.dims(value) };
    }
    graph.setOutputs([...outputs.values()]);

    const random = createRandom(5);
    const draw = (of: readonly number[], low: number, high: number) => ({
      dtype: "float32" as const,
      dims: of,
      data: Float32Array.from(
        { length: of.reduce((total, dim) => total * dim, 1) },
        () => low + random() * (high - low),
      ),
    });
    const feeds = {
      x: draw(dims, -1, 3),
      running_mean: draw(channels, -1, 1),
      running_variance: draw(channels, 0.5, 2),
      weight: draw(dims, -1, 1),
    };
    const results = await runModel(model, feeds);
    const expected = computeInDouble(dims, momentum, {
      ...Object.fromEntries(Object.entries(feeds).map(([name, { data }]) => [name, data])),
      scale: scale.tensor?.float32Values() ?? [],
      bias: bias.tensor?.float32Values() ?? [],
    });
    for (const [name, value] of outputs) {
      const actual = results[value.name];
      const data = expected[name];
      if (!actual || !data) throw new Error(`no value ${name}`);
      expectClose(actual, { dims: actual.dims, data }, { atol: 1e-5, rtol: 1e-4 }, name);
    }
  });

  it("keeps the name of the output, and replaces the node", () => {
    const model = normalizeAndRelu([2, 3, 4], 0.9);
    const ops = createOps(model);
    const [old] = model.graph.nodes;
    if (!old) throw new Error("the model has no node");
    const statistics = { mean: ops.input("mean_in", [3]), variance: ops.input("variance_in", [3]) };
    trainBatchNormalization(ops, old, { statistics });
    model.graph.sort();
    expect(old.removed).toBe(true);
    const nodes = [...model.graph.nodes].filter((node) => node.opType === "BatchNormalization");
    expect(nodes.map((node) => node.output.name)).toEqual(["normal"]);
    expect(nodes[0]?.input(3)?.producer?.input(0)?.name).toBe("mean_in");
    expect(nodes[0]?.int("training_mode")).toBe(1);
    const relu = [...model.graph.nodes].find((node) => node.opType === "Relu");
    expect(relu?.input(0)?.producer).toBe(nodes[0]);
  });

  it("refuses another operator", () => {
    const model = normalizeAndRelu([2, 3, 4], 0.9);
    const ops = createOps(model);
    const relu = [...model.graph.nodes].find((node) => node.opType === "Relu");
    if (!relu) throw new Error("the model has no Relu");
    const statistics = { mean: ops.input("mean_in", [3]), variance: ops.input("variance_in", [3]) };
    expect(() => trainBatchNormalization(ops, relu, { statistics })).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    );
  });
});

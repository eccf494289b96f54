import { createRandom, extractSubmodel, type Model } from "@ocrslim/graph";
import { createRuntime, type Feeds, float32Feed } from "@ocrslim/runtime";
import {
  conv,
  convTranspose,
  createTestModel,
  evaluateModel,
  globalAveragePool,
  hardSigmoid,
  reshape,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { createChannelGradients } from "../../src/channel-gradients/create-channel-gradients.ts";

const measure = createChannelGradients({ runtime: createRuntime({ threads: 1 }) });

function feedsOf(count: number, dims: readonly number[] = [1, 2, 5, 6]): Feeds[] {
  const random = createRandom(3);
  const size = dims.reduce((product, dim) => product * dim, 1);
  return Array.from({ length: count }, () => ({
    x: float32Feed(
      dims,
      Float32Array.from({ length: size }, () => random() * 2 - 1),
    ),
  }));
}

type Ending = "Sigmoid" | "HardSigmoid" | "moved Sigmoid" | "logits";

/** x → conv (3) → Tanh → one probability for the image, or a map of them. */
function detector(kind: "one" | "map", ending: Ending): Model {
  return createTestModel({
    inputs: { x: [1, 2, 5, 6] },
    seed: 5,
    build(graph, x) {
      const inner = unary(graph, "Tanh", conv(graph, x, { out: 3, stride: 2 }));
      const logits =
        kind === "one"
          ? conv(graph, globalAveragePool(graph, inner), { out: 1, kernel: 1 })
          : convTranspose(graph, inner, { out: 1 });
      if (ending === "logits") return logits;
      if (ending === "HardSigmoid") return hardSigmoid(graph, logits);
      const map = unary(graph, "Sigmoid", logits);
      return ending === "Sigmoid" ? map : reshape(graph, map, [-1]);
    },
  });
}

/** Name of the output of the first Conv: the value at which gradients are taken. */
function firstConv(model: Model): string {
  return [...model.graph.nodes].find(({ opType }) => opType === "Conv")?.output.name ?? "";
}

interface Exact {
  readonly squares: Float64Array;
  readonly fisher: Float64Array;
}

/**
 * What is expected for one image, from the definition: every ∂logit/∂v by central differences in
 * double precision, times √(p(1−p)), summed over independent signs.
 */
function expectedOf(model: Model, feed: Feeds, ending: Ending): Exact {
  const name = firstConv(model);
  const input = {
    dims: feed["x"]!.dims,
    data: Float64Array.from(feed["x"]!.data as Float32Array),
  };
  const { dims, data } = evaluateModel(model, { x: input }, { values: [name] })[name]!;
  const output = model.graph.outputs[0]!.name;
  const tail = extractSubmodel(model, { inputs: [name], outputs: [output] });
  const probabilities = (values: Float64Array): Float64Array => {
    const result = evaluateModel(tail, { [name]: { dims, data: values } })[output]!.data;
    return ending === "logits" ? result.map((z) => 1 / (1 + Math.exp(-z))) : result;
  };
  const p = probabilities(data);
  const channels = dims[1]!;
  const plane = data.length / channels;
  const squares = new Float64Array(channels);
  const gates = Array.from({ length: channels }, () => new Float64Array(p.length));
  const step = 1e-5;
  data.forEach((value, index) => {
    const moved = (by: number): Float64Array => probabilities(replaced(data, index, value + by));
    const up = moved(step);
    const down = moved(-step);
    const channel = Math.floor(index / plane);
    p.forEach((own, at) => {
      // ∂logit = ∂p / (p(1 − p))
      const gradient = (up[at]! - down[at]!) / (2 * step) / Math.sqrt(own * (1 - own));
      squares[channel]! += gradient ** 2;
      gates[channel]![at]! += value * gradient;
    });
  });
  const fisher = Float64Array.from(gates, (gate) => gate.reduce((sum, own) => sum + own ** 2, 0));
  return { squares, fisher };
}

function meanOf(all: readonly Exact[], what: keyof Exact): number[] {
  return Array.from(
    all[0]![what],
    (_, channel) => all.reduce((sum, one) => sum + one[what][channel]!, 0) / all.length,
  );
}

function expectRelative(actual: Float64Array, expected: readonly number[], tolerance: number) {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, index) => {
    expect(Math.abs(actual[index]! / value - 1)).toBeLessThan(tolerance);
  });
}

describe("createChannelGradients", () => {
  it.each<Ending>(["Sigmoid", "HardSigmoid", "moved Sigmoid", "logits"])(
    "equals finite differences in double precision where one sign decides (%s)",
    async (ending) => {
      const model = detector("one", ending);
      const feeds = feedsOf(3);
      const result = (await measure(model, { values: [firstConv(model)], feeds })).get(
        firstConv(model),
      )!;
      const expected = feeds.map((feed) => expectedOf(model, feed, ending));
      expectRelative(result.squares, meanOf(expected, "squares"), 1e-4);
      expectRelative(result.fisher, meanOf(expected, "fisher"), 1e-3);
    },
  );

  it("comes to the sum over all outputs of a map, with many draws", async () => {
    const model = detector("map", "Sigmoid");
    const feeds = feedsOf(1);
    const values = [firstConv(model)];
    const result = (await measure(model, { values, feeds, draws: 800 })).get(firstConv(model))!;
    const expected = [expectedOf(model, feeds[0]!, "Sigmoid")];
    expectRelative(result.squares, meanOf(expected, "squares"), 0.1);
    expectRelative(result.fisher, meanOf(expected, "fisher"), 0.2);
  });

  it("gives the same for the same seed, and takes images of several sizes", async () => {
    const model = detector("map", "Sigmoid");
    model.graph.inputs[0]!.type = {
      kind: "tensor",
      dtype: "float32",
      shape: [1, 2, "height", "width"],
    };
    for (const value of model.graph.values)
      if (!value.tensor && !value.isGraphInput) value.type = { kind: "tensor", dtype: "float32" };
    const request = {
      values: [firstConv(model)],
      feeds: [...feedsOf(1), ...feedsOf(1, [1, 2, 8, 7]), ...feedsOf(1)],
    };
    const first = await measure(model, request);
    const second = await measure(model, { ...request, random: createRandom(0) });
    const other = await measure(model, { ...request, random: createRandom(1) });
    expect(second).toEqual(first);
    expect(other).not.toEqual(first);
  });

  it("leaves out values that the output does not depend on", async () => {
    const model = createTestModel({
      inputs: { x: [1, 2, 5, 6] },
      build(graph, x) {
        conv(graph, x, { out: 4 });
        return unary(graph, "Sigmoid", conv(graph, x, { out: 1 }));
      },
    });
    const [aside, used] = [...model.graph.nodes].map(({ output }) => output.name);
    const result = await measure(model, { values: [aside!, used!], feeds: feedsOf(1) });
    expect([...result.keys()]).toEqual([used]);
  });

  it("reports progress and stops when told to", async () => {
    const model = detector("map", "Sigmoid");
    const done: number[] = [];
    const controller = new AbortController();
    const request = measure(model, {
      values: [firstConv(model)],
      feeds: feedsOf(5),
      signal: controller.signal,
      onProgress(event) {
        if (event.kind === "advance") done.push(event.done);
        if (done.length === 3) controller.abort(new Error("enough"));
      },
    });
    await expect(request).rejects.toThrow("enough");
    expect(done).toEqual([1, 2, 3]);
  });

  it.each([
    ["a value that is not there", { values: ["nowhere"] }, "invalid-option"],
    ["no images", { feeds: [] }, "invalid-option"],
    ["no draws", { draws: 0 }, "invalid-option"],
    ["NaN in an image", { feeds: [feedOf(Number.NaN)] }, "invalid-data"],
  ])("refuses %s", async (_name, request, code) => {
    const model = detector("map", "Sigmoid");
    const values = [firstConv(model)];
    await expect(measure(model, { values, feeds: feedsOf(1), ...request })).rejects.toMatchObject({
      code,
    });
  });
});

function feedOf(value: number): Feeds {
  return { x: float32Feed([1, 2, 5, 6], new Float32Array(60).fill(value)) };
}

function replaced(data: Float64Array, index: number, value: number): Float64Array {
  const copy = data.slice();
  copy[index] = value;
  return copy;
}

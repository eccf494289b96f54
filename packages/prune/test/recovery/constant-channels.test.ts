import {
  cloneModel,
  createRandom,
  createRunContext,
  type Graph,
  type Model,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { captureValues, createRuntime, randomFeeds } from "@ocrslim/runtime";
import {
  addNode,
  batchNormalization,
  buildRandomModel,
  clip,
  conv,
  convTranspose,
  createTestModel,
  depthwise,
  expectSameOutputs,
  floatConstant,
  hardSwish,
  mul,
  prelu,
  randomModel,
  residual,
  seGate,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { foldConstantChannels, planConstantChannels } from "../../src/index.ts";
import { pruneChannels } from "../../src/prune-channels.ts";
import { highOf, lowOf } from "../../src/recovery/ranges/channel-range.ts";
import { inferRanges } from "../../src/recovery/ranges/infer-ranges.ts";
import { analyze } from "../support/models.ts";

fc.configureGlobal({ seed: 1 });

const runtime = createRuntime({ threads: 1 });

/** Sets filters of a weight to a number, and their biases. */
function setFilters(model: Model, filters: readonly number[], weightOf = 0, bias = -1): void {
  const edit = (name: string, value: number): void => {
    const target = model.graph.value(name)!;
    const data = Float32Array.from(target.tensor!.toNumbers());
    const size = data.length / target.tensor!.dims[0]!;
    for (const filter of filters) data.fill(value, filter * size, (filter + 1) * size);
    target.tensor = Tensor.float32(target.tensor!.dims, data);
  };
  edit("conv_w", weightOf);
  edit("conv_b", bias);
}

const build = (inner: (graph: Graph, x: Value) => Value): Model =>
  createTestModel({
    inputs: { x: [1, 3, 9, 9] },
    build: (graph, x) => inner(graph, conv(graph, x, { out: 6 })),
  });

async function foldAndPrune(
  model: Model,
): Promise<{ pruned: Model; widths: number[]; folded: number }> {
  const plan = planConstantChannels(model, { inputShapes: { x: [1, 3, 9, 9] } });
  const pruned = cloneModel(model);
  const outcome = await foldConstantChannels({ plan }).run(pruned, createRunContext());
  await pruneChannels({ plan }).run(pruned, createRunContext());
  return {
    pruned,
    widths: plan.groups.map(({ keep }) => keep.length),
    folded: outcome.counts!["folded"]!,
  };
}

describe("constant channels", () => {
  it("that a ReLU closes go without a trace, also in front of padding", async () => {
    const model = build((graph, x) => conv(graph, unary(graph, "Relu", x), { out: 4 }));
    setFilters(model, [1, 3]);
    const { pruned, widths, folded } = await foldAndPrune(model);
    expect(widths).toEqual([4]);
    expect(folded).toBe(0);
    await expectSameOutputs(pruned, model);
  });

  it("that hold another number are folded where there is no padding", async () => {
    const chains: Record<string, (graph: Graph, x: Value) => Value> = {
      Sigmoid: (graph, x) => unary(graph, "Sigmoid", x),
      HardSwish: (graph, x) => hardSwish(graph, x),
      Clip: (graph, x) => clip(graph, x, -0.5, 3),
      PRelu: (graph, x) => prelu(graph, x),
      BatchNormalization: (graph, x) => unary(graph, "Tanh", batchNormalization(graph, x)),
      "per-channel factors": (graph, x) =>
        mul(graph, x, floatConstant(graph, "factors", [1, 6, 1, 1], [1, 2, 3, 4, 5, 6])),
      "a spelled HardSwish": (graph, x) => {
        const shape = [1, 6, 9, 9];
        const three = floatConstant(graph, "three", [], [3]);
        const six = floatConstant(graph, "six", [], [6]);
        const gate = clip(graph, addNode(graph, "Add", [x, three], shape), 0, 6);
        return addNode(graph, "Div", [addNode(graph, "Mul", [x, gate], shape), six], shape);
      },
    };
    for (const [name, chain] of Object.entries(chains)) {
      const model = build((graph, x) => conv(graph, chain(graph, x), { out: 4, pad: 0 }));
      setFilters(model, [0, 5]);
      const { pruned, widths, folded } = await foldAndPrune(model);
      expect({ name, widths, folded }).toEqual({ name, widths: [4], folded: 1 });
      await expectSameOutputs(pruned, model);
    }
  });

  it("that hold another number stay where padding makes folding inexact", async () => {
    for (const consumer of [
      (graph: Graph, x: Value) => conv(graph, x, { out: 4 }),
      (graph: Graph, x: Value) => convTranspose(graph, x, { out: 4 }),
      (graph: Graph, x: Value) => conv(graph, depthwise(graph, x), { out: 4, pad: 0 }),
    ]) {
      const model = build((graph, x) => consumer(graph, unary(graph, "Sigmoid", x)));
      setFilters(model, [0, 5]);
      const plan = planConstantChannels(model, { inputShapes: { x: [1, 3, 9, 9] } });
      expect(plan.groups).toEqual([]);
    }
  });

  it("are found through depthwise convolutions and residual additions", async () => {
    const model = build((graph, x) => {
      const closed = unary(graph, "Relu", x);
      const block = residual(graph, closed, (inner) => depthwise(graph, inner, { bias: false }));
      return conv(graph, block, { out: 4 });
    });
    setFilters(model, [2]);
    const { pruned, widths } = await foldAndPrune(model);
    expect(widths).toEqual([5]);
    await expectSameOutputs(pruned, model);
  });

  it("are found where inputs cannot open a ReLU: weights of one sign behind another ReLU", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 9, 9] },
      build(graph, x) {
        const first = unary(graph, "Relu", conv(graph, x, { out: 5 }));
        const weight = floatConstant(
          graph,
          "negative",
          [2, 5, 1, 1],
          [-1, -2, -3, -1, 0, 1, 1, 1, 1, 1],
        );
        const bias = floatConstant(graph, "below", [2], [-0.1, 0]);
        const second = unary(
          graph,
          "Relu",
          addNode(graph, "Conv", [first, weight, bias], [1, 2, 9, 9]),
        );
        return conv(graph, second, { out: 3 });
      },
    });
    const { pruned, widths } = await foldAndPrune(model);
    expect(widths).toEqual([1]);
    await expectSameOutputs(pruned, model);
  });

  it("stay one per group where all are constant", async () => {
    const model = build((graph, x) => conv(graph, unary(graph, "Relu", x), { out: 4 }));
    setFilters(model, [0, 1, 2, 3, 4, 5]);
    const { pruned, widths } = await foldAndPrune(model);
    expect(widths).toEqual([1]);
    await expectSameOutputs(pruned, model);
  });

  it("are not claimed where there are none, and a plan that claims them is refused", async () => {
    const model = build((graph, x) =>
      conv(graph, seGate(graph, unary(graph, "Relu", x), { squeeze: 4 }), { out: 4 }),
    );
    const plan = planConstantChannels(model, { inputShapes: { x: [1, 3, 9, 9] } });
    expect(plan.groups).toEqual([]);
    expect(plan.skipped.every(({ reason }) => reason.length > 0)).toBe(true);
    const [open] = analyze(model).open;
    const wrong = { ...plan, groups: [{ id: open!.id, width: 6, keep: [0, 1, 2, 3, 4] }] };
    expect(() => foldConstantChannels({ plan: wrong }).run(model, createRunContext())).toThrow(
      expect.objectContaining({ code: "not-constant", group: open!.id }),
    );
  });

  it("fold exactly in any random model with dead filters", async () => {
    let removed = 0;
    let folded = 0;
    await fc.assert(
      fc.asyncProperty(
        randomModel(),
        fc.integer({ min: 1, max: 1000 }),
        async (description, seed) => {
          const model = buildRandomModel(description);
          const random = createRandom(seed);
          for (const node of model.graph.nodes) {
            const weight = node.opType === "Conv" ? node.input(1) : undefined;
            if (!weight?.tensor) continue;
            const data = Float32Array.from(weight.tensor.toNumbers());
            const size = data.length / weight.tensor.dims[0]!;
            for (let filter = 0; filter < weight.tensor.dims[0]!; filter++) {
              if (random() < 0.5) data.fill(0, filter * size, (filter + 1) * size);
            }
            weight.tensor = Tensor.float32(weight.tensor.dims, data);
          }
          const { shapes } = analyze(model);
          const plan = planConstantChannels(model, { inputShapes: shapes.inputShapes });
          const pruned = cloneModel(model);
          const outcome = await foldConstantChannels({ plan }).run(pruned, createRunContext());
          await pruneChannels({ plan }).run(pruned, createRunContext());
          await expectSameOutputs(pruned, model, { atol: 1e-4, rtol: 1e-3 });
          removed += plan.groups.reduce((sum, { width, keep }) => sum + width - keep.length, 0);
          folded += outcome.counts!["folded"]!;
        },
      ),
      { numRuns: 40 },
    );
    expect(removed).toBeGreaterThan(30);
    expect(folded).toBeGreaterThan(5);
  });
});

describe("inferRanges", () => {
  it("holds every element of every value of any random model", async () => {
    let bounded = 0;
    await fc.assert(
      fc.asyncProperty(randomModel(), async (description) => {
        const model = buildRandomModel(description);
        const { shapes } = analyze(model);
        const rangeOf = inferRanges(model, shapes);
        const values = [...model.graph.nodes].flatMap(({ outputs }) =>
          outputs.flatMap((value) => value ?? []),
        );
        await using session = await runtime.load(model);
        await captureValues(runtime, model, {
          values: values.map(({ name }) => name),
          feeds: [randomFeeds(session, shapes.inputShapes, createRandom(1))],
          onValues(captured) {
            for (const value of values) {
              const { data, dims } = captured[value.name]!;
              if (!(data instanceof Float32Array)) continue;
              const range = rangeOf(value);
              const inner = dims.slice(range.axis + 1).reduce((a, b) => a * b, 1);
              data.forEach((element, at) => {
                const channel = range.axis < 0 ? 0 : Math.floor(at / inner) % dims[range.axis]!;
                const low = lowOf(range, channel);
                const high = highOf(range, channel);
                const slack = 1e-4 * (1 + Math.abs(element));
                if (Number.isFinite(low) || Number.isFinite(high)) bounded++;
                if (element < low - slack || element > high + slack) {
                  throw new Error(
                    `${value.producer?.describe()}: ${element} is not in [${low}, ${high}]`,
                  );
                }
              });
            }
          },
        });
      }),
      { numRuns: 40 },
    );
    expect(bounded).toBeGreaterThan(1000);
  });
});

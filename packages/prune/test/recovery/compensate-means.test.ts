import {
  cloneModel,
  createRandom,
  createRunContext,
  float,
  type Graph,
  int,
  ints,
  type Model,
  Tensor,
  type Value,
} from "@ocrslim/graph";
import { createRuntime, randomFeeds } from "@ocrslim/runtime";
import {
  add,
  addNode,
  channelLinear,
  conv,
  convTranspose,
  createTestModel,
  expectSameOutputs,
  flatten,
  floatConstant,
  gemm,
  globalAveragePool,
  intConstant,
  maskConsumers,
  pool,
  runModel,
  unary,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  type ActivationStatistics,
  collectActivationStatistics,
  compensateGroups,
  compensateMeans,
} from "../../src/index.ts";
import { pruneChannels } from "../../src/prune-channels.ts";
import { type Analyzed, analyze, planOf, smallNetwork } from "../support/models.ts";

const runtime = createRuntime({ threads: 1 });

async function statisticsOf(
  { model, groups, shapes }: Analyzed,
  count = 3,
): Promise<ActivationStatistics> {
  await using session = await runtime.load(model);
  const feeds = Array.from({ length: count }, (_, seed) =>
    randomFeeds(session, shapes.inputShapes, createRandom(seed)),
  );
  return collectActivationStatistics(model, { groups, feeds, runtime });
}

/** Zeroes the filters of a producer: the channels then hold act(bias) everywhere. */
function zeroFilters(model: Model, weight: string, filters: readonly number[]): void {
  const value = model.graph.value(weight)!;
  const { dims } = value.tensor!;
  const data = Float32Array.from(value.tensor!.toNumbers());
  const size = data.length / dims[0]!;
  for (const filter of filters) data.fill(0, filter * size, (filter + 1) * size);
  value.tensor = Tensor.float32(dims, data);
}

/** Consumers of every kind behind one group of 6 channels, with no padding. */
const consumersUnderTest: Record<string, (graph: Graph, x: Value) => Value> = {
  "a convolution": (graph, x) => conv(graph, x, { out: 4, pad: 0 }),
  "a convolution without a bias": (graph, x) => conv(graph, x, { out: 4, pad: 0, bias: false }),
  "a pointwise transposed convolution": (graph, x) =>
    convTranspose(graph, x, { out: 4, kernel: 1, stride: 1 }),
  "a matrix product": (graph, x) => channelLinear(graph, x, { out: 4 }),
  "a Gemm": (graph, x) => gemm(graph, flatten(graph, globalAveragePool(graph, x)), { out: 4 }),
  "a Gemm that reads whole maps": (graph, x) =>
    gemm(graph, flatten(graph, pool(graph, x, { kind: "MaxPool", stride: 4 })), { out: 4 }),
  "a Gemm without transposition or bias": (graph, x) =>
    gemm(graph, flatten(graph, globalAveragePool(graph, x)), {
      out: 4,
      transB: false,
      bias: false,
    }),
  "a Gemm with alpha, beta and a scalar bias": (graph, x) =>
    addNode(
      graph,
      "Gemm",
      [
        flatten(graph, globalAveragePool(graph, x)),
        floatConstant(graph, "w", [6, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        floatConstant(graph, "c", [1], [0.5]),
      ],
      [1, 2],
      { alpha: float(0.5), beta: float(3) },
    ),
  "a Gemm with beta and a bias": (graph, x) =>
    addNode(
      graph,
      "Gemm",
      [
        flatten(graph, globalAveragePool(graph, x)),
        floatConstant(graph, "w", [2, 6], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        floatConstant(graph, "c", [1, 2], [0.5, -1]),
      ],
      [1, 2],
      { beta: float(2), transB: int(1) },
    ),
  "two consumers with one bias": (graph, x) => {
    const bias = floatConstant(graph, "shared", [2], [0.1, 0.2]);
    const make = (seed: number): Value =>
      addNode(
        graph,
        "Conv",
        [
          x,
          floatConstant(
            graph,
            "w",
            [2, 6, 1, 1],
            Array.from({ length: 12 }, (_, at) => at - seed),
          ),
          bias,
        ],
        [1, 2, 9, 9],
      );
    return add(graph, make(3), make(8));
  },
};

describe("compensateMeans", () => {
  for (const [name, consumer] of Object.entries(consumersUnderTest)) {
    it(`makes up exactly for constant channels at ${name}`, async () => {
      const model = createTestModel({
        inputs: { x: [1, 3, 9, 9] },
        build: (graph, x) => consumer(graph, unary(graph, "Sigmoid", conv(graph, x, { out: 6 }))),
      });
      zeroFilters(model, "conv_w", [1, 4, 5]);
      const analyzed = analyze(model);
      const [group] = analyzed.open;
      const plan = planOf(analyzed, [{ group: group!, keep: [0, 2, 3] }]);
      const statistics = await statisticsOf(analyzed);
      const compensated = cloneModel(model);
      const outcome = await compensateMeans({ plan, statistics }).run(
        compensated,
        createRunContext(),
      );
      expect(outcome).toMatchObject({ modified: true, counts: { uncompensated: 0 } });
      await expectSameOutputs(maskConsumers(compensated, analyze(compensated).groups, plan), model);
      await pruneChannels({ plan }).run(compensated, createRunContext());
      await expectSameOutputs(compensated, model);
    });
  }

  it("adds up what several groups lose at one consumer", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 9, 9] },
      build(graph, x) {
        const left = unary(graph, "Sigmoid", conv(graph, x, { out: 4 }));
        const right = unary(graph, "Tanh", conv(graph, x, { out: 4 }));
        const joined = addNode(graph, "Concat", [left, right], [1, 8, 9, 9], { axis: int(1) });
        return conv(graph, joined, { out: 3, kernel: 1 });
      },
    });
    zeroFilters(model, "conv_w", [0, 1]);
    zeroFilters(model, "conv_w_2", [2, 3]);
    const analyzed = analyze(model);
    const [left, right] = analyzed.open;
    const plan = planOf(analyzed, [
      { group: left!, keep: [2, 3] },
      { group: right!, keep: [0, 1] },
    ]);
    const statistics = await statisticsOf(analyzed);
    const compensated = cloneModel(model);
    expect(compensateGroups(compensated, { plan, statistics }).nodes.length).toBe(1);
    await pruneChannels({ plan }).run(compensated, createRunContext());
    expect(compensated.graph.value("conv_w_3")?.tensor?.dims).toEqual([3, 4, 1, 1]);
    await expectSameOutputs(compensated, model);
  });

  it("keeps the mean of the outputs where channels vary, also over a transposed convolution's phases", async () => {
    for (const consumer of [
      consumersUnderTest["a convolution"]!,
      (graph: Graph, x: Value) => convTranspose(graph, x, { out: 4 }),
    ]) {
      const model = createTestModel({
        inputs: { x: [1, 3, 9, 9] },
        build: (graph, x) =>
          consumer(graph, unary(graph, "Sigmoid", conv(graph, x, { out: 6, kernel: 1 }))),
      });
      const analyzed = analyze(model);
      const plan = planOf(analyzed, [{ group: analyzed.open[0]!, keep: [0, 5] }]);
      await using session = await runtime.load(model);
      const feeds = randomFeeds(session, {}, createRandom(7));
      const statistics = await collectActivationStatistics(model, {
        groups: analyzed.groups,
        feeds: [feeds],
        runtime,
      });
      const pruned = cloneModel(model);
      await pruneChannels({ plan }).run(pruned, createRunContext());
      compensateGroups(model, { plan, statistics });
      await pruneChannels({ plan }).run(model, createRunContext());
      const meanOf = async (candidate: Model): Promise<number> => {
        const [output] = Object.values(await runModel(candidate, feeds));
        const data = Array.from(output!.data as Float32Array);
        return data.reduce((a, b) => a + b, 0) / data.length;
      };
      const original = Object.values(await session.run(feeds))[0]!;
      const wanted =
        Array.from(original.data as Float32Array).reduce((a, b) => a + b, 0) / original.data.length;
      const error = Math.abs((await meanOf(model)) - wanted);
      expect(error).toBeLessThan(0.2 * Math.abs((await meanOf(pruned)) - wanted));
    }
  });

  it("keeps the name of a graph output that needs an Add behind it", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 9, 9] },
      build(graph, x) {
        const pooled = flatten(
          graph,
          globalAveragePool(graph, unary(graph, "Sigmoid", conv(graph, x, { out: 4 }))),
        );
        const weight = floatConstant(graph, "w", [4, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
        return addNode(graph, "MatMul", [pooled, weight], [1, 2]);
      },
    });
    zeroFilters(model, "conv_w", [3]);
    const analyzed = analyze(model);
    const plan = planOf(analyzed, [{ group: analyzed.open[0]!, keep: [0, 1, 2] }]);
    const statistics = await statisticsOf(analyzed);
    const compensated = cloneModel(model);
    compensateGroups(compensated, { plan, statistics });
    await pruneChannels({ plan }).run(compensated, createRunContext());
    expect(compensated.graph.outputs.map(({ name }) => name)).toEqual(
      model.graph.outputs.map(({ name }) => name),
    );
    await expectSameOutputs(compensated, model);
  });

  it("reports consumers that have no weights, and changes nothing then", async () => {
    const model = createTestModel({
      inputs: { x: [1, 3, 9, 9] },
      build(graph, x) {
        const branch = (): Value =>
          addNode(
            graph,
            "Reshape",
            [conv(graph, x, { out: 4, kernel: 1 }), intConstant(graph, "shape", [1, 4, 81])],
            [1, 4, 81],
          );
        const keys = branch();
        const queries = addNode(graph, "Transpose", [branch()], [1, 81, 4], {
          perm: ints([0, 2, 1]),
        });
        return addNode(graph, "MatMul", [queries, keys], [1, 81, 81]);
      },
    });
    const analyzed = analyze(model);
    expect(analyzed.open.length).toBe(1);
    const statistics = await statisticsOf(analyzed);
    const plan = planOf(analyzed, [{ group: analyzed.open[0]!, keep: [0, 1] }]);
    const warnings: string[] = [];
    const logger = { ...createRunContext().logger, warn: (text: string) => warnings.push(text) };
    const outcome = await compensateMeans({ plan, statistics }).run(
      model,
      createRunContext({ logger }),
    );
    expect(outcome).toEqual({ modified: false, counts: { compensated: 0, uncompensated: 2 } });
    expect(warnings[0]).toContain("are computed");
  });

  it("refuses a plan for another model, before anything is changed", async () => {
    const analyzed = analyze(smallNetwork());
    const statistics = await statisticsOf(analyzed, 1);
    const [group] = analyzed.open;
    const plan = planOf(analyzed, [{ group: { ...group!, width: 99 }, keep: [0] }]);
    expect(() => compensateGroups(analyzed.model, { plan, statistics })).toThrow(
      expect.objectContaining({ code: "plan-mismatch", group: group!.id }),
    );
  });
});

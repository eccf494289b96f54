import { type ChannelGroup, type Criterion, createRandom, Tensor } from "@ocrslim/graph";
import {
  batchNormalization,
  conv,
  convTranspose,
  createTestModel,
  unary,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  batchNormScale,
  byMax,
  consumers,
  firstProducer,
  geometricMedian,
  l1Norm,
  l2Norm,
  lamp,
  max,
  none,
  PruneError,
  paddleGeometricMedian,
  paddleL1Norm,
  paddleL2Norm,
  producers,
  randomScores,
} from "../../src/index.ts";
import { analyze, contextOf, smallNetwork, twoConvolutions } from "../support/models.ts";

fc.configureGlobal({ seed: 1 });

/** All weights of each channel, member by member, gathered element by element. */
function slicesOf(
  group: ChannelGroup,
  tensorOf: (name: string) => Tensor,
  roles: readonly string[] = ["producer", "consumer"],
): number[][][] {
  return group.members
    .filter(({ role }) => roles.includes(role))
    .map(({ value, axis, channelOf }) => {
      const { dims } = tensorOf(value);
      const values = tensorOf(value).toNumbers();
      const channels: number[][] = Array.from({ length: group.width }, () => []);
      values.forEach((weight, at) => {
        const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
        const channel = channelOf[Math.floor(at / inner) % dims[axis]!]!;
        if (channel >= 0) channels[channel]!.push(weight);
      });
      return channels;
    });
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.sqrt(a.reduce((sum, value, at) => sum + (value - b[at]!) ** 2, 0));

function expectScores(actual: Float64Array, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((score, at) => {
    expect(score).toBeCloseTo(expected[at]!, 8);
  });
}

describe("criteria on weights", () => {
  const { model, open } = analyze(smallNetwork());
  const context = contextOf(model);

  it("sum the absolute weights of all that compute and read a channel (l1Norm)", () => {
    for (const group of open) {
      const parts = slicesOf(group, context.tensorOf);
      const expected = Array.from({ length: group.width }, (_, channel) =>
        parts.reduce((sum, part) => sum + part[channel]!.reduce((a, b) => a + Math.abs(b), 0), 0),
      );
      expectScores(l1Norm({ normalize: none })(group, context), expected);
    }
  });

  it("take the norm of all weights of a channel together (l2Norm)", () => {
    for (const group of open) {
      const parts = slicesOf(group, context.tensorOf);
      const expected = Array.from({ length: group.width }, (_, channel) =>
        Math.hypot(...parts.flatMap((part) => part[channel]!)),
      );
      expectScores(l2Norm({ normalize: none })(group, context), expected);
    }
  });

  it("look at the members, reduce and normalize as they are told", () => {
    const group = open[0]!;
    for (const [members, role] of [
      [producers, "producer"],
      [consumers, "consumer"],
    ] as const) {
      const parts = slicesOf(group, context.tensorOf, [role]);
      const raw = Array.from({ length: group.width }, (_, channel) =>
        Math.max(...parts.map((part) => part[channel]!.reduce((a, b) => a + Math.abs(b), 0))),
      );
      const top = Math.max(...raw);
      expectScores(
        l1Norm({ members, reduce: max, normalize: byMax })(group, context),
        raw.map((score) => score / top),
      );
    }
  });

  it("sum the distances to all other channels (geometricMedian)", () => {
    for (const group of open) {
      const parts = slicesOf(group, context.tensorOf);
      const expected = Array.from({ length: group.width }, (_, i) =>
        parts.reduce(
          (sum, part) => sum + part.reduce((all, other) => all + distance(part[i]!, other), 0),
          0,
        ),
      );
      expectScores(geometricMedian({ normalize: none })(group, context), expected);
    }
  });

  it("follow PaddleSlim: the first producer alone", () => {
    for (const group of open) {
      const [filters] = slicesOf(group, context.tensorOf, ["producer"]);
      expect(group.members.find(({ role }) => role === "producer")?.value).toBe(group.id);
      expectScores(
        paddleL1Norm()(group, context),
        filters!.map((filter) => filter.reduce((a, b) => a + Math.abs(b), 0)),
      );
      expectScores(
        paddleL2Norm()(group, context),
        filters!.map((filter) => Math.hypot(...filter)),
      );
      expectScores(
        paddleGeometricMedian()(group, context),
        filters!.map((filter) => filters!.reduce((sum, other) => sum + distance(filter, other), 0)),
      );
    }
  });

  it("follow PaddleSlim with grouped convolutions: the mean over each convolution group", () => {
    const grouped = createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build: (graph, x) =>
        conv(graph, conv(graph, conv(graph, x, { out: 8 }), { out: 12, group: 4 }), { out: 2 }),
    });
    const { open: groups } = analyze(grouped);
    const group = groups[0]!;
    expect(group.width).toBe(4);
    const inContext = contextOf(grouped);
    const weight = inContext.tensorOf(group.id);
    const perFilter = Array.from({ length: 8 }, (_, filter) =>
      weight
        .toNumbers()
        .slice(filter * 27, (filter + 1) * 27)
        .reduce((a, b) => a + Math.abs(b), 0),
    );
    const means = [0, 1, 2, 3].map((at) => (perFilter[2 * at]! + perFilter[2 * at + 1]!) / 2);
    expectScores(paddleL1Norm()(group, inContext), means);
    const all = slicesOf(group, inContext.tensorOf);
    expectScores(
      l2Norm({ normalize: none })(group, inContext),
      means.map((_, channel) => Math.hypot(...all.flatMap((part) => part[channel]!))),
    );
  });

  it("read a transposed convolution's weight along its own axes", () => {
    const transposed = createTestModel({
      inputs: { x: [1, 3, 6, 6] },
      build: (graph, x) =>
        convTranspose(graph, convTranspose(graph, conv(graph, x, { out: 5 }), { out: 4 }), {
          out: 2,
        }),
    });
    const { open: groups } = analyze(transposed);
    expect(groups.map(({ width }) => width)).toEqual([5, 4]);
    for (const group of groups) {
      const parts = slicesOf(group, contextOf(transposed).tensorOf);
      expect(parts.length).toBe(2);
      expectScores(
        l2Norm({ normalize: none })(group, contextOf(transposed)),
        parts[0]!.map((_, channel) => Math.hypot(...parts.flatMap((part) => part[channel]!))),
      );
    }
  });

  it("score by |γ| where a normalization is left, and decline elsewhere (batchNormScale)", () => {
    const normalized = createTestModel({
      inputs: { x: [1, 3, 8, 8] },
      build(graph, x) {
        const first = unary(graph, "Relu", batchNormalization(graph, conv(graph, x, { out: 6 })));
        return conv(graph, conv(graph, first, { out: 5 }), { out: 2 });
      },
    });
    const { open: groups } = analyze(normalized);
    const criterion = batchNormScale({ model: normalized, normalize: none });
    const node = [...normalized.graph.nodes].find(({ opType }) => opType === "BatchNormalization")!;
    expectScores(
      criterion(groups[0]!, contextOf(normalized)),
      Array.from(node.input(1)!.tensor!.toNumbers(), Math.abs),
    );
    expect(() => criterion(groups[1]!, contextOf(normalized))).toThrow(
      expect.objectContaining({ code: "not-applicable", group: groups[1]!.id }),
    );
  });

  it("give the best channel of every group a 1, and keep the order of the norms (lamp)", () => {
    for (const group of open) {
      const scores = lamp()(group, context);
      const norms = l2Norm()(group, context);
      const ranked = (values: Float64Array): number[] =>
        Array.from(values.keys()).sort((a, b) => values[a]! - values[b]!);
      expect(ranked(scores)).toEqual(ranked(norms));
      expect(Math.max(...scores)).toBe(1);
    }
  });

  it("draw random scores from the context's seed", () => {
    const group = open[0]!;
    const draw = (seed: number) =>
      randomScores()(group, { ...context, random: createRandom(seed) });
    expect(draw(3)).toEqual(draw(3));
    expect(draw(3)).not.toEqual(draw(4));
  });

  it("refuse groups of another model", () => {
    const other = contextOf(twoConvolutions());
    const group = {
      ...open[0]!,
      members: open[0]!.members.map((member) => ({ ...member, value: "conv_w" })),
    };
    expect(() => l2Norm()(group, other)).toThrow(PruneError);
    expect(() => l2Norm({ members: firstProducer })({ ...group, members: [] }, other)).toThrow(
      expect.objectContaining({ code: "not-applicable" }),
    );
  });

  it("carry the name that plans show", () => {
    expect([l1Norm(), geometricMedian(), paddleL2Norm()].map(({ name }) => name)).toEqual([
      "l1Norm",
      "geometricMedian",
      "paddleL2Norm",
    ]);
  });
});

describe("criteria on any weights", () => {
  const criteria: readonly Criterion[] = [
    l1Norm(),
    l2Norm(),
    lamp(),
    geometricMedian(),
    paddleL1Norm(),
    paddleL2Norm(),
    paddleGeometricMedian(),
  ];
  const width = 5;
  const identity = Int32Array.from({ length: width }, (_, at) => at);
  const group: ChannelGroup = {
    id: "a",
    width,
    members: [
      { value: "a", axis: 0, role: "producer", node: "y", opType: "Conv", channelOf: identity },
      { value: "y", axis: 1, role: "activation", channelOf: identity },
      {
        value: "b",
        axis: 1,
        role: "consumer",
        node: "z",
        opType: "Conv",
        input: 0,
        channelOf: identity,
      },
    ],
  };
  const weights = fc.record({
    a: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: width * 3, maxLength: width * 3 }),
    b: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 2 * width, maxLength: 2 * width }),
  });
  const scoresOf = (criterion: Criterion, a: readonly number[], b: readonly number[]) =>
    criterion(group, {
      tensorOf: (name) =>
        name === "a" ? Tensor.float32([width, 3, 1, 1], a) : Tensor.float32([2, width, 1, 1], b),
      random: createRandom(0),
    });

  it("move with the channels when these are permuted", () => {
    const permutation = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: width });
    fc.assert(
      fc.property(weights, permutation, ({ a, b }, order) => {
        const movedA = order.flatMap((from) => a.slice(from * 3, from * 3 + 3));
        const movedB = [0, 1].flatMap((row) => order.map((from) => b[row * width + from]!));
        for (const criterion of criteria) {
          const before = scoresOf(criterion, a, b);
          const after = scoresOf(criterion, movedA, movedB);
          order.forEach((from, to) => {
            expect(after[to], criterion.name).toBeCloseTo(before[from]!, 9);
          });
        }
      }),
    );
  });

  it("do not change with the scale of the weights, as the default normalization claims", () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 64 }), ({ a, b }, scale) => {
        for (const criterion of criteria.slice(0, 4)) {
          const before = scoresOf(criterion, a, b);
          const times = (list: readonly number[]) => list.map((value) => value * scale);
          const after = scoresOf(criterion, times(a), times(b));
          after.forEach((score, at) => {
            expect(score, criterion.name).toBeCloseTo(before[at]!, 9);
          });
        }
      }),
    );
  });
});

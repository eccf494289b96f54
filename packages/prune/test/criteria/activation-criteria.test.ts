import { type ChannelGroup, createRandom, Tensor } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import {
  type ActivationStatistics,
  apoz,
  type ChannelStatistics,
  flap,
  meanActivation,
  none,
  wanda,
} from "../../src/index.ts";

const channels = (value: string, seed: number, width: number): ChannelStatistics => {
  const random = createRandom(seed);
  const list = () => Array.from({ length: width }, random);
  return {
    value,
    axis: 1,
    count: 50,
    mean: list(),
    variance: list(),
    meanAbsolute: list(),
    sumOfSquares: list().map((number) => number * 50),
    zeroFraction: list(),
    minimum: list(),
    maximum: list(),
  };
};

const identity = Int32Array.of(0, 1, 2, 3);
/** y goes into two convolutions, z = Relu(y) into a grouped one. */
const group: ChannelGroup = {
  id: "a",
  width: 4,
  members: [
    { value: "a", axis: 0, role: "producer", node: "y", opType: "Conv", channelOf: identity },
    { value: "y", axis: 1, role: "activation", channelOf: identity },
    { value: "z", axis: 1, role: "activation", channelOf: identity },
    {
      value: "b",
      axis: 1,
      role: "consumer",
      node: "p",
      opType: "Conv",
      input: 0,
      channelOf: identity,
    },
    {
      value: "c",
      axis: 1,
      role: "consumer",
      node: "q",
      opType: "Conv",
      input: 0,
      channelOf: identity,
    },
    {
      value: "d",
      axis: 1,
      role: "consumer",
      node: "r",
      opType: "Conv",
      input: 0,
      channelOf: Int32Array.of(0, 1),
    },
  ],
};
const y = channels("y", 1, 4);
const z = channels("z", 2, 4);
const statistics: ActivationStatistics = {
  formatVersion: 1,
  images: 1,
  channels: [y, z],
  readings: [
    { node: "p", input: 0, value: "y", axis: 1 },
    { node: "q", input: 0, value: "y", axis: 1 },
    { node: "r", input: 0, value: "z", axis: 1 },
  ],
};
const b = [1, 2, 3, 4];
const c = [2, 0, 1, 1, 0, 1, 1, 2];
/** [4, 2]: rows 0–1 read z's channels 0–1, rows 2–3 its channels 2–3. */
const d = [1, 2, 3, 4, 5, 6, 7, 8];
const context = {
  tensorOf: (name: string): Tensor =>
    name === "b"
      ? Tensor.float32([1, 4, 1, 1], b)
      : name === "c"
        ? Tensor.float32([2, 4, 1, 1], c)
        : Tensor.float32([4, 2, 1, 1], d),
  random: createRandom(0),
};
const squares = {
  p: b.map((weight) => weight ** 2),
  q: [0, 1, 2, 3].map((at) => c[at]! ** 2 + c[at + 4]! ** 2),
  r: [1 + 9, 4 + 16, 25 + 49, 36 + 64],
};

function expectScores(actual: Float64Array, expected: readonly number[]): void {
  expected.forEach((score, at) => {
    expect(actual[at]).toBeCloseTo(score, 10);
  });
}

describe("criteria on activations", () => {
  it("count each value that is read once (meanActivation, apoz)", () => {
    expectScores(
      meanActivation({ statistics, normalize: none })(group, context),
      [0, 1, 2, 3].map((at) => y.meanAbsolute[at]! + z.meanAbsolute[at]!),
    );
    expectScores(
      apoz({ statistics, normalize: none })(group, context),
      [0, 1, 2, 3].map((at) => 2 - y.zeroFraction[at]! - z.zeroFraction[at]!),
    );
  });

  it("weigh what is read by the weights that read it, convolution groups apart (wanda, flap)", () => {
    const rms = (entry: ChannelStatistics, at: number) => Math.sqrt(entry.sumOfSquares[at]! / 50);
    expectScores(
      wanda({ statistics, normalize: none })(group, context),
      [0, 1, 2, 3].map(
        (at) =>
          (Math.sqrt(squares.p[at]!) + Math.sqrt(squares.q[at]!)) * rms(y, at) +
          Math.sqrt(squares.r[at]!) * rms(z, at),
      ),
    );
    expectScores(
      flap({ statistics, normalize: none })(group, context),
      [0, 1, 2, 3].map(
        (at) =>
          (squares.p[at]! + squares.q[at]!) * y.variance[at]! + squares.r[at]! * z.variance[at]!,
      ),
    );
  });

  it("have z-scores by default (flap)", () => {
    const scores = flap({ statistics })(group, context);
    expect(scores.reduce((a, score) => a + score, 0)).toBeCloseTo(0, 10);
    expect(scores.reduce((a, score) => a + score ** 2, 0) / 4).toBeCloseTo(1, 10);
  });

  it("say what is missing", () => {
    const partial = { ...statistics, readings: statistics.readings.slice(1) };
    expect(() => wanda({ statistics: partial })(group, context)).toThrow(
      expect.objectContaining({ code: "missing-statistics", node: "p" }),
    );
    const alone = { ...group, members: group.members.slice(0, 2) };
    expect(() => apoz({ statistics })(alone, context)).toThrow(
      expect.objectContaining({ code: "not-applicable" }),
    );
  });
});

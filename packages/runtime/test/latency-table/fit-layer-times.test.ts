import { createRandom } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { fitLayerTimes, type LayerSample } from "../../src/latency-table/fit-layer-times.ts";

const WIDTHS = [8, 24, 40, 64];
const blocks = (channels: number): number => Math.ceil(channels / 8);
const truth = (inputs: number, outputs: number): number =>
  0.02 + 0.01 * blocks(inputs) + 0.005 * blocks(inputs) * blocks(outputs);
const sample = (inputs: number, outputs: number): LayerSample => ({
  inputs,
  outputs,
  ms: truth(inputs, outputs),
});

describe("fitLayerTimes", () => {
  it("finds the pairs that were not measured by the blocks of those that were", () => {
    const samples = WIDTHS.flatMap((inputs, row) =>
      WIDTHS.filter((_, column) => (row + column) % 2 === 0).map((outputs) =>
        sample(inputs, outputs),
      ),
    );
    const { inputs, outputs, times } = fitLayerTimes("s", samples, 8, false);
    expect([inputs, outputs]).toEqual([WIDTHS, WIDTHS]);
    times.forEach((row, i) => {
      row.forEach((ms, o) => {
        expect(ms / truth(WIDTHS[i]!, WIDTHS[o]!)).toBeCloseTo(1, 2);
      });
    });
  });

  it("keeps measured times as they are, averaged if there are several", () => {
    const random = createRandom(3);
    const samples = WIDTHS.flatMap((inputs) =>
      WIDTHS.map((outputs) => ({ inputs, outputs, ms: random() })),
    );
    const { times } = fitLayerTimes("s", [...samples, { ...samples[0]!, ms: 9 }], 8, false);
    expect(times[0]![0]).toBeCloseTo((samples[0]!.ms + 9) / 2, 12);
    expect(times.flat().slice(1)).toEqual(samples.slice(1).map(({ ms }) => ms));
  });

  it("has one column for layers whose outputs follow", () => {
    const samples = [8, 16].map((width) => sample(width, width));
    const { outputs, times } = fitLayerTimes("s", samples, 8, true);
    expect(outputs).toEqual([]);
    expect(times).toEqual(samples.map(({ ms }) => [ms]));
  });

  it("gives no time to layers that take none", () => {
    const samples = [
      { inputs: 8, outputs: 8, ms: 0 },
      { inputs: 16, outputs: 16, ms: 0 },
    ];
    expect(fitLayerTimes("s", samples, 8, false).times.flat()).toEqual([0, 0, 0, 0]);
  });
});

import { describe, expect, it } from "vitest";
import type { LatencyTable, LayerTimes } from "../../src/latency-table/latency-table.ts";
import { layerTime } from "../../src/latency-table/layer-time.ts";
import type { TimedLayer } from "../../src/latency-table/timed-layer.ts";

const axis = { value: "x", axis: 1, size: 1 };
const layer: TimedLayer = {
  id: "y",
  nodes: ["y"],
  opType: "Conv",
  signature: "s",
  input: [axis],
  output: axis,
};

function tableOf(entry: Omit<LayerTimes, "signature">): LatencyTable {
  return {
    formatVersion: 1,
    machine: { cpu: "c", runtime: "r", version: "1", executionProviders: ["cpu"], threads: null },
    inputShapes: {},
    channelMultiple: 8,
    layers: [{ signature: "s", ...entry }],
    reference: { medianMs: 1, layersMs: 1 },
    repeatability: 0,
  };
}

const bilinear = (inputs: number, outputs: number): number =>
  1 + 0.1 * inputs + 0.2 * outputs + 0.05 * inputs * outputs;
const inputs = [8, 24, 42];
const outputs = [16, 64];
const grid = tableOf({
  inputs,
  outputs,
  times: inputs.map((input) => outputs.map((output) => bilinear(input, output))),
});

describe("layerTime", () => {
  it("gives measured times back, and a bilinear time between them exactly", () => {
    for (const input of [8, 16, 24, 32, 40, 42]) {
      for (const output of [16, 24, 40, 64]) {
        expect(layerTime(grid, layer, input, output)).toBeCloseTo(bilinear(input, output), 10);
      }
    }
  });

  it("charges whole blocks, the last of which ends at the full width", () => {
    const at = (input: number, output: number) => layerTime(grid, layer, input, output);
    expect(at(9, 17)).toBe(at(16, 24));
    expect(at(15, 23)).toBe(at(16, 24));
    expect(at(41, 57)).toBe(at(42, 64));
    expect(at(16, 24)).not.toBe(at(17, 24));
  });

  it("leads on beyond the grid, downwards to no less than half of the smallest time", () => {
    expect(layerTime(grid, layer, 48, 80)).toBeCloseTo(bilinear(48, 80), 10);
    const steep = tableOf({ inputs: [32, 64], outputs: [], times: [[1], [3]] });
    expect(layerTime(steep, layer, 8, 0)).toBe(0.5);
    expect(layerTime(steep, layer, 96, 0)).toBe(5);
  });

  it("scales the only width that there is", () => {
    const only = tableOf({ inputs: [3], outputs: [16], times: [[2]] });
    expect(layerTime(only, layer, 3, 16)).toBe(2);
    expect(layerTime(only, layer, 3, 32)).toBe(4);
  });

  it("does not look at the outputs of layers that have their inputs' number", () => {
    const follows = tableOf({ inputs: [8, 16], outputs: [], times: [[1], [2]] });
    expect(layerTime(follows, layer, 16, 999)).toBe(2);
  });

  it("knows no other signature", () => {
    expect(layerTime(grid, { ...layer, signature: "t" }, 8, 8)).toBeUndefined();
  });
});

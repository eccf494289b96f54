import { inferShapes, type Model } from "@ocrslim/graph";
import type { LatencyTable, TimedLayer } from "@ocrslim/runtime/core";

/** Every convolution of a model as a layer of its own, by the values that it reads and gives. */
export function listConvolutions(
  model: Model,
  inputShapes: Readonly<Record<string, readonly number[]>> = {},
): readonly TimedLayer[] {
  const shapes = inferShapes(model, { inputShapes });
  return [...model.graph.nodes]
    .filter(({ opType }) => opType === "Conv" || opType === "ConvTranspose")
    .map((node) => {
      const axisOf = (value: { readonly name: string }, dims: readonly number[] | undefined) => ({
        value: value.name,
        axis: 1,
        size: dims![1]!,
      });
      const input = node.input(0)!;
      const weight = shapes.shapeOf(node.input(1)!)!;
      const positions = shapes.shapeOf(node.output)!.slice(2);
      return {
        id: node.output.name,
        nodes: [node.output.name],
        opType: node.opType,
        signature: `${node.opType} ${weight.slice(2).join("x")} at ${positions.join("x")}`,
        input: [axisOf(input, shapes.shapeOf(input))],
        output: axisOf(node.output, shapes.shapeOf(node.output)),
      };
    });
}

/** A table without times of its own, for synthetic layer times. */
export function emptyTable(
  channelMultiple: number,
  reference = { medianMs: 1, layersMs: 1 },
): LatencyTable {
  return {
    formatVersion: 1,
    machine: { cpu: "", runtime: "", version: "", executionProviders: [], threads: 1 },
    inputShapes: {},
    channelMultiple,
    layers: [],
    reference,
    repeatability: 0,
  };
}

/** Times that jump with every block of channels, as a blocked layout's do, and differ by signature. */
export function staircase(
  { channelMultiple }: LatencyTable,
  { signature }: TimedLayer,
  input: number,
  output: number,
): number {
  const blocks = (channels: number): number => Math.ceil(channels / channelMultiple);
  return 0.25 + (blocks(input) * blocks(output) * (signature.length % 7)) / 8;
}

/** The sum of the layers' times as they are. */
export function sumTimes(layers: readonly TimedLayer[], table: LatencyTable): number {
  return layers.reduce(
    (sum, layer) => sum + staircase(table, layer, layer.input[0]!.size, layer.output.size),
    0,
  );
}

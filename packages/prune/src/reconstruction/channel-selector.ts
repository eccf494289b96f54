import type { ChannelGroup } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import { type Elimination, type EliminationConsumer, eliminateChannels } from "./eliminate.ts";
import { exchangeChannels, type Selection } from "./exchange.ts";
import type { GroupConsumer } from "./group-consumers.ts";
import type { PreparedLayer } from "./prepare-layers.ts";

/** A consumer's part of one group: what its other features can make up for stays in the block. */
export function narrowTo(
  consumer: GroupConsumer,
  layer: PreparedLayer | string | undefined,
): EliminationConsumer | string {
  if (layer === undefined)
    return `the inputs of its consumer "${consumer.layer.key}" do not vary on the calibration images`;
  if (typeof layer === "string") return layer;
  const features = consumer.featuresOf.flat().sort((a, b) => a - b);
  if (features.length === layer.features) return { ...layer, featuresOf: consumer.featuresOf };
  const size = features.length;
  const { targets } = layer;
  const inverse = new Float64Array(size * size);
  const weight = new Float64Array(size * targets);
  features.forEach((feature, row) => {
    features.forEach((other, column) => {
      inverse[row * size + column] = layer.inverse[feature * layer.features + other] as number;
    });
    weight.set(layer.weight.subarray(feature * targets, (feature + 1) * targets), row * targets);
  });
  const positions = new Map(features.map((feature, index) => [feature, index]));
  const featuresOf = consumer.featuresOf.map((own) =>
    own.map((feature) => positions.get(feature) as number),
  );
  return { features: size, targets, inverse, weight, featuresOf };
}

/** The selections of one group. */
export interface Selector {
  readonly elimination: Elimination;
  at(width: number): Selection;
}

export function createSelector(
  group: ChannelGroup,
  consumers: readonly EliminationConsumer[],
): Selector {
  const elimination = eliminateChannels(group.width, consumers);
  const known = new Map<number, Selection>();
  return {
    elimination,
    at(width) {
      if (!Number.isInteger(width) || width < 1 || width > group.width)
        throw new PruneError(
          "invalid-option",
          `keepAt: group "${group.id}" of ${group.width} channels can't keep ${width}; give 1 to ${group.width}`,
          { group: group.id },
        );
      const selection = known.get(width) ?? exchangeChannels(elimination, consumers, width);
      known.set(width, selection);
      return selection;
    },
  };
}

import type { Criterion, Model } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import { named } from "../named.ts";
import { type ScoreOptions, WEIGHT_SCORE_DEFAULTS } from "./options.ts";
import { sumByChannel } from "./weight-members.ts";

/** Options of {@link batchNormScale}. */
export interface BatchNormScaleOptions extends ScoreOptions {
  /** The model that the groups are of; it tells which parameter is a normalization's scale. */
  readonly model: Model;
}

/**
 * Scores a channel by |γ| of the BatchNormalization nodes that it passes (network slimming, Liu et
 * al. 2017). Wants a model whose normalizations are not folded into convolutions yet.
 * @throws PruneError `not-applicable` for groups without one.
 * @category Criteria
 */
export function batchNormScale(options: BatchNormScaleOptions): Criterion {
  const { model, reduce, normalize } = { ...WEIGHT_SCORE_DEFAULTS, ...options };
  const scales = new Set<string>();
  for (const node of model.graph.nodes) {
    const scale = node.opType === "BatchNormalization" ? node.input(1) : undefined;
    if (scale) scales.add(scale.name);
  }
  return named("batchNormScale", (group, context) => {
    const parts = group.members
      .filter(({ value, role }) => role === "parameter" && scales.has(value))
      .map(({ value, channelOf }) =>
        sumByChannel(context.tensorOf(value).toNumbers().map(Math.abs), channelOf, group.width),
      );
    if (parts.length === 0) {
      throw new PruneError(
        "not-applicable",
        `batchNormScale: group "${group.id}" passes no BatchNormalization; use a model before folding, or another criterion`,
        { group: group.id },
      );
    }
    return normalize(reduce(parts));
  });
}

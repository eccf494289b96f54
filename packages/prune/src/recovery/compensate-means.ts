import {
  type ChannelGroup,
  findChannelGroups,
  inferShapes,
  type Model,
  type PruningPlan,
  type Transform,
} from "@ocrslim/graph";
import type { ActivationStatistics } from "../statistics/activation-statistics.ts";
import { type Compensation, compensate } from "./compensate.ts";

/** Options of {@link compensateMeans}. */
export interface CompensateMeansOptions {
  /** The plan that `pruneChannels` will carry out afterwards. */
  readonly plan: PruningPlan;
  /** What `collectActivationStatistics` found on the unpruned model. */
  readonly statistics: ActivationStatistics;
  /** The groups of the unpruned model. Default: found at the plan's input shapes. */
  readonly groups?: readonly ChannelGroup[];
}

/**
 * Makes up for the channels that a plan removes, by their means: each consumer's bias grows by
 * Σ_removed Σ_taps W · E[x] (FLAP, An et al. 2024, eq. 6). Runs **before** `pruneChannels`, on the
 * unpruned model, with the same plan. Exact for channels that are constant, at positions whose
 * window does not touch zero padding; with strides, a transposed convolution gets the mean of its
 * phases. Consumers without constant weights are left as they are and logged as warnings.
 * @example
 * await transform(model, [compensateMeans({ plan, statistics }), pruneChannels({ plan })]);
 * // → conv2: bias [0, 0] → [0.13, −0.02], then weight [2, 16, 3, 3] → [2, 11, 3, 3]
 * @category Transforms
 */
export function compensateMeans(options: CompensateMeansOptions): Transform {
  return {
    name: "compensateMeans",
    run(model, { logger }) {
      const { nodes, uncompensated } = compensateGroups(model, options);
      for (const { group, node, reason } of uncompensated) {
        logger.warn(`compensateMeans: "${node}" loses channels of "${group}" unmade-up: ${reason}`);
      }
      return {
        modified: nodes.length > 0,
        counts: { compensated: nodes.length, uncompensated: uncompensated.length },
      };
    },
  };
}

/**
 * What {@link compensateMeans} does, as a function: changes the biases of the model and returns which
 * nodes were compensated, and which could not be.
 * @throws PruneError `plan-mismatch` if the plan is not for this model; nothing is changed then.
 * @category Transforms
 */
export function compensateGroups(model: Model, options: CompensateMeansOptions): Compensation {
  const { plan, statistics } = options;
  const shapes = inferShapes(model, { inputShapes: plan.inputShapes });
  const groups = options.groups ?? findChannelGroups(model, { shapes });
  const means = new Map(
    statistics.channels.map(({ value, axis, mean }) => [`${axis} ${value}`, mean]),
  );
  return compensate(model, {
    source: "compensateMeans",
    groups,
    plan,
    shapes,
    levelOf: (value, axis) => means.get(`${axis} ${value}`),
  });
}

import {
  type ChannelGroup,
  cloneModel,
  type Logger,
  type Model,
  type PruningPlan,
  type RunOptions,
  simplify,
  type Transform,
  transform,
} from "@ocrslim/graph";
import { type ActivationStatistics, compensateMeans, pruneChannels } from "@ocrslim/prune";

/** Options of {@link pruneModel}. */
export interface PruneModelOptions {
  readonly plan: PruningPlan;
  /** Groups of the unpruned model, if they are at hand. */
  readonly groups?: readonly ChannelGroup[];
  /** With them, the means of removed channels go into the biases of their consumers. */
  readonly statistics?: ActivationStatistics;
  /** Whether to simplify afterwards. Default: false. */
  readonly simplify?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger;
}

/** Returns a pruned copy of a model. The model itself is not changed; weights are shared. */
export async function pruneModel(model: Model, options: PruneModelOptions): Promise<Model> {
  const { plan, groups, statistics } = options;
  const copy = cloneModel(model);
  const steps: Transform[] = [];
  if (statistics) {
    steps.push(compensateMeans({ plan, statistics, ...(groups ? { groups } : {}) }));
  }
  steps.push(pruneChannels({ plan }));
  if (options.simplify) steps.push(simplify());
  const runOptions: RunOptions = {
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.logger ? { logger: options.logger } : {}),
  };
  await transform(copy, steps, runOptions);
  return copy;
}

import {
  cloneModel,
  createRandom,
  createRunContext,
  type Evaluate,
  type Model,
} from "@ocrslim/graph";
import { SensitivityError } from "../errors.ts";
import { mixSeed } from "../mix-seed.ts";
import type { PointMeasurer, PointResult } from "../point-measurer.ts";
import { createPlanner, type PlannerOptions } from "./plan-point.ts";
import type { PruneModel } from "./prune-group.ts";

/** Options of {@link measureByEvaluating}. */
export interface EvaluatingOptions extends PlannerOptions {
  readonly evaluate: Evaluate;
  readonly prune: PruneModel;
}

/** The plain way: prunes a copy of the model, and hands it to an evaluator, whatever that does. */
export function measureByEvaluating(model: Model, options: EvaluatingOptions): PointMeasurer {
  const { evaluate, prune, seed } = options;
  const planPoint = createPlanner(model, options);
  const measureModel = async (
    candidate: Model,
    what: string,
    run: Parameters<PointMeasurer["baseline"]>[0] = {},
  ): Promise<PointResult> => {
    // Random numbers depend on the point alone, so that a sweep may stop, go on and be split.
    const random = createRandom(mixSeed(seed, what));
    const { metric, images } = await evaluate(candidate, createRunContext({ ...run, random }));
    return { metric, images };
  };
  return {
    async baseline(run) {
      const result = await measureModel(cloneModel(model), "baseline", run);
      run?.signal?.throwIfAborted();
      if (Number.isFinite(result.metric)) return result;
      throw new SensitivityError(
        "invalid-metric",
        `analyzeSensitivity: the metric of the unpruned model is ${result.metric}; an evaluator gives a finite number`,
      );
    },
    async measure(point, run) {
      const pruned = await prune(cloneModel(model), planPoint(point));
      return measureModel(pruned, `evaluate ${point.group} ${point.removed}`, run);
    },
    async dispose() {},
  };
}

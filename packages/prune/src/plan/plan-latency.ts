import type { PruningPlan } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import { asPlanLatency, type LatencyModel, type PlanLatency } from "./latency-model.ts";

/** What a plan's provenance says about time. */
export interface PlanLatencies {
  /** By a latency table. */
  readonly predicted?: PlanLatency;
  /** By runs of the pruned model in turns with the original. */
  readonly measured?: PlanLatency;
}

/**
 * The times that a plan's provenance states; those that it does not are absent.
 * @throws PruneError `invalid-plan` if they are no times.
 * @category I/O
 */
export function readPlanLatencies({ provenance }: Pick<PruningPlan, "provenance">): PlanLatencies {
  const predicted = provenance["predictedLatency"];
  const measured = provenance["measuredLatency"];
  return {
    ...(predicted === undefined ? {} : { predicted: asLatency("predictedLatency", predicted) }),
    ...(measured === undefined ? {} : { measured: asLatency("measuredLatency", measured) }),
  };
}

/**
 * A copy of a plan that states its predicted time.
 * @category I/O
 */
export function withPredictedLatency(plan: PruningPlan, model: LatencyModel): PruningPlan {
  const predictedLatency = asPlanLatency(model, model.costOfPlan(plan));
  return { ...plan, provenance: { ...plan.provenance, predictedLatency } };
}

/**
 * A copy of a plan that states its measured time.
 * @throws PruneError `slower-than-original` if the ratio is above 1: such a plan is of no use;
 * `invalid-option` if the numbers are no times.
 * @category I/O
 */
export function withMeasuredLatency(plan: PruningPlan, measured: PlanLatency): PruningPlan {
  const { medianMs, ratio } = measured;
  if (!isTime(medianMs) || !isTime(ratio)) {
    throw new PruneError(
      "invalid-option",
      `withMeasuredLatency: medianMs is ${medianMs} and ratio ${ratio}; give positive numbers`,
    );
  }
  assertFaster("withMeasuredLatency", ratio);
  return { ...plan, provenance: { ...plan.provenance, measuredLatency: { medianMs, ratio } } };
}

/** @throws PruneError `slower-than-original` if a plan's measured time is above the original's. */
export function assertFaster(source: string, ratio: number): void {
  if (ratio <= 1) return;
  throw new PruneError(
    "slower-than-original",
    `${source}: the pruned model takes ${(ratio * 100).toFixed(1)} % of the original's time; keep multiples of more channels, or cut more`,
  );
}

const isTime = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value) && value > 0;

function asLatency(name: string, json: unknown): PlanLatency {
  const entry = (typeof json === "object" && json !== null ? json : {}) as Record<string, unknown>;
  const { medianMs, ratio } = entry;
  if (isTime(medianMs) && isTime(ratio)) return { medianMs, ratio };
  throw new PruneError(
    "invalid-plan",
    `readPlanLatencies: provenance.${name} is ${JSON.stringify(json)}, not { medianMs, ratio } in positive numbers; measure the plan again`,
  );
}

import { createRunContext, type PruningPlan } from "@ocrslim/graph";
import { PruneError } from "../../errors.ts";
import { withMeasuredLatency } from "../plan-latency.ts";
import type { MeasuredPlan, PlanMeasurement, SearchPlanOptions } from "./types.ts";

/** Makes and measures plans, each of them once. */
export interface Attempts {
  /** In the order of measuring. */
  readonly tried: readonly MeasuredPlan[];
  /** The plan for a kept fraction; what was measured before is not measured again. */
  ask(kept: number): Promise<MeasuredPlan>;
  /** A plan from elsewhere. */
  measure(plan: PruningPlan): Promise<MeasuredPlan>;
  isTried(plan: PruningPlan): boolean;
}

export function createAttempts(options: SearchPlanOptions, needsLatency: boolean): Attempts {
  const { logger, onProgress, signal } = createRunContext(options);
  const task = "search plan";
  const tried: MeasuredPlan[] = [];
  const known = new Map<string, MeasuredPlan>();
  const attempt = async (plan: PruningPlan, asked?: number): Promise<MeasuredPlan> => {
    const key = keyOf(plan);
    const before = known.get(key);
    if (before) return before;
    signal?.throwIfAborted();
    if (tried.length === 0) onProgress({ kind: "start", task, unit: "plans" });
    const measurement = await options.measure(plan);
    assertMeasurement(measurement, needsLatency);
    const { latency } = measurement;
    const measured: MeasuredPlan = {
      ...measurement,
      plan: latency && latency.ratio <= 1 ? withMeasuredLatency(plan, latency) : plan,
      ...(asked === undefined ? {} : { asked }),
    };
    known.set(key, measured);
    tried.push(measured);
    const time = latency ? `, latency ${latency.ratio.toFixed(3)}` : "";
    const detail = `macs ${measurement.macsRatio.toFixed(3)}${time}, loss ${measurement.loss.toFixed(4)}`;
    logger.debug(`searchPlan: asked for ${asked ?? "a step"}: ${detail}`);
    onProgress({ kind: "advance", task, done: tried.length, unit: "plans", detail });
    return measured;
  };
  return {
    tried,
    ask: async (kept) => await attempt(await options.makePlan(kept), kept),
    measure: attempt,
    isTried: (plan) => known.has(keyOf(plan)),
  };
}

/** Plans that keep the same channels are the same. */
function keyOf({ groups }: PruningPlan): string {
  return groups.map(({ id, keep }) => `${id}:${keep.join()}`).join("|");
}

function assertMeasurement(measurement: PlanMeasurement, needsLatency: boolean): void {
  const { loss, macsRatio, parametersRatio, latency } = measurement;
  const fail = (problem: string): PruneError =>
    new PruneError("invalid-option", `searchPlan: measure gave ${problem}; give finite numbers`);
  for (const [name, value] of Object.entries({ loss, macsRatio, parametersRatio })) {
    if (!Number.isFinite(value)) throw fail(`${name} ${value}`);
  }
  if (!latency) {
    if (needsLatency) throw fail("no latency, which the target is about");
    return;
  }
  for (const [name, value] of Object.entries(latency)) {
    if (!(Number.isFinite(value) && value > 0)) throw fail(`a latency whose ${name} is ${value}`);
  }
}

import { cloneModel, createRunContext, type PruningPlan } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { l2Norm } from "../../../src/criteria/l2-norm.ts";
import { budget } from "../../../src/plan/allocations/budget.ts";
import { createLatencyModel } from "../../../src/plan/latency-model.ts";
import { readPlanLatencies } from "../../../src/plan/plan-latency.ts";
import { createPlanner } from "../../../src/plan/planner.ts";
import { listNeighbours } from "../../../src/plan/search/list-neighbours.ts";
import { searchPlan } from "../../../src/plan/search/search-plan.ts";
import type { PlanMeasurement } from "../../../src/plan/search/types.ts";
import { pruneChannels } from "../../../src/prune-channels.ts";
import { analyze, smallNetwork } from "../../support/models.ts";
import { emptyTable, listConvolutions, staircase, sumTimes } from "../support/timed-layers.ts";

describe("a plan by prediction, corrected by measurement", () => {
  const { model, shapes, groups, open } = analyze(smallNetwork());
  const planner = createPlanner(model, {
    groups,
    criterion: l2Norm(),
    inputShapes: shapes.inputShapes,
    shapes,
  });
  const table = emptyTable(2);
  const latencyModel = createLatencyModel(
    { layers: listConvolutions(model), table, layerTime: staircase },
    groups,
  );
  /** A machine on which a fifth of the time is what no layer of the table takes. */
  const elsewhere = latencyModel.original / 4;
  const measure = async (plan: PruningPlan): Promise<PlanMeasurement> => {
    const pruned = cloneModel(model);
    await pruneChannels({ plan }).run(pruned, createRunContext());
    const medianMs = sumTimes(listConvolutions(pruned), table) + elsewhere;
    const cost = planner.context.cost.costOfPlan(plan);
    const removed = plan.groups.reduce((sum, { width, keep }) => sum + 1 - keep.length / width, 0);
    return {
      loss: removed / open.length,
      macsRatio: cost.macs / planner.context.cost.original.macs,
      parametersRatio: cost.parameters / planner.context.cost.original.parameters,
      latency: { medianMs, ratio: medianMs / (latencyModel.original + elsewhere) },
    };
  };

  it("measures within the budget, with both times in the plan, and neighbours do no harm", async () => {
    const options = {
      target: { latency: 0.6 },
      makePlan: (kept: number) => planner.plan(budget({ latency: kept }, { latencyModel })),
      measure,
    };
    const plain = await searchPlan(options);
    const stepped = await searchPlan({
      ...options,
      neighbours: (plan) => listNeighbours(planner, plan, { quantity: "latency", latencyModel }),
    });
    for (const { outcome, chosen } of [plain, stepped]) {
      expect(outcome.met).toBe(true);
      const { predicted, measured } = readPlanLatencies(chosen!.plan);
      expect(measured!.ratio).toBeLessThanOrEqual(0.6);
      expect(predicted!.medianMs).toBeCloseTo(measured!.medianMs - elsewhere, 9);
    }
    expect(stepped.chosen!.loss).toBeLessThanOrEqual(plain.chosen!.loss);
    expect(stepped.tried.length).toBeGreaterThan(plain.tried.length);
  });
});

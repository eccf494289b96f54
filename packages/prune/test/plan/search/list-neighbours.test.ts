import type { PruningPlan } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { l2Norm } from "../../../src/criteria/l2-norm.ts";
import { budget } from "../../../src/plan/allocations/budget.ts";
import { createLatencyModel } from "../../../src/plan/latency-model.ts";
import { createPlanner } from "../../../src/plan/planner.ts";
import {
  type ListNeighboursOptions,
  listNeighbours,
} from "../../../src/plan/search/list-neighbours.ts";
import { analyze, smallNetwork } from "../../support/models.ts";
import { emptyTable, listConvolutions, staircase } from "../support/timed-layers.ts";

const { model, shapes, groups, open } = analyze(smallNetwork());
const planner = createPlanner(model, {
  groups,
  criterion: l2Norm(),
  inputShapes: shapes.inputShapes,
  shapes,
});
const latencyModel = createLatencyModel(
  { layers: listConvolutions(model), table: emptyTable(4), layerTime: staircase },
  groups,
);
const widthsOf = (plan: PruningPlan): readonly number[] =>
  open.map(({ id, width }) => plan.groups.find((group) => group.id === id)?.keep.length ?? width);

describe("listNeighbours", () => {
  const plan = planner.plan(budget({ latency: 0.6 }, { latencyModel }));
  const options: ListNeighboursOptions = { quantity: "latency", latencyModel };

  it("gives plans one step away, at most two groups changed, none too costly or twice", () => {
    const neighbours = listNeighbours(planner, plan, { ...options, slack: 0.05 });
    expect(neighbours.length).toBeGreaterThan(2);
    const seen = new Set<string>();
    for (const neighbour of neighbours) {
      const changes = widthsOf(neighbour).map((width, at) => width - widthsOf(plan)[at]!);
      const moved = changes.filter((change) => change !== 0);
      expect([1, 2]).toContain(moved.length);
      for (const change of moved) expect(Math.abs(change)).toBeLessThanOrEqual(4);
      const added = latencyModel.costOfPlan(neighbour) - latencyModel.costOfPlan(plan);
      expect(added).toBeLessThanOrEqual(0.05 * latencyModel.original + 1e-9);
      expect(neighbour.provenance["predictedLatency"]).toMatchObject({
        medianMs: latencyModel.costOfPlan(neighbour),
      });
      seen.add(widthsOf(neighbour).join());
    }
    expect(seen.size).toBe(neighbours.length);
  });

  it("gives as many as are wanted, the same each time", () => {
    const three = listNeighbours(planner, plan, { ...options, count: 3 });
    expect(three.length).toBe(3);
    expect(listNeighbours(planner, plan, { ...options, count: 3 })).toEqual(three);
  });

  it("only narrows a whole model", () => {
    const whole = planner.plan(budget({ macs: 1 }));
    const neighbours = listNeighbours(planner, whole, { quantity: "macs" });
    expect(neighbours.length).toBe(open.length);
    for (const neighbour of neighbours) expect(neighbour.groups.length).toBe(1);
  });

  it("refuses options out of range", () => {
    const code = expect.objectContaining({ code: "invalid-option" });
    expect(() => listNeighbours(planner, plan, { quantity: "latency" })).toThrow(code);
    expect(() => listNeighbours(planner, plan, { ...options, count: 0 })).toThrow(code);
    expect(() => listNeighbours(planner, plan, { ...options, slack: -1 })).toThrow(code);
  });
});

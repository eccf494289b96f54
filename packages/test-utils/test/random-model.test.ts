import { createRandom, encodeModel, findChannelGroups } from "@ocrslim/graph";
import { randomFeeds } from "@ocrslim/runtime";
import {
  buildRandomModel,
  expectSameOutputs,
  maskConsumers,
  RANDOM_OP_KINDS,
  randomModel,
  runModel,
  shapeOf,
} from "@ocrslim/test-utils";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("buildRandomModel", () => {
  it("builds models that ONNX Runtime runs, with the shapes that the builders computed", async () => {
    await fc.assert(
      fc.asyncProperty(randomModel(), async (description) => {
        const model = buildRandomModel(description);
        const outputs = await runModel(model, randomFeeds(model, {}, createRandom(1)));
        for (const value of model.graph.outputs) {
          expect(outputs[value.name]?.dims).toEqual(shapeOf(value));
          const data = outputs[value.name]?.data as Float32Array;
          expect(data.every((number) => Math.abs(number) < 1e4)).toBe(true);
        }
      }),
      { numRuns: 150, seed: 1 },
    );
  });

  it.each(RANDOM_OP_KINDS)("runs with %s at every choice", async (kind) => {
    for (let a = 0; a < 12; a += 1) {
      const op = { kind, from: 0, other: a % 3, a, b: (a * 5) % 12 };
      const model = buildRandomModel({
        seed: a,
        opset: a % 2 ? 21 : 17,
        input: [1, 3, 12, 20],
        ops: [{ kind: "spatialMean", from: 0, other: 0, a: 1, b: 0 }, op, { ...op, from: 1 }],
        outputs: [0, 1],
        head: a % 3 !== 0,
      });
      const outputs = await runModel(model, randomFeeds(model, {}, createRandom(a)));
      for (const value of model.graph.outputs) {
        expect(outputs[value.name]?.dims).toEqual(shapeOf(value));
      }
    }
  });

  it("leaves little unread: in most models, masking the groups changes an output", async () => {
    let changed = 0;
    const descriptions = fc.sample(randomModel({ minOps: 6 }), { numRuns: 60, seed: 5 });
    for (const description of descriptions) {
      const model = buildRandomModel(description);
      const groups = findChannelGroups(model).filter(({ blocked }) => blocked === undefined);
      const masked = maskConsumers(model, groups, {
        formatVersion: 1,
        inputShapes: {},
        groups: groups.map(({ id, width }) => ({ id, width, keep: [0] })),
        skipped: [],
        provenance: {},
      });
      const isSame = await expectSameOutputs(masked, model, { seeds: [1] }).then(
        () => true,
        () => false,
      );
      if (!isSame) changed++;
    }
    expect(changed).toBeGreaterThan(descriptions.length * 0.6);
  });

  it("gives the same bytes for the same description", () => {
    const [description] = fc.sample(randomModel(), { numRuns: 1, seed: 7 });
    const [first, second] = [buildRandomModel(description!), buildRandomModel(description!)];
    expect(encodeModel(first)).toEqual(encodeModel(second));
  });
});

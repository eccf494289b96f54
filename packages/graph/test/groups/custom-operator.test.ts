import { addNode, conv, createTestModel, shapeOf } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  type ChannelRule,
  channelRules,
  encodeModel,
  findChannelGroups,
  GraphError,
  inferShapes,
  type Model,
  removeChannels,
  type ShapeRule,
  shapeRules,
} from "../../src/index.ts";

const inputShapes = { x: [1, 3, 8, 8] };

/** conv → acme:Glow, which works element by element → conv */
function modelWithCustomOperator(): Model {
  const model = createTestModel({
    inputs: inputShapes,
    build(graph, x) {
      const first = conv(graph, x, { out: 8 });
      const middle = addNode(graph, "Relu", [first], shapeOf(first));
      const glow = graph.createNode({
        opType: "Glow",
        domain: "acme",
        inputs: [middle],
        outputs: ["glowing"],
      });
      const second = conv(graph, middle, { out: 4 });
      second.producer?.setInput(0, glow.output);
      return [second];
    },
  });
  model.setOpset("acme", 1);
  return model;
}

const shapeTable: ReadonlyMap<string, ShapeRule> = new Map([
  ...shapeRules,
  ["acme:Glow", shapeRules.get("Relu") as ShapeRule],
]);
const channelTable: ReadonlyMap<string, ChannelRule> = new Map([
  ...channelRules,
  ["acme:Glow", channelRules.get("Relu") as ChannelRule],
]);

describe("an operator of one's own", () => {
  it("is pruned through, given a shape rule and a channel rule", () => {
    const model = modelWithCustomOperator();
    const shapes = inferShapes(model, { inputShapes, rules: shapeTable });
    const groups = findChannelGroups(model, { shapes, rules: channelTable });
    const group = groups[0]!;
    expect(group.blocked).toBeUndefined();
    removeChannels(model, {
      groups,
      keep: new Map([[group.id, [0, 2, 5]]]),
      shapes,
      rules: channelTable,
      shapeRules: shapeTable,
    });
    const after = inferShapes(model, { inputShapes, rules: shapeTable });
    expect(after.shapeOf(model.graph.value("glowing")!)).toEqual([1, 3, 8, 8]);
  });

  it("blocks its channels without a channel rule, by name", () => {
    const model = modelWithCustomOperator();
    const shapes = inferShapes(model, { inputShapes, rules: shapeTable });
    expect(findChannelGroups(model, { shapes })[0]?.blocked).toContain("Glow");
  });

  it("is refused without its shape rule, and nothing changes", () => {
    const model = modelWithCustomOperator();
    const before = encodeModel(model);
    const shapes = inferShapes(model, { inputShapes, rules: shapeTable });
    const groups = findChannelGroups(model, { shapes, rules: channelTable });
    const keep = new Map([[groups[0]!.id, [0, 2, 5]]]);
    expect(() => removeChannels(model, { groups, keep, shapes, rules: channelTable })).toThrow(
      GraphError,
    );
    expect(encodeModel(model)).toEqual(before);
  });
});

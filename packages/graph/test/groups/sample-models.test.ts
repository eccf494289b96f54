import { sampleModel, sharedPath } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { findChannelGroups, readModel } from "../../src/index.ts";

const FREE = (group: { blocked?: string }): boolean => group.blocked === undefined;

describe("PP-OCRv4 det", async () => {
  const model = await readModel(sampleModel("det"));
  const groups = findChannelGroups(model, { inputShapes: { x: [1, 3, 640, 640] } });
  const members = groups.flatMap((group) => group.members.map((member) => ({ member, group })));

  it("has every Conv and ConvTranspose output in a group", () => {
    let count = 0;
    for (const node of model.graph.nodes) {
      if (node.opType !== "Conv" && node.opType !== "ConvTranspose") continue;
      count++;
      const { name } = node.output;
      const owners = members.filter(({ member }) => member.value === name && member.axis === 1);
      expect(owners.length, name).toBeGreaterThan(0);
    }
    expect(count).toBeGreaterThan(60);
  });

  it("has nothing blocked but the channels of the output, and of the one before the last map", () => {
    const reasons = groups.filter((group) => !FREE(group)).map(({ blocked }) => blocked);
    expect(reasons.every((reason) => reason?.includes("an output of the graph"))).toBe(true);
    expect(reasons.length).toBeLessThan(3);
  });

  it("has the widths that the architecture has", () => {
    const widths = groups.filter(FREE).map(({ width }) => width);
    expect(widths.slice(0, 11)).toEqual([16, 32, 48, 48, 96, 96, 192, 192, 192, 192, 192]);
    const counts = new Map<number, number>();
    for (const width of widths) counts.set(width, (counts.get(width) ?? 0) + 1);
    for (const width of [12, 18, 42, 360, 96, 24, 384, 48])
      expect(counts.get(width)).toBeGreaterThan(0);
    expect(counts.get(384)).toBeGreaterThanOrEqual(4);
  });

  it("has unique ids, which do not depend on the input's size", () => {
    const ids = groups.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const others = findChannelGroups(model, { inputShapes: { x: [1, 3, 96, 128] } });
    expect(others.map(({ id, width }) => `${id} ${width}`)).toEqual(
      groups.map(({ id, width }) => `${id} ${width}`),
    );
  });

  it("has index maps that name every channel of each group, in every member", () => {
    for (const group of groups) {
      for (const { channelOf } of group.members) {
        const channels = new Set([...channelOf].filter((channel) => channel >= 0));
        expect(Math.max(...channels)).toBeLessThan(group.width);
        if (FREE(group)) expect(channels.size).toBe(group.width);
      }
    }
  });

  it("gives every axis index to one group at most", () => {
    const owners = new Map<string, string>();
    for (const { member, group } of members) {
      member.channelOf.forEach((channel, index) => {
        if (channel < 0) return;
        const key = `${member.value} ${member.axis} ${index}`;
        expect(owners.get(key) ?? group.id).toBe(group.id);
        owners.set(key, group.id);
      });
    }
  });
});

describe("PP-OCRv6 small", () => {
  it.skipIf(!sharedPath("models"))("has most of its channels free (needs the model)", async () => {
    const model = await readModel(sharedPath("models/PP-OCRv6_det_small.onnx") ?? "");
    const groups = findChannelGroups(model, { inputShapes: { x: [1, 3, 96, 128] } });
    const free = groups.filter(FREE).reduce((sum, { width }) => sum + width, 0);
    const all = groups.reduce((sum, { width }) => sum + width, 0);
    expect(free / all).toBeGreaterThan(0.9);
  });
});

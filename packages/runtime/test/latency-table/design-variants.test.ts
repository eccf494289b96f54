import { findChannelGroups } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";
import { designVariants } from "../../src/latency-table/design-variants.ts";
import { listTimedLayers } from "../../src/latency-table/list-timed-layers.ts";
import { sampleDetector } from "./sample-detector.ts";

const model = sampleDetector();
const layers = listTimedLayers(model);
const groups = findChannelGroups(model).filter(({ blocked }) => blocked === undefined);
const options = { channelMultiple: 8, leastWidth: 0.25 };

describe("designVariants", () => {
  const variants = designVariants(layers, groups, options);

  it("has whole blocks from the least width to the full one in 15 variants", () => {
    expect(variants).toHaveLength(15);
    for (const { id, width } of groups) {
      const widths = [width, ...variants.map((variant) => variant.get(id)!)];
      for (const one of widths) expect(one === width || one % 8 === 0).toBe(true);
      expect(Math.max(...widths)).toBe(width);
      expect(Math.min(...widths)).toBe(Math.max(8, Math.round(width / 32) * 8));
    }
  });

  it("brings every pair of widths of groups at two ends of a layer", () => {
    const owner = (value: string) =>
      groups.find(({ members }) => members.some((member) => member.value === value));
    let checked = 0;
    for (const { input, output } of layers) {
      const [from, to] = [
        input.length === 1 ? owner(input[0]!.value) : undefined,
        owner(output.value),
      ];
      if (!from || !to || from === to) continue;
      const full = new Map(groups.map(({ id, width }) => [id, width]));
      const pairs = [full, ...variants].map((widths) => [widths.get(from.id)!, widths.get(to.id)!]);
      const [rows, columns] = [0, 1].map((side) => new Set(pairs.map((pair) => pair[side])));
      expect(new Set(pairs.map(String)).size).toBe(rows!.size * columns!.size);
      checked++;
    }
    expect(checked).toBeGreaterThan(3);
  });

  it("has none if no width can change", () => {
    expect(designVariants(layers, groups, { channelMultiple: 64, leastWidth: 0.5 })).toEqual([]);
    expect(designVariants(layers, [], options)).toEqual([]);
  });
});

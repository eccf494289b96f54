import { named } from "../../named.ts";
import type { Allocation } from "../allocation.ts";
import { assertBetween } from "../assert-option.ts";

/**
 * Takes the same fraction (0–1) of channels from every group.
 * @category Analysis
 */
export function uniformRatio(ratio: number): Allocation {
  assertBetween("uniformRatio", "ratio", ratio, 0, 1);
  return named("uniformRatio", ({ candidates }) => ({
    removed: new Map(candidates.map(({ group }) => [group.id, group.width * ratio])),
    provenance: { ratio },
  }));
}

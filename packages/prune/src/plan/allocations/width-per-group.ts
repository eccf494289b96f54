import { named } from "../../named.ts";
import type { Allocation } from "../allocation.ts";
import { assertPositiveInteger } from "../assert-option.ts";

/**
 * Leaves each group the number of channels given for it, by group id, rounded as the rules want; groups
 * that are not named stay whole.
 * @category Analysis
 */
export function widthPerGroup(widths: Readonly<Record<string, number>>): Allocation {
  const byGroup = new Map(Object.entries(widths));
  for (const [group, width] of byGroup) {
    assertPositiveInteger("widthPerGroup", `width of "${group}"`, width);
  }
  return named("widthPerGroup", ({ candidates }) => {
    const removed = new Map<string, number>();
    const reasons = new Map<string, string>();
    for (const { group } of candidates) {
      const width = byGroup.get(group.id);
      if (width === undefined) reasons.set(group.id, "no width is given for it");
      else removed.set(group.id, Math.max(0, group.width - width));
    }
    const ids = new Set(candidates.map(({ group }) => group.id));
    const unused = [...byGroup.keys()].filter((id) => !ids.has(id));
    return { removed, reasons, provenance: unused.length > 0 ? { unused } : {} };
  });
}

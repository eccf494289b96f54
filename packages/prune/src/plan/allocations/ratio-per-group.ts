import { named } from "../../named.ts";
import type { Allocation } from "../allocation.ts";
import { assertBetween } from "../assert-option.ts";

/**
 * Takes from each group the fraction (0–1) of channels given for it, by group id; groups that are
 * not named stay whole.
 * @category Analysis
 */
export function ratioPerGroup(ratios: Readonly<Record<string, number>>): Allocation {
  return fromRatios("ratioPerGroup", ratios, "no ratio is given for it");
}

/**
 * Takes from each group the fraction of channels that keeps its loss below a bound, as sensitivity
 * analysis finds it (`ratiosByLoss`), by group id; groups that are not named stay whole.
 * @category Analysis
 */
export function ratiosFromLoss(ratios: Readonly<Record<string, number>>): Allocation {
  return fromRatios("ratiosFromLoss", ratios, "no ratio keeps its loss below the bound");
}

function fromRatios(
  name: string,
  ratios: Readonly<Record<string, number>>,
  absent: string,
): Allocation {
  const byGroup = new Map(Object.entries(ratios));
  for (const [group, ratio] of byGroup) assertBetween(name, `ratio of "${group}"`, ratio, 0, 1);
  return named(name, ({ candidates }) => {
    const removed = new Map<string, number>();
    const reasons = new Map<string, string>();
    const found = new Set<string>();
    for (const { group } of candidates) {
      const ratio = byGroup.get(group.id);
      if (ratio === undefined) reasons.set(group.id, absent);
      else removed.set(group.id, group.width * ratio);
      found.add(group.id);
    }
    const unused = [...byGroup.keys()].filter((id) => !found.has(id));
    return { removed, reasons, provenance: { ratios, ...(unused.length > 0 ? { unused } : {}) } };
  });
}

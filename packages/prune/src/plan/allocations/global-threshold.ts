import { named } from "../../named.ts";
import type { Allocation, AllocationCandidate, AllocationContext } from "../allocation.ts";
import { assertBetween } from "../assert-option.ts";
import { roundHalfToEven, roundWidth } from "../widths.ts";
import { type CostTarget, reportBudget, resolveTarget } from "./target.ts";

/** How low the threshold lies: a fraction (0–1) of all channels to remove, or what is to stay. */
export type GlobalThresholdOptions = { readonly ratio: number } | CostTarget;

/**
 * Removes all channels that score below one threshold, whatever their group. Wants scores that
 * groups share a scale for (see the normalizations). A group never falls below its smallest width.
 * @category Analysis
 */
export function globalThreshold(options: GlobalThresholdOptions): Allocation {
  if ("ratio" in options) {
    const { ratio } = options;
    assertBetween("globalThreshold", "ratio", ratio, 0, 1);
    return named("globalThreshold", ({ candidates }) => {
      const pool = sortChannels(candidates);
      const count = roundHalfToEven(pool.length * ratio);
      return {
        removed: countByGroup(pool, count),
        provenance: { ratio, threshold: pool[count]?.score ?? null },
      };
    });
  }
  const target = resolveTarget("globalThreshold", options);
  return named("globalThreshold", (context) => {
    const { candidates, cost } = context;
    const pool = sortChannels(candidates);
    const costWithout = (count: number) =>
      cost.costAt(roundAll(context, countByGroup(pool, count)));
    const wanted = target.kept * cost.original[target.quantity] * (1 + 1e-12);
    let low = 0;
    let high = pool.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (costWithout(middle)[target.quantity] <= wanted) high = middle;
      else low = middle + 1;
    }
    return {
      removed: countByGroup(pool, low),
      provenance: {
        threshold: pool[low]?.score ?? null,
        budget: reportBudget(
          target,
          costWithout(low)[target.quantity],
          cost.original[target.quantity],
        ),
      },
    };
  });
}

interface PooledChannel {
  readonly group: string;
  readonly score: number;
}

function sortChannels(candidates: readonly AllocationCandidate[]): readonly PooledChannel[] {
  return candidates
    .flatMap(({ group, scores }) => Array.from(scores, (score) => ({ group: group.id, score })))
    .sort((a, b) => a.score - b.score);
}

function countByGroup(pool: readonly PooledChannel[], count: number): Map<string, number> {
  const removed = new Map<string, number>();
  for (const { group } of pool) removed.set(group, 0);
  for (const { group } of pool.slice(0, count)) removed.set(group, (removed.get(group) ?? 0) + 1);
  return removed;
}

function roundAll(
  { candidates }: AllocationContext,
  removed: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  return new Map(
    candidates.map(({ group, rules }) => [
      group.id,
      roundWidth(group.width, removed.get(group.id) ?? 0, rules),
    ]),
  );
}

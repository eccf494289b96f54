/** One of the choices of a class. */
export interface KnapsackItem {
  /** Finite; negative if it gives something back. */
  readonly cost: number;
  readonly loss: number;
}

/** Buckets that {@link solveKnapsack} divides the capacity into. */
export const KNAPSACK_BUCKETS = 1000;

/**
 * Chooses one item of each class so that the costs add up to at most `capacity` and the losses to
 * as little as possible (a multiple-choice knapsack; the dynamic programme of SPDY, Frantar and
 * Alistarh 2022, section 3.2). Of all partial choices whose cost falls into one bucket the one with
 * the least loss goes on, *with its own cost, unrounded*: no choice exceeds the capacity, and none
 * loses more than the best one would at a capacity that is smaller by one bucket for each class.
 * @returns Indices of the items, or `undefined` if even the cheapest ones cost too much.
 */
export function solveKnapsack(
  classes: readonly (readonly KnapsackItem[])[],
  capacity: number,
  buckets: number = KNAPSACK_BUCKETS,
): readonly number[] | undefined {
  const cheapest = classes.map((items) =>
    items.reduce((least, { cost }) => Math.min(least, cost), Number.POSITIVE_INFINITY),
  );
  const least = cheapest.reduce((sum, cost) => sum + cost, 0);
  const room = capacity - least;
  if (!(room >= -1e-12 * Math.max(Math.abs(capacity), Math.abs(least)))) return undefined;
  const perBucket = room > 0 ? buckets / room : 0;
  const limit = Math.max(0, room) * (1 + 1e-12);

  let losses = new Float64Array(buckets + 1).fill(Number.POSITIVE_INFINITY);
  let costs = new Float64Array(buckets + 1);
  losses[0] = 0;
  const steps: { readonly item: Int32Array; readonly from: Int32Array }[] = [];
  classes.forEach((items, at) => {
    const nextLosses = new Float64Array(buckets + 1).fill(Number.POSITIVE_INFINITY);
    const nextCosts = new Float64Array(buckets + 1);
    const item = new Int32Array(buckets + 1).fill(-1);
    const from = new Int32Array(buckets + 1);
    const front = listFront(items, cheapest[at] ?? 0);
    for (let bucket = 0; bucket <= buckets; bucket++) {
      const loss = losses[bucket] ?? Number.POSITIVE_INFINITY;
      if (loss === Number.POSITIVE_INFINITY) continue;
      const spent = costs[bucket] ?? 0;
      for (const choice of front) {
        const cost = spent + choice.cost;
        if (cost > limit) break;
        const to = Math.min(buckets, Math.floor(cost * perBucket));
        const known = nextLosses[to] ?? Number.POSITIVE_INFINITY;
        const total = loss + choice.loss;
        if (total > known || (total === known && cost >= (nextCosts[to] ?? 0))) continue;
        nextLosses[to] = total;
        nextCosts[to] = cost;
        item[to] = choice.index;
        from[to] = bucket;
      }
    }
    losses = nextLosses;
    costs = nextCosts;
    steps.push({ item, from });
  });
  return traceBack(steps, losses);
}

/** Items that no other one beats in both, by rising cost above the cheapest. */
function listFront(
  items: readonly KnapsackItem[],
  least: number,
): readonly (KnapsackItem & { readonly index: number })[] {
  const sorted = items
    .map(({ cost, loss }, index) => ({ cost: cost - least, loss, index }))
    .sort((a, b) => a.cost - b.cost || a.loss - b.loss || a.index - b.index);
  let best = Number.POSITIVE_INFINITY;
  return sorted.filter(({ loss }) => {
    if (loss >= best) return false;
    best = loss;
    return true;
  });
}

function traceBack(
  steps: readonly { readonly item: Int32Array; readonly from: Int32Array }[],
  losses: Float64Array,
): readonly number[] {
  let bucket = losses.indexOf(losses.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
  return steps
    .toReversed()
    .map(({ item, from }) => {
      const chosen = item[bucket] ?? 0;
      bucket = from[bucket] ?? 0;
      return chosen;
    })
    .toReversed();
}

import type { MeasuredPlan } from "./types.ts";

/** What {@link reachBudget} goes by. */
export interface BudgetSearch {
  /** The ratio that is wanted: the largest one that will do. */
  readonly wanted: number;
  readonly tolerance: number;
  readonly leastKept: number;
  readonly steps: number;
  /** Makes and measures the plan for a kept fraction. */
  readonly ask: (kept: number) => Promise<MeasuredPlan>;
  readonly ratioOf: (plan: MeasuredPlan) => number;
}

/** A request and what it measured. */
interface Point {
  readonly asked: number;
  readonly ratio: number;
}

/** Steps on top, where no plan has been fast enough yet. */
const overtime = 2;

/**
 * Asks for plans until one measures within the tolerance below the wanted ratio. What was predicted
 * and what is measured differ, so each request is the last one corrected by what came out: by their
 * ratio at first, by the secant through two points then, and inside what is known to be too fast
 * and too slow. Ends early where requests bring nothing new.
 */
export async function reachBudget(search: BudgetSearch): Promise<void> {
  const { wanted, tolerance, leastKept, steps, ask, ratioOf } = search;
  const points: Point[] = [];
  const plans = new Set<MeasuredPlan>();
  const isFast = ({ ratio }: Point): boolean => ratio <= wanted;
  let asked = clamp(wanted, leastKept, 1);
  for (let step = 0; step < steps + (points.some(isFast) ? 0 : overtime); step++) {
    const plan = await ask(asked);
    const ratio = ratioOf(plan);
    if (plans.has(plan)) return;
    plans.add(plan);
    points.push({ asked, ratio });
    if (ratio <= wanted && ratio >= wanted * (1 - tolerance)) return;
    const next = clamp(nextRequest(points, wanted, tolerance), leastKept, 1);
    if (Math.abs(next - asked) < 1e-4) return;
    asked = next;
  }
}

/** In logarithms: time falls about as a power of the request. */
function nextRequest(points: readonly Point[], wanted: number, tolerance: number): number {
  const aim = Math.log(wanted * (1 - tolerance / 2));
  const logs = points.map(({ asked, ratio }) => ({ x: Math.log(asked), y: Math.log(ratio) }));
  const limit = Math.log(wanted);
  const low = logs.filter(({ y }) => y <= limit).toSorted((a, b) => b.x - a.x)[0];
  const high = logs.filter(({ y }) => y > limit).toSorted((a, b) => a.x - b.x)[0];
  if (low && high && low.x < high.x) {
    const part = (aim - low.y) / (high.y - low.y);
    return Math.exp(low.x + (high.x - low.x) * clamp(part, 0.03, 0.97));
  }
  const last = logs[logs.length - 1] ?? { x: limit, y: limit };
  const before = logs[logs.length - 2];
  const slope = before ? clamp((last.y - before.y) / (last.x - before.x), 0.3, 3) : 1;
  return Math.exp(last.x + (aim - last.y) / slope);
}

const clamp = (value: number, low: number, high: number): number =>
  Math.min(high, Math.max(low, value));

import { climb } from "./fit.ts";
import { type AllocationProblem, listMoves, type Move, type Rungs, widthsOf } from "./problem.ts";

/** Swaps after which the search ends; each one lowers the loss. */
const mostSwaps = 60;

/**
 * Takes channels from one group to give another one more, as long as that lowers the sum of losses
 * and the true cost, not a linearised one, holds the limit.
 */
export function improveBySwaps(problem: AllocationProblem, start: Rungs): Rungs {
  let rungs = climb(problem, start);
  for (let count = 0; count < mostSwaps; count++) {
    const swapped = bestSwap(problem, rungs);
    if (!swapped) break;
    rungs = climb(problem, swapped);
  }
  return rungs;
}

function bestSwap(problem: AllocationProblem, rungs: Rungs): Rungs | undefined {
  const { cost, ladders, limit } = problem;
  const widths = widthsOf(problem, rungs);
  const slack = limit - cost.costAt(widths);
  const inDirection = (direction: -1 | 1): readonly Move[] =>
    ladders.flatMap((_, at) => listMoves(problem, rungs, widths, at, direction));
  const ups = inDirection(1)
    .filter(({ loss }) => loss < 0)
    .toSorted((a, b) => a.loss - b.loss);
  const downs = inDirection(-1).filter(({ saved }) => saved > 0);
  let best: { readonly down: Move; readonly up: Move } | undefined;
  let bestLoss = -1e-12;
  for (const down of downs) {
    const from = ladders[down.at];
    const width = from?.rungs[down.to]?.width;
    if (!from || width === undefined) continue;
    const coupled = cost.coupledTo(from.id);
    const after = new Map(widths).set(from.id, width);
    for (const up of ups) {
      const loss = down.loss + up.loss;
      if (loss >= bestLoss) break;
      const to = ladders[up.at];
      if (!to || up.at === down.at) continue;
      const saved = coupled.has(to.id)
        ? cost.saving(after, to.id, to.rungs[up.to]?.width ?? 0)
        : up.saved;
      if (slack + down.saved + saved < 0) continue;
      best = { down, up };
      bestLoss = loss;
    }
  }
  if (!best) return undefined;
  const next = [...rungs];
  next[best.down.at] = best.down.to;
  next[best.up.at] = best.up.to;
  return next;
}

import { type AllocationProblem, listMoves, type Move, type Rungs, widthsOf } from "./problem.ts";

/**
 * Brings a choice of widths under the limit, and then as close to it as it goes. Going down takes
 * the move with the least loss per cost saved, costs computed anew after each; going up the one that
 * saves the most loss and still fits. If the limit cannot be met, all that saves has been taken.
 */
export function fitToLimit(problem: AllocationProblem, start: Rungs): Rungs {
  return climb(problem, descend(problem, start));
}

function descend(problem: AllocationProblem, start: Rungs): Rungs {
  const { cost, ladders, limit } = problem;
  const rungs = [...start];
  const widths = widthsOf(problem, rungs);
  const indexOf = new Map(ladders.map(({ id }, at) => [id, at]));
  const cheapest = (at: number): Move | undefined =>
    listMoves(problem, rungs, widths, at, -1).reduce<Move | undefined>(
      (best, move) => (move.saved > 0 && (!best || price(move) < price(best)) ? move : best),
      undefined,
    );
  const moves = ladders.map((_, at) => cheapest(at));
  let current = cost.costAt(widths);
  while (current > limit) {
    const best = moves.reduce(
      (a, b) => (b && (!a || price(b) < price(a)) ? b : a),
      undefined as Move | undefined,
    );
    const ladder = best && ladders[best.at];
    if (!best || !ladder) break;
    rungs[best.at] = best.to;
    widths.set(ladder.id, ladder.rungs[best.to]?.width ?? 0);
    current = cost.costAt(widths);
    for (const id of [ladder.id, ...cost.coupledTo(ladder.id)]) {
      const at = indexOf.get(id);
      if (at !== undefined) moves[at] = cheapest(at);
    }
  }
  return rungs;
}

const price = ({ loss, saved }: Move): number => loss / saved;

/** Gives channels back, most loss saved first, as long as the limit holds. */
export function climb(problem: AllocationProblem, start: Rungs): Rungs {
  const { cost, ladders, limit } = problem;
  const rungs = [...start];
  const widths = widthsOf(problem, rungs);
  let slack = limit - cost.costAt(widths);
  while (slack >= 0) {
    let best: Move | undefined;
    ladders.forEach((_, at) => {
      for (const move of listMoves(problem, rungs, widths, at, 1)) {
        const fits = -move.saved <= slack && (move.loss < 0 || move.saved > 0);
        if (fits && (!best || move.loss < best.loss)) best = move;
      }
    });
    const ladder = best && ladders[best.at];
    if (!best || !ladder) break;
    rungs[best.at] = best.to;
    widths.set(ladder.id, ladder.rungs[best.to]?.width ?? 0);
    slack = limit - cost.costAt(widths);
  }
  return rungs;
}

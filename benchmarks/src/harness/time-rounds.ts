import { quantile } from "@ocrslim/runtime";

/** How {@link timeRounds} measures. */
export interface TimeRoundsOptions {
  /** Timed rounds. */
  readonly rounds: number;
  /** Rounds before that are not timed. */
  readonly warmup: number;
  /**
   * Whether garbage is collected before each run rather than only once before the first: for what
   * allocates hundreds of megabytes. A forced collection also throws away compiled code, and makes
   * short runs several times as long. Default: false.
   */
  readonly collectGarbage?: boolean;
}

/** Something to be timed; what it returns is kept until its round is over. */
export type Entrant = () => unknown;

/**
 * Times entrants in turns, A B, B A, A B, …, so that a machine that drifts favours none. Returns
 * milliseconds, by entrant and round.
 */
export async function timeRounds(
  entrants: readonly Entrant[],
  { rounds, warmup, collectGarbage = false }: TimeRoundsOptions,
): Promise<readonly (readonly number[])[]> {
  const samples: number[][] = entrants.map(() => []);
  let last: unknown;
  globalThis.gc?.();
  for (let round = -warmup; round < rounds; round++) {
    const order = [...entrants.entries()];
    for (const [index, entrant] of round % 2 === 0 ? order : order.reverse()) {
      last = undefined;
      if (collectGarbage) globalThis.gc?.();
      const start = performance.now();
      const result = entrant();
      last = result instanceof Promise ? await result : result;
      const elapsed = performance.now() - start;
      if (round >= 0) samples[index]?.push(elapsed);
    }
  }
  // What was computed must not be optimized away.
  if (last === samples) throw new Error("unreachable");
  return samples;
}

/** The middle of samples. */
export const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** The middle of numerator / denominator over the rounds. */
export function medianRatio(numerator: readonly number[], denominator: readonly number[]): number {
  return median(numerator.map((value, round) => value / (denominator[round] ?? Number.NaN)));
}

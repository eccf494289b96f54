import type { ChannelStatistics } from "./activation-statistics.ts";

/** The mutable counterpart of {@link ChannelStatistics} while images come in. */
export interface StatisticsAccumulator {
  add(batch: BatchStatistics): void;
  finish(value: string, axis: number): ChannelStatistics;
}

/** Statistics of one image, one entry per channel. */
interface BatchStatistics {
  /** Elements per channel, 1 or more. */
  readonly count: number;
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
  readonly meanAbsolute: ArrayLike<number>;
  readonly nonzeroFraction: ArrayLike<number>;
  readonly minimum: ArrayLike<number>;
  readonly maximum: ArrayLike<number>;
}

/** Merges means and variances pairwise in double precision (Chan, Golub, LeVeque 1979, eq. 2.1). */
export function createStatisticsAccumulator(width: number): StatisticsAccumulator {
  let count = 0;
  const mean = new Float64Array(width);
  const squares = new Float64Array(width);
  const absolute = new Float64Array(width);
  const nonzero = new Float64Array(width);
  const minimum = new Float64Array(width).fill(Number.POSITIVE_INFINITY);
  const maximum = new Float64Array(width).fill(Number.NEGATIVE_INFINITY);
  return {
    add(batch) {
      const added = batch.count;
      const all = count + added;
      for (let c = 0; c < width; c++) {
        const difference = (batch.mean[c] ?? 0) - (mean[c] ?? 0);
        mean[c] = (mean[c] ?? 0) + (difference * added) / all;
        squares[c] =
          (squares[c] ?? 0) +
          (batch.variance[c] ?? 0) * added +
          (difference * difference * count * added) / all;
        absolute[c] = (absolute[c] ?? 0) + (batch.meanAbsolute[c] ?? 0) * added;
        nonzero[c] = (nonzero[c] ?? 0) + (batch.nonzeroFraction[c] ?? 0) * added;
        minimum[c] = Math.min(minimum[c] ?? 0, batch.minimum[c] ?? 0);
        maximum[c] = Math.max(maximum[c] ?? 0, batch.maximum[c] ?? 0);
      }
      count = all;
    },
    finish(value, axis) {
      const divisor = Math.max(1, count);
      return {
        value,
        axis,
        count,
        mean: Array.from(mean),
        variance: Array.from(squares, (square) => Math.max(0, square / divisor)),
        meanAbsolute: Array.from(absolute, (sum) => sum / divisor),
        sumOfSquares: Array.from(squares, (square, c) => square + count * (mean[c] ?? 0) ** 2),
        zeroFraction: Array.from(nonzero, (sum) => Math.max(0, 1 - sum / divisor)),
        minimum: Array.from(minimum),
        maximum: Array.from(maximum),
      };
    },
  };
}

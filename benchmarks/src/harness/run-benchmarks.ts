import type { Benchmark, BenchmarkContext } from "./benchmark.ts";
import type { Figure } from "./figure.ts";

/** A benchmark that was not run, and why. */
export interface SkippedBenchmark {
  readonly name: string;
  readonly reason: string;
}

/** What a run of benchmarks gave. */
export interface BenchmarkRun {
  readonly figures: readonly Figure[];
  readonly skipped: readonly SkippedBenchmark[];
}

/** What a run tells while it goes on. */
export interface RunObserver {
  onStart?(benchmark: Benchmark): void;
  onFigure?(figure: Figure): void;
  onSkip?(skipped: SkippedBenchmark): void;
}

/** Benchmarks of a group named by a filter, or with a filter in their name or a figure's. */
export function selectBenchmarks(
  benchmarks: readonly Benchmark[],
  filters: readonly string[],
): readonly Benchmark[] {
  if (filters.length === 0) return benchmarks;
  const groups = new Set<string>(benchmarks.map(({ group }) => group));
  return benchmarks.filter(({ group, name, figures }) =>
    filters.some((filter) =>
      groups.has(filter)
        ? group === filter
        : name.includes(filter) || figures.some((figure) => figure.name.includes(filter)),
    ),
  );
}

/** Runs benchmarks one after the other. One that can't be run here is skipped, with its reason. */
export async function runBenchmarks(
  benchmarks: readonly Benchmark[],
  context: BenchmarkContext,
  observer: RunObserver = {},
): Promise<BenchmarkRun> {
  const figures: Figure[] = [];
  const skipped: SkippedBenchmark[] = [];
  for (const benchmark of benchmarks) {
    const reason = benchmark.unavailable?.(context);
    if (reason !== undefined) {
      skipped.push({ name: benchmark.name, reason });
      observer.onSkip?.({ name: benchmark.name, reason });
      continue;
    }
    observer.onStart?.(benchmark);
    for (const figure of await benchmark.run(context)) {
      figures.push(figure);
      observer.onFigure?.(figure);
    }
  }
  return { figures, skipped };
}

import type { Evaluate, Model } from "@ocrslim/graph";
import type { Feeds, Runtime, RuntimeTensor } from "@ocrslim/runtime";

/** Outputs of one model for several feeds. */
type Outputs = readonly Readonly<Record<string, RuntimeTensor>>[];

/** Runs a model on every feed. */
export async function runAll(
  runtime: Runtime,
  model: Model,
  feeds: readonly Feeds[],
  signal: AbortSignal | undefined,
): Promise<Outputs> {
  await using session = await runtime.load(model);
  const outputs: Readonly<Record<string, RuntimeTensor>>[] = [];
  for (const feed of feeds) {
    signal?.throwIfAborted();
    outputs.push(await session.run(feed));
  }
  return outputs;
}

function listFloats(outputs: Readonly<Record<string, RuntimeTensor>>): Float32Array[] {
  return Object.values(outputs)
    .map((tensor) => tensor.data)
    .filter((data) => data instanceof Float32Array);
}

/** The largest absolute difference of any float output; NaN counts as infinite. */
export function largestDifference(first: Outputs, second: Outputs): number {
  let largest = 0;
  first.forEach((outputs, index) => {
    const others = listFloats(second[index] ?? {});
    listFloats(outputs).forEach((values, output) => {
      const other = others[output];
      if (other?.length !== values.length) {
        largest = Number.POSITIVE_INFINITY;
        return;
      }
      for (let at = 0; at < values.length; at++) {
        const difference = Math.abs((values[at] ?? 0) - (other[at] ?? 0));
        if (!(difference <= largest)) {
          largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
        }
      }
    });
  });
  return largest;
}

/**
 * How alike two probability maps are: Σ min(p, q) / Σ max(p, q), 1 if equal and 0 if they have no
 * text in common (the Ruzicka similarity, an intersection over union of soft masks). Pages with
 * little text and pages full of it weigh by their text, not by their background.
 */
function mapOverlap(first: Outputs, second: Outputs): number {
  let intersection = 0;
  let union = 0;
  first.forEach((outputs, index) => {
    const others = listFloats(second[index] ?? {});
    listFloats(outputs).forEach((values, output) => {
      const other = others[output];
      for (let at = 0; at < values.length; at++) {
        const p = values[at] ?? 0;
        const q = other?.[at] ?? 0;
        intersection += Math.min(p, q);
        union += Math.max(p, q);
      }
    });
  });
  return union > 0 ? intersection / union : 1;
}

/**
 * Returns an evaluator that compares a model's maps with those of `reference`: cheaper than boxes,
 * and smooth where counts of boxes jump. The metric is called `map overlap` in reports.
 */
export async function createMapEvaluator(
  runtime: Runtime,
  reference: Model,
  feeds: readonly Feeds[],
  signal: AbortSignal | undefined,
): Promise<Evaluate> {
  const wanted = await runAll(runtime, reference, feeds, signal);
  return async (model, context) => {
    const found = await runAll(runtime, model, feeds, context.signal ?? signal);
    return { metric: mapOverlap(wanted, found), images: feeds.length };
  };
}

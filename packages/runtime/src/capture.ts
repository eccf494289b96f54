import { cloneModel, type Model, type RunOptions, type Value } from "@ocrslim/graph";
import { RuntimeError } from "./errors.ts";
import type { Feeds } from "./feeds.ts";
import { tensorToFeed } from "./tensors.ts";
import type { Runtime, RuntimeTensor, SessionOptions } from "./types.ts";

/** Options of {@link captureValues}. */
export interface CaptureOptions extends RunOptions, SessionOptions {
  /** Names of values: graph inputs, outputs, initializers or what any node computes. */
  readonly values: readonly string[];
  /** One run each, pulled one at a time. */
  readonly feeds: Iterable<Feeds> | AsyncIterable<Feeds>;
  /** Takes the values of one run, before the next one starts. */
  readonly onValues: (
    values: Readonly<Record<string, RuntimeTensor>>,
    index: number,
  ) => void | Promise<void>;
}

/**
 * Runs a model over feeds and hands on its inner values, run by run; nothing is kept. Works on a
 * copy with more graph outputs (ONNX Runtime infers their types). An added output keeps ONNX Runtime
 * from fusing across it, so that results may differ from a plain run in their last bits.
 * Returns the number of runs.
 * @throws RuntimeError `unknown-value` if the graph has no value of a name; `invalid-feed`;
 * `load-failed`.
 */
export async function captureValues(
  runtime: Runtime,
  model: Model,
  options: CaptureOptions,
): Promise<number> {
  const { values, feeds, onValues, signal, onProgress } = options;
  const constants: Record<string, RuntimeTensor> = {};
  const fed: string[] = [];
  const fetched: string[] = [];
  const copy = cloneModel(model);
  const added: Value[] = [];
  for (const name of new Set(values)) {
    const value = copy.graph.value(name);
    if (!value) {
      throw new RuntimeError(
        "unknown-value",
        `captureValues: the graph has no value "${name}"; take a name from its inputs, initializers or node outputs`,
        { value: name },
      );
    }
    if (value.tensor) constants[name] = tensorToFeed(value.tensor);
    else if (value.isGraphInput) fed.push(name);
    else {
      fetched.push(name);
      if (!value.isGraphOutput) added.push(value);
    }
  }
  if (added.length > 0) copy.graph.setOutputs([...copy.graph.outputs, ...added]);
  await using session = await runtime.load(copy, sessionOptions(options));
  const task = "capture values";
  onProgress?.({ kind: "start", task, unit: "runs" });
  let index = 0;
  for await (const feed of feeds) {
    signal?.throwIfAborted();
    // Even if no output is wanted: the run checks the feeds.
    const results: Record<string, RuntimeTensor> = {
      ...constants,
      ...(fetched.length > 0 ? await session.run(feed, fetched) : {}),
    };
    for (const name of fed) {
      const tensor = feed[name];
      if (tensor) results[name] = tensor;
    }
    await onValues(results, index++);
    onProgress?.({ kind: "advance", task, done: index, unit: "runs" });
  }
  onProgress?.({ kind: "end", task });
  return index;
}

function sessionOptions(options: SessionOptions): SessionOptions {
  const { threads, optimization } = options;
  return {
    ...(threads === undefined ? {} : { threads }),
    ...(optimization === undefined ? {} : { optimization }),
  };
}

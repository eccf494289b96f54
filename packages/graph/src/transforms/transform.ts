import { checkModel } from "../check/check-model.ts";
import { createRunContext, type RunOptions } from "../contracts/run-context.ts";
import type { Transform, TransformReport } from "../contracts/transform.ts";
import { GraphError } from "../errors.ts";
import type { Model } from "../ir/model.ts";

/** Options of {@link transform}. */
export interface TransformOptions extends RunOptions {
  /** Runs `checkModel` after each transform, and fails at the first error. Default: false. */
  readonly verify?: boolean;
}

/**
 * Edits a model in place, one transform after the other, and returns what each of them did.
 *
 * @example
 * ```ts
 * const reports = await transform(model, [foldConstants(), removeUnused()]);
 * // → [{ name: "foldConstants", modified: true, counts: { foldedNodes: 3 }, elapsedMs: 1.2 }, …]
 * ```
 * @throws GraphError `transform-failed`, naming the transform and those before it, with the cause.
 * @throws the signal's reason if it is aborted between transforms.
 * @category Transforms
 */
export async function transform(
  model: Model,
  transforms: Transform | readonly Transform[],
  options: TransformOptions = {},
): Promise<readonly TransformReport[]> {
  const context = createRunContext(options);
  const steps = "run" in transforms ? [transforms] : transforms;
  const reports: TransformReport[] = [];
  const total = steps.length;
  context.onProgress({ kind: "start", task: "transform", total });
  for (const step of steps) {
    context.signal?.throwIfAborted();
    const start = performance.now();
    try {
      step.check?.(model);
      const outcome = await step.run(model, context);
      const elapsedMs = performance.now() - start;
      reports.push({ name: step.name, ...outcome, elapsedMs });
      if (options.verify) assertChecked(step.name, model);
    } catch (cause) {
      if (context.signal?.aborted) throw cause;
      throw failure(step, reports, cause);
    }
    context.logger.debug(`${step.name}: ${JSON.stringify(reports.at(-1)?.counts ?? {})}`);
    const done = reports.length;
    context.onProgress({ kind: "advance", task: "transform", done, total, detail: step.name });
  }
  context.onProgress({ kind: "end", task: "transform" });
  return reports;
}

function assertChecked(name: string, model: Model): void {
  const error = checkModel(model).find(({ severity }) => severity === "error");
  if (!error) return;
  throw new GraphError("invalid-model", `${name}: left the model invalid: ${error.message}`, {
    ...(error.node === undefined ? {} : { node: error.node }),
    ...(error.value === undefined ? {} : { value: error.value }),
  });
}

function failure(step: Transform, before: readonly TransformReport[], cause: unknown): GraphError {
  const names = before.map(({ name }) => name);
  const history = names.length === 0 ? "as the first transform" : `after ${names.join(", ")}`;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GraphError(
    "transform-failed",
    `transform: ${step.name} failed, ${history}: ${reason}`,
    {
      cause,
      ...(cause instanceof GraphError && cause.node !== undefined ? { node: cause.node } : {}),
      ...(cause instanceof GraphError && cause.value !== undefined ? { value: cause.value } : {}),
    },
  );
}

import type { Model } from "../ir/model.ts";
import type { RunContext } from "./run-context.ts";

/** What a transform did. `modified` is false only if the model is byte for byte what it was. */
export interface TransformOutcome {
  readonly modified: boolean;
  /** How many of each thing were changed, such as `{ foldedNodes: 3 }`. */
  readonly counts?: Readonly<Record<string, number>>;
}

/**
 * One edit of a whole model, in place. Write a literal object: there is nothing to extend and
 * nothing to register.
 */
export interface Transform {
  /** A bare imperative, such as `foldConstants`. */
  readonly name: string;
  /** Throws if the model does not meet the precondition; changes nothing. */
  check?(model: Model): void;
  run(model: Model, context: RunContext): TransformOutcome | Promise<TransformOutcome>;
}

/** What {@link Transform} did when it ran within `transform()`. */
export interface TransformReport extends TransformOutcome {
  readonly name: string;
  readonly elapsedMs: number;
}

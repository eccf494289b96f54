import { TrainError } from "../errors.ts";
import type { ModelParameter } from "./find-parameters.ts";

/** Settings for some of the parameters. */
export interface ParameterGroup {
  /** Whether a parameter belongs to it; the first group that says so has it. */
  matches(parameter: ModelParameter): boolean;
  /** Factor of the learning rate, 0 or more; 0 freezes. Default: 1. */
  readonly learningRateFactor?: number;
  /** Weight decay, 0 or more. Default: the optimizer's. */
  readonly weightDecay?: number;
}

/** What holds for one parameter. */
export interface ParameterSettings {
  readonly learningRateFactor: number;
  readonly weightDecay: number;
}

/** Biases, and the scales and shifts of normalizations, do not decay. */
export function withoutDecay(): ParameterGroup {
  return { matches: ({ role }) => role !== "weight", weightDecay: 0 };
}

/** @throws TrainError `invalid-option` if a group's numbers are out of range. */
export function settingsOf(
  parameter: ModelParameter,
  groups: readonly ParameterGroup[],
  defaultDecay: number,
): ParameterSettings {
  const group = groups.find((candidate) => candidate.matches(parameter));
  const learningRateFactor = group?.learningRateFactor ?? 1;
  const weightDecay = group?.weightDecay ?? defaultDecay;
  for (const [name, value] of Object.entries({ learningRateFactor, weightDecay })) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new TrainError(
      "invalid-option",
      `buildTrainingStep: ${name} of "${parameter.name}" is ${value}; give a number of 0 or more`,
      { value: parameter.name },
    );
  }
  return { learningRateFactor, weightDecay };
}

/** Parameters in an order in which those of equal settings stand together, and their settings. */
export function orderBySettings(
  parameters: readonly ModelParameter[],
  groups: readonly ParameterGroup[],
  defaultDecay: number,
): {
  readonly ordered: readonly ModelParameter[];
  readonly settings: ReadonlyMap<string, ParameterSettings>;
} {
  const settings = new Map<string, ParameterSettings>();
  const runs = new Map<string, ModelParameter[]>();
  for (const parameter of parameters) {
    const own = settingsOf(parameter, groups, defaultDecay);
    settings.set(parameter.name, own);
    const key = `${own.learningRateFactor} ${own.weightDecay}`;
    const run = runs.get(key);
    if (run) run.push(parameter);
    else runs.set(key, [parameter]);
  }
  return { ordered: [...runs.values()].flat(), settings };
}

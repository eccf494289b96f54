import type { Criterion, Model } from "@ocrslim/graph";
import {
  type ActivationStatistics,
  apoz,
  batchNormScale,
  flap,
  geometricMedian,
  l1Norm,
  l2Norm,
  lamp,
  meanActivation,
  randomScores,
  wanda,
} from "@ocrslim/prune";
import { CliError } from "../cli-error.ts";

/** What the command line calls the criteria of `@ocrslim/prune`. */
export const criterionNames = [
  "l1",
  "l2",
  "fpgm",
  "bn-scale",
  "lamp",
  "random",
  "mean-activation",
  "apoz",
  "wanda",
  "flap",
] as const;

/** One of {@link criterionNames}. */
export type CriterionName = (typeof criterionNames)[number];

const weightCriteria: ReadonlyMap<CriterionName, (model: Model) => Criterion> = new Map([
  ["l1", () => l1Norm()],
  ["l2", () => l2Norm()],
  ["fpgm", () => geometricMedian()],
  ["bn-scale", (model: Model) => batchNormScale({ model })],
  ["lamp", () => lamp()],
  ["random", () => randomScores()],
]);

type FromStatistics = (options: { readonly statistics: ActivationStatistics }) => Criterion;

const activationCriteria: ReadonlyMap<CriterionName, FromStatistics> = new Map([
  ["mean-activation", meanActivation],
  ["apoz", apoz],
  ["wanda", wanda],
  ["flap", flap],
]);

/** Whether a criterion looks at activations, and so needs pictures. */
export function needsStatistics(name: CriterionName): boolean {
  return activationCriteria.has(name);
}

/**
 * Returns a criterion by its name.
 * @throws CliError `missing-option` if it needs statistics and there are none.
 */
export function createCriterion(
  name: CriterionName,
  model: Model,
  statistics: ActivationStatistics | undefined,
): Criterion {
  const fromWeights = weightCriteria.get(name);
  if (fromWeights) return fromWeights(model);
  const fromActivations = activationCriteria.get(name);
  if (fromActivations && statistics) return fromActivations({ statistics });
  throw new CliError(
    "missing-option",
    `--criterion ${name} looks at activations: give pictures with --data, or take l2`,
  );
}

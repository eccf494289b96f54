import { type CriterionName, criterionNames } from "../pipeline/criteria.ts";
import { type FitName, fitNames } from "../pipeline/fit-model.ts";
import {
  flag,
  fraction,
  integerIn,
  numberIn,
  type OptionSpec,
  type OptionSpecs,
  oneOf,
  optional,
  withDefault,
} from "./option.ts";

/** How much is to go. At most one of the first three may be given. */
export interface BudgetFlags {
  macs: number | undefined;
  parameters: number | undefined;
  latency: number | undefined;
  maxLoss: number | undefined;
}

/** The specs of {@link BudgetFlags}. */
export const budgetOptions: OptionSpecs<BudgetFlags> = {
  macs: {
    flags: "--macs <fraction>",
    description: "Keep this fraction of the original's MACs, above 0 to 1.",
    schema: optional(fraction()),
  },
  parameters: {
    flags: "--parameters <fraction>",
    description: "Keep this fraction of the original's parameters, above 0 to 1.",
    schema: optional(fraction()),
  },
  latency: {
    flags: "--latency <fraction>",
    description: "Keep this fraction of the original's measured latency, above 0 to 1.",
    schema: optional(fraction()),
  },
  maxLoss: {
    flags: "--max-loss <fraction>",
    description: "Lose at most this fraction of the metric, 0 to 1.",
    schema: optional(numberIn(0, 1)),
  },
};

/** `--remeasure`. */
export const remeasureOption: OptionSpec<boolean> = {
  flags: "--remeasure",
  description:
    "Measure the milliseconds of this machine again, rather than take those that are kept from before.",
  schema: flag(),
};

/** `--fit`, with what it does. */
export function fitOption(description: string): OptionSpec<FitName> {
  return {
    flags: "--fit <runtime>",
    description: `${description}: ${fitNames.join(", ")}. Default: ${fitNames[0]}.`,
    schema: withDefault(oneOf(fitNames), fitNames[0]),
  };
}

/** Which channels go, and in what steps. */
export interface CriterionFlags {
  criterion: CriterionName;
  channelMultiple: number;
}

const channelMultiple: OptionSpec<number> = {
  flags: "--channel-multiple <count>",
  description: "Kept widths are multiples of this, 1 to 256. Default: 8.",
  schema: withDefault(integerIn(1, 256), 8),
};

function criterion(fallback: CriterionName, remark: string): OptionSpec<CriterionName> {
  return {
    flags: "--criterion <name>",
    description: `Which channels go first: ${criterionNames.join(", ")}. ${remark} Default: ${fallback}.`,
    schema: withDefault(oneOf(criterionNames), fallback),
  };
}

/** For commands that always have pictures. */
export const criterionOptions: OptionSpecs<CriterionFlags> = {
  criterion: criterion("flap", "The last four look at activations."),
  channelMultiple,
};

/** For commands that may have none. */
export const weightCriterionOptions: OptionSpecs<CriterionFlags> = {
  criterion: criterion("l2", "The last four look at activations and need --data."),
  channelMultiple,
};

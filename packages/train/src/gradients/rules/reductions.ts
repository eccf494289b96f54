import type { GradientRule } from "../gradient-rule.ts";

export const reductionRules: ReadonlyMap<string, GradientRule> = new Map([]);

import type { GradientRule } from "../gradient-rule.ts";

export const reshapingRules: ReadonlyMap<string, GradientRule> = new Map([]);

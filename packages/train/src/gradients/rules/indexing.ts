import type { GradientRule } from "../gradient-rule.ts";

export const indexingRules: ReadonlyMap<string, GradientRule> = new Map([]);

import type { GradientRule } from "../gradient-rule.ts";

export const poolingRules: ReadonlyMap<string, GradientRule> = new Map([]);

import type { GradientRule } from "../gradient-rule.ts";

export const convolutionRules: ReadonlyMap<string, GradientRule> = new Map([]);

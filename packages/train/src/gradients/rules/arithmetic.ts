import type { GradientRule } from "../gradient-rule.ts";

export const arithmeticRules: ReadonlyMap<string, GradientRule> = new Map([]);

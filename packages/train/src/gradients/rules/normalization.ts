import type { GradientRule } from "../gradient-rule.ts";

export const normalizationRules: ReadonlyMap<string, GradientRule> = new Map([]);

import type { GradientRule } from "../gradient-rule.ts";

export const matrixRules: ReadonlyMap<string, GradientRule> = new Map([]);

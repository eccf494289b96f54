import type { GradientRule } from "../gradient-rule.ts";

export const resizeRules: ReadonlyMap<string, GradientRule> = new Map([]);

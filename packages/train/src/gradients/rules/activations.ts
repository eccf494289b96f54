import type { GradientRule } from "../gradient-rule.ts";

export const activationRules: ReadonlyMap<string, GradientRule> = new Map([]);

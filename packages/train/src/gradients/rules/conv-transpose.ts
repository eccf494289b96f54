import type { GradientRule } from "../gradient-rule.ts";

export const convTransposeRules: ReadonlyMap<string, GradientRule> = new Map([]);

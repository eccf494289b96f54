import type { GradientRule } from "../gradient-rule.ts";

export const selectionRules: ReadonlyMap<string, GradientRule> = new Map([]);

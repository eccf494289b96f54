import type { Figure } from "./figure.ts";

/** A value with its unit, to four digits. */
export function formatValue(value: number, unit: string): string {
  const short = Number(value.toPrecision(4));
  const text = Math.abs(short) >= 1e-4 || short === 0 ? String(short) : short.toExponential(2);
  return unit === "" ? text : `${text} ${unit}`;
}

/** `≤ 10 ms`, or `""` without a goal. */
export function formatGoal({ goal, direction, unit }: Figure): string {
  if (goal === undefined) return "";
  return `${direction === "at-most" ? "≤" : "≥"} ${formatValue(goal, unit)}`;
}

/** `met`, `NOT met`, or `""` without a goal. */
export function formatVerdict({ met }: Figure): string {
  if (met === undefined) return "";
  return met ? "met" : "NOT met";
}

/** One line: name, value with unit, goal, met or not. */
export function renderFigure(figure: Figure): string {
  const { name, value, unit } = figure;
  const cells = [name.padEnd(44), formatValue(value, unit).padStart(14)];
  const goal = formatGoal(figure);
  return [...cells, goal && `goal ${goal}`, formatVerdict(figure)].filter(Boolean).join("  ");
}

/** What `--json` prints of a figure; without a goal, `goal` and `met` are null. */
export function figureToJson(figure: Figure): Readonly<Record<string, unknown>> {
  const { name, value, unit, goal, direction, samples, met, label } = figure;
  return { name, value, unit, goal: goal ?? null, direction, samples, met: met ?? null, label };
}

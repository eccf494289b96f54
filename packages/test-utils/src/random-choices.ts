import type { Graph, Value } from "@ocrslim/graph";
import { dimOf, shapeOf } from "./test-graph.ts";

/** Choices that an operator of a random model makes. */
export interface RandomChoices {
  readonly from: number;
  readonly other: number;
  readonly a: number;
  readonly b: number;
}

/** Adds an operator that reads some of the live values; returns the new ones, none if it can't. */
export type RandomOpBuilder = (
  graph: Graph,
  live: readonly Value[],
  choices: RandomChoices,
) => readonly Value[];

/** Output channels that layers choose from. */
export const WIDTHS: readonly number[] = [8, 4, 6, 12, 10, 16];

export function choose<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError("choose: there is nothing to choose from");
  return item;
}

export const pick = (
  live: readonly Value[],
  back: number,
  fits: (value: Value) => boolean,
): Value | undefined => {
  const fitting = live.filter(fits);
  return fitting[fitting.length - 1 - (back % Math.max(1, fitting.length))];
};

export const isMap = (value: Value): boolean => shapeOf(value).length === 4;
export const isRow = (value: Value): boolean => shapeOf(value).length === 2;
export const isLargerThan =
  (least: number) =>
  (value: Value): boolean =>
    isMap(value) && dimOf(value, 2) >= least && dimOf(value, 3) >= least;
/** Values grow no further than this, so that tests stay quick. */
export const isSmallerThan =
  (most: number) =>
  (value: Value): boolean =>
    isMap(value) && dimOf(value, 2) <= most && dimOf(value, 3) <= most && dimOf(value, 1) <= 32;
export const divides = (value: Value, divisor: number): boolean => dimOf(value, 1) % divisor === 0;

/** An operator on one feature map that meets a condition. */
export const onMap =
  (
    build: (graph: Graph, x: Value, choices: RandomChoices) => Value | readonly Value[],
    fits: (value: Value, choices: RandomChoices) => boolean = () => true,
  ): RandomOpBuilder =>
  (graph, live, choices) => {
    const x = pick(live, choices.from, (value) => isMap(value) && fits(value, choices));
    if (!x) return [];
    const built = build(graph, x, choices);
    return Array.isArray(built) ? (built as readonly Value[]) : [built as Value];
  };

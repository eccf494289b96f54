import type { PointSpec } from "../points.ts";
import { chooseNext, findGap, type Verdict } from "./choose-next.ts";

/** Points of one group that remove equally many channels: they are measured once. */
export interface PointUnit {
  readonly group: string;
  readonly width: number;
  readonly removed: number;
  /** At least one. */
  readonly points: readonly [PointSpec, ...PointSpec[]];
}

/** Hands out what is to be measured. */
export interface PointQueue {
  /** What to measure next; `undefined` if that is nothing, or depends on what is being measured. */
  next(): PointUnit | undefined;
  /** Says that a unit was measured, or that it failed. */
  finish(unit: PointUnit): void;
  /** Points that are being measured, or may still be. */
  countLeft(): number;
}

/** Options of {@link createPointQueue}. */
export interface PointQueueOptions {
  /** Whether a unit's loss is acceptable; `undefined` if it has not been measured. */
  readonly verdictOf: (unit: PointUnit) => Verdict;
  /** Whether all of a unit's points are recorded. */
  readonly isDone: (unit: PointUnit) => boolean;
  /** Whether points are left out where the verdicts of others imply theirs. */
  readonly isRace: boolean;
}

/** Orders the points of a sweep: as they are listed, or in a race group by group as bisection asks. */
export function createPointQueue(
  points: readonly PointSpec[],
  { verdictOf, isDone, isRace }: PointQueueOptions,
): PointQueue {
  const units = listUnits(points);
  const groups = [...new Set(units.map(({ group }) => group))].map((id) => {
    const own = units.filter(({ group }) => group === id);
    return isRace ? own.toSorted((a, b) => a.removed - b.removed) : own;
  });
  const busy = new Set<PointUnit>();
  const finished = new Set<PointUnit>();
  const isOpen = (unit: PointUnit): boolean =>
    !busy.has(unit) && !finished.has(unit) && !isDone(unit);
  const verdictsOf = (list: readonly PointUnit[]): readonly Verdict[] =>
    list.map((unit) => verdictOf(unit) ?? (finished.has(unit) ? false : undefined));
  const nextOf = (list: readonly PointUnit[]): PointUnit | undefined => {
    if (!isRace) return list.find(isOpen);
    // Some of what is known may not be recorded yet: a further ratio that comes to the same.
    const known = list.find((unit) => isOpen(unit) && verdictOf(unit) !== undefined);
    if (known || list.some((unit) => busy.has(unit))) return known;
    const next = chooseNext(verdictsOf(list));
    return next === undefined ? undefined : list[next];
  };
  const listLeft = (list: readonly PointUnit[]): readonly PointUnit[] => {
    const left = list.filter((unit) => busy.has(unit) || isOpen(unit));
    if (!isRace) return left;
    const { low, high } = findGap(verdictsOf(list));
    return left.filter((unit) => {
      const index = list.indexOf(unit);
      return verdictOf(unit) !== undefined || (index > low && index < high);
    });
  };
  return {
    next() {
      for (const list of groups) {
        const unit = nextOf(list);
        if (!unit) continue;
        busy.add(unit);
        return unit;
      }
      return undefined;
    },
    finish(unit) {
      busy.delete(unit);
      finished.add(unit);
    },
    countLeft: () => groups.flatMap(listLeft).reduce((sum, unit) => sum + unit.points.length, 0),
  };
}

function listUnits(points: readonly PointSpec[]): readonly PointUnit[] {
  const units = new Map<string, PointUnit>();
  for (const point of points) {
    const { group, width, removed } = point;
    const key = `${removed} ${group}`;
    const known = units.get(key);
    units.set(key, {
      group,
      width,
      removed,
      points: known ? [...known.points, point] : [point],
    });
  }
  return [...units.values()];
}

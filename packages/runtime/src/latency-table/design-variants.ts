import type { ChannelGroup } from "@ocrslim/graph";
import type { ChannelAxis, TimedLayer } from "./timed-layer.ts";

/** @internal What {@link designVariants} works from. */
export interface DesignVariantsOptions {
  /** Channels to a block. */
  readonly channelMultiple: number;
  /** Narrowest width to measure, as a part of the full one, 0–1. */
  readonly leastWidth: number;
}

/** Levels of a width in even steps: full, …, least. */
const LEVELS = 4;

/** Multiplication by the two elements other than 0 and 1 of the field of four elements. */
const TIMES_A = [0, 2, 3, 1] as const;
const TIMES_B = [0, 3, 1, 2] as const;

/**
 * @internal Widths of the groups in each variant of a model, so that 15 variants and the model
 * itself have every pair of levels of any two neighbouring groups once: an orthogonal array of
 * strength 2 (Bose and Bush 1952, 16 runs, 5 factors of 4 levels), its factors given to the groups so
 * that no layer has the same one at both ends, as far as five suffice.
 */
export function designVariants(
  layers: readonly TimedLayer[],
  groups: readonly ChannelGroup[],
  options: DesignVariantsOptions,
): readonly ReadonlyMap<string, number>[] {
  const ladders = groups.map((group) => listWidths(group.width, options));
  if (ladders.every((ladder) => new Set(ladder).size < 2)) return [];
  const factors = chooseFactors(layers, groups);
  return listRuns().map(
    (run) =>
      new Map(
        groups.map((group, index) => {
          const level = run[factors[index] ?? 0] ?? 0;
          return [group.id, ladders[index]?.[level] ?? group.width];
        }),
      ),
  );
}

/** The 15 runs of the array in which not all factors are at the first level. */
function listRuns(): readonly (readonly number[])[] {
  const runs: number[][] = [];
  for (let a = 0; a < LEVELS; a++) {
    for (let b = 0; b < LEVELS; b++) {
      if (a + b > 0) runs.push([a, b, a ^ b, a ^ (TIMES_A[b] ?? 0), a ^ (TIMES_B[b] ?? 0)]);
    }
  }
  return runs;
}

function listWidths(width: number, options: DesignVariantsOptions): readonly number[] {
  const { channelMultiple, leastWidth } = options;
  return Array.from({ length: LEVELS }, (_, level) => {
    const target = width * (1 - ((1 - leastWidth) * level) / (LEVELS - 1));
    const blocks = Math.max(1, Math.round(target / channelMultiple));
    return level === 0 ? width : Math.min(width, blocks * channelMultiple);
  });
}

/** A factor for each group, unlike its neighbours' where there is a choice. */
function chooseFactors(
  layers: readonly TimedLayer[],
  groups: readonly ChannelGroup[],
): readonly number[] {
  const neighbours = findNeighbours(layers, groups);
  const factors: number[] = [];
  for (const [index] of groups.entries()) {
    const clashes = [0, 0, 0, 0, 0];
    for (const other of neighbours[index] ?? []) {
      const factor = factors[other];
      if (factor !== undefined) clashes[factor] = (clashes[factor] ?? 0) + 1;
    }
    factors.push(clashes.indexOf(Math.min(...clashes)));
  }
  return factors;
}

/** For each group, those that share a layer with it. */
function findNeighbours(
  layers: readonly TimedLayer[],
  groups: readonly ChannelGroup[],
): readonly ReadonlySet<number>[] {
  const owners = new Map<string, Set<number>>();
  for (const [index, group] of groups.entries()) {
    for (const { value, axis } of group.members) {
      const key = `${axis} ${value}`;
      owners.set(key, (owners.get(key) ?? new Set()).add(index));
    }
  }
  const ownersOf = ({ value, axis }: ChannelAxis): readonly number[] => [
    ...(owners.get(`${axis} ${value}`) ?? []),
  ];
  const neighbours = groups.map(() => new Set<number>());
  for (const layer of layers) {
    const around = new Set([...layer.input, layer.output].flatMap(ownersOf));
    for (const one of around) {
      for (const other of around) if (one !== other) neighbours[one]?.add(other);
    }
  }
  return neighbours;
}

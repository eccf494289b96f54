import type { RuntimeTensor } from "@ocrslim/runtime";
import type { Frontier, FrontierCache } from "./frontier-cache.ts";

/** A frontier that is in use. */
export interface FrontierUse {
  values(image: number): Promise<Readonly<Record<string, RuntimeTensor>>>;
  close(): Promise<void>;
}

/** Shares frontiers among the variants of a group. */
export interface FrontierPool {
  open(names: readonly string[]): FrontierUse;
  dispose(): Promise<void>;
}

/**
 * Variants that begin at the same values use one frontier. It outlives them until others are asked
 * for, as the next variant is mostly of the same group.
 */
export function createFrontierPool(cache: FrontierCache): FrontierPool {
  const frontiers = new Map<string, { readonly frontier: Frontier; users: number }>();
  const releases = new Set<Promise<void>>();
  const releaseUnused = (except?: string): void => {
    for (const [key, { frontier, users }] of frontiers) {
      if (users > 0 || key === except) continue;
      frontiers.delete(key);
      const release = frontier.release().finally(() => releases.delete(release));
      releases.add(release);
    }
  };
  const settle = async (): Promise<void> => {
    await Promise.all(releases);
  };
  return {
    open(names) {
      const key = JSON.stringify(names.toSorted());
      releaseUnused(key);
      const entry = frontiers.get(key) ?? { frontier: cache.open(names), users: 0 };
      frontiers.set(key, entry);
      entry.users++;
      let isOpen = true;
      return {
        values: (image) => entry.frontier.values(image),
        async close() {
          if (isOpen) entry.users--;
          isOpen = false;
          await settle();
        },
      };
    },
    async dispose() {
      releaseUnused();
      await settle();
    },
  };
}

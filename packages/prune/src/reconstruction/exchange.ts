import {
  createCostAfterReturn,
  type EliminationConsumer,
  removeChannel,
  removeChannels,
  returnChannel,
  returnGain,
  startElimination,
} from "./eliminate.ts";

/** Channels that stay, and what removing the others costs. */
export interface Selection {
  /** Ascending. */
  readonly keep: readonly number[];
  readonly loss: number;
}

/** How many removed channels are tried against all that stay. */
const CANDIDATES = 6;

/** An exchange must lower the loss by more than this part of it. */
const LEAST_GAIN = 1e-6;

/**
 * Improves a selection of a given width by exchanging removed with kept channels as long as the
 * exact error after a refit falls (the local search of OSSCAR, Meng et al. 2024, §3.3). The removed
 * channels whose return gains most are tried against all that stay; the best exchange is made, at
 * most as many times as channels were removed.
 */
export function exchangeChannels(
  elimination: { readonly order: readonly number[]; readonly losses: Float64Array },
  consumers: readonly EliminationConsumer[],
  width: number,
): Selection {
  const { order, losses } = elimination;
  const removedCount = order.length - width;
  const removed = new Set(order.slice(0, removedCount));
  const kept = new Set(order.slice(removedCount));
  let loss = losses[removedCount] ?? 0;
  const done = (): Selection => ({ keep: [...kept].sort((a, b) => a - b), loss });
  if (removedCount === 0 || width === 0) return done();
  const states = startElimination(consumers);
  removeChannels(states, removed);
  for (let round = 0; round < removedCount; round++) {
    let found: { back: number; out: number; gain: number } | undefined;
    for (const candidate of mostMissed(removed, (channel) => returnGain(states, channel))) {
      const gain = returnGain(states, candidate);
      const costOf = createCostAfterReturn(states, candidate);
      for (const out of kept) {
        const net = gain - costOf(out);
        if (net > Math.max(found?.gain ?? 0, LEAST_GAIN * loss))
          found = { back: candidate, out, gain: net };
      }
    }
    if (!found) break;
    returnChannel(states, found.back);
    removeChannel(states, found.out);
    removed.delete(found.back);
    removed.add(found.out);
    kept.delete(found.out);
    kept.add(found.back);
    loss -= found.gain;
  }
  return done();
}

/** The channels of greatest gain, the greatest first. */
function mostMissed(
  channels: ReadonlySet<number>,
  gainOf: (channel: number) => number,
): readonly number[] {
  return [...channels]
    .map((channel) => ({ channel, gain: gainOf(channel) }))
    .sort((a, b) => b.gain - a.gain || a.channel - b.channel)
    .slice(0, CANDIDATES)
    .map(({ channel }) => channel);
}

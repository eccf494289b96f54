import type { Logger } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";

/**
 * Checks calibration inputs, and counts how many of them are different ones.
 * @throws PruneError `invalid-option` if there are none, if one holds a number that is not finite, or
 *   if all of them are blank.
 */
export function checkImages(
  caller: string,
  feeds: readonly Feeds[],
  logger: Logger,
): { readonly distinct: number } {
  if (feeds.length === 0) {
    throw new PruneError(
      "invalid-option",
      `${caller}: there are no calibration inputs; give a few dozen`,
    );
  }
  let blank = 0;
  const contents = new Set<string>();
  for (const [index, feed] of feeds.entries()) {
    const parts = Object.entries(feed).map(([name, { data }]) => {
      if (!(data instanceof Float32Array)) return { hash: 0, isConstant: false };
      const wrong = data.findIndex((value) => !Number.isFinite(value));
      if (wrong >= 0) {
        throw new PruneError(
          "invalid-option",
          `${caller}: feeds[${index}] holds ${data[wrong]} at element ${wrong} of "${name}"; give finite numbers`,
          { value: name },
        );
      }
      return { hash: hashOf(data), isConstant: data.every((value) => value === data[0]) };
    });
    if (parts.every(({ isConstant }) => isConstant)) blank++;
    contents.add(parts.map(({ hash }) => hash).join(" "));
  }
  if (blank === feeds.length) {
    throw new PruneError(
      "invalid-option",
      `${caller}: all ${blank} calibration inputs are blank; give images with something on them`,
    );
  }
  const distinct = contents.size;
  if (distinct < feeds.length || distinct === 1)
    logger.warn(
      `${caller}: ${distinct} of ${feeds.length} calibration inputs are different; give a few dozen`,
    );
  return { distinct };
}

/** FNV-1a over the bit patterns. */
function hashOf(data: Float32Array): number {
  const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
  let hash = 0x811c9dc5;
  for (const word of bits) hash = Math.imul(hash ^ word, 0x01000193);
  return hash >>> 0;
}

import { realpath } from "node:fs/promises";
import { OcrDetError } from "../errors.ts";
import type { Dataset, Sample } from "./region.ts";

/** Anything with samples, or samples alone. */
type Samples = Pick<Dataset, "samples"> | readonly Sample[];

/** Returns the samples of `b` whose image, links resolved, is also one of `a`. */
export async function checkDisjoint(a: Samples, b: Samples): Promise<Sample[]> {
  const taken = new Set(await Promise.all(listSamples(a).map(identify)));
  const shared: Sample[] = [];
  for (const sample of listSamples(b)) {
    if (taken.has(await identify(sample))) shared.push(sample);
  }
  return shared;
}

/**
 * Makes sure that no image is in both sets: nothing may be calibrated on what it is measured on.
 *
 * @throws OcrDetError `overlapping-datasets`, naming the first shared image.
 */
export async function assertDisjointDatasets(a: Samples, b: Samples): Promise<void> {
  const [first, ...others] = await checkDisjoint(a, b);
  if (!first) return;
  const more = others.length > 0 ? ` and ${others.length} more are` : " is";
  throw new OcrDetError(
    "overlapping-datasets",
    `assertDisjointDatasets: ${first.imagePath}${more} in both sets; take the images out of one`,
    { file: first.imagePath },
  );
}

const listSamples = (set: Samples): readonly Sample[] => ("samples" in set ? set.samples : set);

const identify = ({ imagePath }: Sample): Promise<string> =>
  realpath(imagePath).catch(() => imagePath);

import type { Model } from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";

/** Mean absolute differences of two models' outputs. */
export interface Disagreement {
  /** Over all elements of all outputs and images. */
  readonly mean: number;
  /**
   * Soft distance of the outputs as maps of probabilities: Σ|p − q| / Σ max(p, q), 0 for equal ones
   * and 1 for maps that have nothing in common.
   */
  readonly soft: number;
  readonly images: number;
}

/** Compares the outputs of two models of equal inputs and outputs, image by image. */
export async function measureDisagreement(
  model: Model,
  teacher: Model,
  { feeds, runtime }: { readonly feeds: readonly Feeds[]; readonly runtime: Runtime },
): Promise<Disagreement> {
  await using one = await runtime.load(model);
  await using two = await runtime.load(teacher);
  let [difference, union, count] = [0, 0, 0];
  for (const feed of feeds) {
    const outputs = await one.run(feed);
    const references = await two.run(feed);
    for (const [name, { data: wanted }] of Object.entries(references)) {
      const data = outputs[name]?.data;
      if (!(wanted instanceof Float32Array) || !(data instanceof Float32Array)) continue;
      for (let index = 0; index < wanted.length; index++) {
        const p = wanted[index] as number;
        const q = data[index] as number;
        difference += Math.abs(p - q);
        union += Math.max(Math.abs(p), Math.abs(q));
      }
      count += wanted.length;
    }
  }
  return {
    mean: count > 0 ? difference / count : 0,
    soft: union > 0 ? difference / union : 0,
    images: feeds.length,
  };
}

import { POSTPROCESS_DEFAULTS, type PostprocessOptions } from "../postprocess/options.ts";
import type { Section } from "./section.ts";

/**
 * The `PostProcess` section; what it leaves out is as in PaddleOCR's detection configs. `name` is
 * what its kind stands under: `name`, or a function in PaddleOCR 1.1.
 */
export function readPostProcess(
  section: Section,
  name: string | undefined,
  nameKey: string,
): PostprocessOptions {
  if (name !== undefined && name !== "DBPostProcess") {
    section.fail(nameKey, "possible is DBPostProcess");
  }
  const part = { atLeast: 0, atMost: 1 };
  const fallback = POSTPROCESS_DEFAULTS;
  const options: PostprocessOptions = {
    ...fallback,
    threshold: section.number("thresh", part) ?? fallback.threshold,
    boxThreshold: section.number("box_thresh", part) ?? fallback.boxThreshold,
    unclipRatio:
      section.number("unclip_ratio", { moreThan: 0, atMost: 10 }) ?? fallback.unclipRatio,
    maxCandidates:
      section.number("max_candidates", { integer: true, atLeast: 1 }) ?? fallback.maxCandidates,
    dilation: section.flag("use_dilation") ?? fallback.dilation,
    scoreMode: section.oneOf("score_mode", ["fast", "slow"]) ?? fallback.scoreMode,
    boxType: section.oneOf("box_type", ["quad", "poly"]) ?? fallback.boxType,
  };
  section.finish();
  return options;
}

import { cloneModel, findChannelGroups, transform } from "@ocrslim/graph";
import { l2Norm, planPruning, pruneChannels, uniformRatio } from "@ocrslim/prune";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { median, timeRounds } from "../harness/time-rounds.ts";
import { readSimplified, squareInputs } from "../support/models.ts";

const PLAN = {
  name: "prune/det-plan-time",
  label: "PP-OCRv4 det: plan (L2 over whole groups, uniform 25 %)",
  unit: "ms",
  direction: "at-most",
} as const;
const APPLY = {
  name: "prune/det-apply-time",
  label: "PP-OCRv4 det: remove the channels of that plan",
  unit: "ms",
  direction: "at-most",
} as const;

export const pruneTime: Benchmark = {
  name: "prune-time",
  group: "prune",
  figures: [PLAN, APPLY],
  async run({ detector }) {
    const model = await readSimplified(detector);
    const inputShapes = squareInputs(model);
    const groups = findChannelGroups(model, { inputShapes });
    const makePlan = () =>
      planPruning(model, {
        groups,
        criterion: l2Norm(),
        allocation: uniformRatio(0.25),
        inputShapes,
      });
    const plan = makePlan();
    const [planning = [], applying = []] = await timeRounds(
      [makePlan, () => transform(cloneModel(model), pruneChannels({ plan }))],
      { rounds: 25, warmup: 10 },
    );
    return [
      toFigure(PLAN, median(planning), planning.length),
      toFigure(APPLY, median(applying), applying.length),
    ];
  },
};

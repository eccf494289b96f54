import { computeCost } from "@ocrslim/graph";
import { computeAgreement } from "@ocrslim/ocr-det";
import { budget, planPruning } from "@ocrslim/prune";
import { measureLatency } from "@ocrslim/runtime";
import { formatPercent } from "../../output/numbers.ts";
import { detectAll } from "../detection.ts";
import {
  type MeasuredPlan,
  type PlanAxis,
  type SearchResult,
  searchBudget,
  type Target,
} from "../search-budget.ts";
import { type Prepared, pick } from "./prepare.ts";
import type { Recovery } from "./recovery.ts";
import type { CompressSettings } from "./settings.ts";

function describeTarget({ kind, wanted, maximumLoss }: Target): string {
  const parts = [
    ...(kind === undefined ? [] : [`${kind} ${formatPercent(wanted)}`]),
    ...(maximumLoss === undefined ? [] : [`loss at most ${formatPercent(maximumLoss, 1)}`]),
  ];
  return parts.join(", ");
}

/** Prunes by one plan after the other until the budget is met; see {@link searchBudget}. */
export async function choosePlan(
  settings: CompressSettings,
  prepared: Prepared,
  recovery: Recovery,
): Promise<SearchResult> {
  const { context, log, runtime, detection, target, inputShapes, original } = settings;
  const { simplified, groups, reference, tried } = prepared;
  const { signal } = context;
  const quiet = signal ? { signal } : {};
  log.step(`choose a plan: ${describeTarget(target)}`);
  const samples = pick(settings.calibration, tried);
  const baseline = computeCost(original.model, { inputShapes });
  const start = computeCost(simplified, { inputShapes });

  const tryPlan = async (axis: PlanAxis, kept: number): Promise<MeasuredPlan> => {
    signal?.throwIfAborted();
    // The budget is a fraction of the original; plans are made for the simplified model.
    const fraction = Math.min(1, (kept * baseline[axis]) / start[axis]);
    const plan = planPruning(simplified, {
      groups,
      criterion: recovery.criterion,
      allocation: budget(axis === "macs" ? { macs: fraction } : { parameters: fraction }, {
        losses: recovery.curves,
      }),
      inputShapes,
      channelMultiple: settings.channelMultiple,
      minimumKept: recovery.minimumKept,
      random: context.runOptions().random ?? (() => 0),
    });
    const pruned = await recovery.prune(plan, "trial");
    const found = await detectAll(runtime, pruned, detection, samples, quiet);
    const cost = computeCost(pruned, { inputShapes });
    const latencyRatio =
      target.kind === "latency"
        ? (
            await measureLatency(runtime, [original.model, pruned], {
              ...quiet,
              inputShapes,
              runs: 15,
              warmup: 3,
              maxSeconds: 6,
            })
          ).ratio
        : undefined;
    const measured: MeasuredPlan = {
      plan,
      kept,
      macsRatio: cost.macs / baseline.macs,
      parametersRatio: cost.parameters / baseline.parameters,
      loss: 1 - computeAgreement(reference, found).hmean,
      ...(latencyRatio === undefined ? {} : { latencyRatio }),
    };
    log.note(
      `MACs ${formatPercent(measured.macsRatio, 1)}: agreement ${formatPercent(1 - measured.loss, 1)}${latencyRatio === undefined ? "" : `, latency ${formatPercent(latencyRatio)}`}`,
    );
    return measured;
  };
  return await searchBudget(target, tryPlan);
}

import type { LossCurve } from "@ocrslim/graph";
import { PruneError } from "../../errors.ts";
import type { AllocationContext } from "../allocation.ts";
import { lossesFromCurve, lossesFromScores } from "../loss-of-width.ts";
import type { Ladder } from "./search/problem.ts";

/**
 * The widths that each candidate may have with their losses. Groups without a curve or without a
 * width that is worth having get a reason instead.
 * @throws PruneError `invalid-option` for curves that are no curves of this model's groups.
 */
export function listLadders(
  source: string,
  { candidates, groups }: AllocationContext,
  curves: readonly LossCurve[] | undefined,
  channelMultiple: number,
  reasons: Map<string, string>,
): readonly Ladder[] {
  const widthOf = new Map(groups.map(({ id, width }) => [id, width]));
  const curveOf = new Map<string, LossCurve>();
  for (const curve of curves ?? []) {
    assertCurve(source, curve, widthOf.get(curve.group), curveOf.has(curve.group));
    curveOf.set(curve.group, curve);
  }
  const ladders: Ladder[] = [];
  for (const candidate of candidates) {
    const { id, width: full } = candidate.group;
    const curve = curveOf.get(id);
    if (curves && !curve) {
      reasons.set(id, "no loss was measured for it");
      continue;
    }
    const all = curve ? lossesFromCurve(candidate, curve) : lossesFromScores(candidate);
    const rungs = all.filter(({ width }) => width === full || width % channelMultiple === 0);
    if (all.length < 2) reasons.set(id, "no allowed width lies within the measured ratios");
    else if (rungs.length > 1) ladders.push({ id, rungs });
    else
      reasons.set(id, `no narrower width is a multiple of ${channelMultiple}, a step of latency`);
  }
  return ladders;
}

function assertCurve(
  source: string,
  curve: LossCurve,
  width: number | undefined,
  isKnown: boolean,
): void {
  const { group, points } = curve;
  const fail = (problem: string): PruneError =>
    new PruneError("invalid-option", `${source}: ${problem}; measure the curves of this model`, {
      group,
    });
  if (width === undefined) throw fail(`the model has no group "${group}", which has a loss curve`);
  if (curve.width !== width) {
    throw fail(
      `the loss curve of "${group}" is of ${curve.width} channels, the group has ${width}`,
    );
  }
  if (isKnown) throw fail(`group "${group}" has two loss curves`);
  for (const { ratio, loss } of points) {
    if (ratio >= 0 && ratio <= 1 && Number.isFinite(loss)) continue;
    throw fail(`the loss curve of "${group}" has loss ${loss} at ratio ${ratio}, no finite number`);
  }
}

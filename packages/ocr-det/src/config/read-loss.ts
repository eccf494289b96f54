import type { PaddleLossPlan } from "./paddle-plan.ts";
import type { Section } from "./section.ts";

/** Keys that only concern auxiliary outputs, which the detectors built here do not have. */
const AUXILIARY = ["aux_weight_p2", "aux_weight_p3", "aux_weight_p4"] as const;

/**
 * The `Loss` section. `name` is what its kind stands under: `name`, or a function in PaddleOCR 1.1.
 */
export function readLoss(
  section: Section,
  name: string | undefined,
  nameKey: string,
): PaddleLossPlan {
  if (name !== "DBLoss") section.fail(nameKey, "possible is DBLoss");
  const weight = (key: string, fallback: number): number =>
    section.number(key, { atLeast: 0 }) ?? fallback;
  const alpha = weight("alpha", 5);
  const beta = weight("beta", 10);
  const negativeRatio = section.number("ohem_ratio", { moreThan: 0 }) ?? 3;
  const isBalanced = section.flag("balance_loss") ?? true;
  section.skip("eps");
  const type =
    section.oneOf("main_loss_type", ["DiceLoss", "BCELoss", "DiceFocalLoss"]) ?? "DiceLoss";
  for (const key of AUXILIARY) {
    if ((section.number(key, { atLeast: 0 }) ?? 0) > 0) {
      section.fail(key, "this detector has no auxiliary outputs; give 0, or leave it out");
    }
  }
  let plan: PaddleLossPlan;
  if (type === "DiceFocalLoss") {
    plan = {
      kind: "dice-focal",
      alpha,
      beta,
      focalAlpha: section.number("focal_alpha", { atLeast: 0, atMost: 1 }) ?? 0.25,
      focalGamma: section.number("focal_gamma", { atLeast: 1 }) ?? 2,
      diceWeight: weight("dice_weight", 1),
      focalWeight: weight("focal_weight", 1),
    };
  } else {
    if (!isBalanced && type === "BCELoss") {
      section.fail("balance_loss", "BCELoss is possible with hard negatives only; give true");
    }
    plan = { kind: "db", shrink: type === "BCELoss" ? "bce" : "dice", alpha, beta, negativeRatio };
  }
  section.finish();
  return plan;
}

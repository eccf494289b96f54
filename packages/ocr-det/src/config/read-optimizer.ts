import type { PaddleOptimizerPlan } from "./paddle-plan.ts";
import type { Findings, Section } from "./section.ts";

/** The `regularizer` or `weight_decay` of an optimizer; the factor of L2. */
function readDecay(section: Section, fallback: number): number {
  const direct = section.number("weight_decay", { atLeast: 0 });
  if (section.raw("regularizer") === undefined) return direct ?? fallback;
  if (direct !== undefined) {
    section.fail("weight_decay", `it contradicts ${section.path}.regularizer; keep one of them`);
  }
  const regularizer = section.section("regularizer");
  const name = regularizer.oneOf("name", ["L1", "L2"]) ?? "L2";
  const factor = regularizer.number("factor", { atLeast: 0 }) ?? 0;
  if (name === "L1" && factor > 0) {
    regularizer.fail("name", "L1 is possible with factor 0 only; take L2");
  }
  regularizer.finish();
  return factor;
}

/** The `Optimizer` section of PaddleOCR 2.0 and later, but for `lr`. */
export function readOptimizer(section: Section, findings: Findings): PaddleOptimizerPlan {
  const name =
    section.oneOf("name", ["Adam", "AdamW", "Momentum"]) ??
    section.fail("name", "possible are Adam, AdamW, Momentum");
  section.skip("lr", "multi_precision", "lazy_mode");
  const perTensor = section.number("clip_norm", { moreThan: 0 });
  const clipNorm = section.number("clip_norm_global", { moreThan: 0 }) ?? perTensor;
  if (perTensor !== undefined) {
    findings.notes.push(
      `${section.path}.clip_norm limits the norm of the whole gradient, not of each tensor's`,
    );
  }
  const common = {
    weightDecay: readDecay(section, name === "AdamW" ? 0.01 : 0),
    decaysAll: section.flag("one_dim_param_no_weight_decay") !== true,
    ...(clipNorm === undefined ? {} : { clipNorm }),
  };
  const plan: PaddleOptimizerPlan =
    name === "Momentum"
      ? {
          ...common,
          kind: "momentum",
          momentum: section.number("momentum", { atLeast: 0, lessThan: 1 }) ?? 0.9,
        }
      : { ...common, ...readBetas(section), kind: name === "Adam" ? "adam" : "adamw" };
  section.finish();
  return plan;
}

/** @internal */
export function readBetas(section: Section): {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
} {
  return {
    beta1: section.number("beta1", { atLeast: 0, lessThan: 1 }) ?? 0.9,
    beta2: section.number("beta2", { atLeast: 0, lessThan: 1 }) ?? 0.999,
    epsilon: section.number("epsilon", { moreThan: 0 }) ?? 1e-8,
  };
}

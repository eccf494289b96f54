import type { Value } from "@ocrslim/graph";
import type { Ops } from "../ops/ops.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { numberPerParameter, sizeOf } from "./flat-vector.ts";
import type { ParameterSettings } from "./parameter-groups.ts";
import type { Parameter, StateVector } from "./training-step.ts";

/** Changes a gradient before the optimizer sees it; `norm` is its Euclidean norm, a scalar. */
export type GradientClip = (ops: Ops, gradient: Value, norm: Value) => Value;

/** The part of a step after the gradient. */
export interface UpdatePlan {
  readonly parameters: readonly Parameter[];
  readonly settings: ReadonlyMap<string, ParameterSettings>;
  readonly optimizer: Optimizer;
  readonly clip: GradientClip | undefined;
  readonly emaDecay: number | undefined;
}

/** Names of the state vectors that an update reads and writes. */
export function updateState(plan: UpdatePlan): readonly StateVector[] {
  const size = sizeOf(plan.parameters);
  const names = ["parameters", ...plan.optimizer.slots.map((slot) => slotName(plan, slot))];
  if (plan.emaDecay !== undefined) names.push("ema");
  return names.map((name) => ({ name, size }));
}

const slotName = ({ optimizer }: UpdatePlan, slot: string): string => `${optimizer.name}/${slot}`;

/** What an update leaves: `next/…` by the state's name, and the gradient's norm. */
export interface UpdateValues {
  readonly next: ReadonlyMap<string, Value>;
  readonly norm: Value;
}

/** Adds norm, clipping, the optimizer and the moving average. `state` has the inputs by name. */
export function buildUpdate(
  ops: Ops,
  plan: UpdatePlan,
  gradient: Value,
  state: (name: string) => Value,
): UpdateValues {
  const { parameters, settings, optimizer } = plan;
  const norm = ops.node("ReduceL2", [gradient], {});
  const scalarNorm = ops.reshape(norm, []);
  const clipped = plan.clip ? plan.clip(ops, gradient, scalarNorm) : gradient;
  const perParameter = (key: keyof ParameterSettings): Value =>
    numberPerParameter(ops, parameters, ({ name }) => settings.get(name)?.[key] ?? 0);
  const factor = perParameter("learningRateFactor");
  const rate = ops.input("step/learning_rate", []);
  const isPlain = ops.numbers(factor)?.every((number) => number === 1) ?? false;
  const result = optimizer.update({
    ops,
    parameters: state("parameters"),
    gradient: clipped,
    slots: optimizer.slots.map((slot) => state(slotName(plan, slot))),
    learningRate: isPlain ? rate : ops.mul(rate, factor),
    weightDecay: perParameter("weightDecay"),
    update: ops.input("step/update", []),
  });
  const next = new Map<string, Value>([["parameters", result.parameters]]);
  optimizer.slots.forEach((slot, index) => {
    const value = result.slots[index];
    if (value) next.set(slotName(plan, slot), value);
  });
  if (plan.emaDecay !== undefined) {
    const ema = state("ema");
    const gap = ops.sub(result.parameters, ema);
    next.set("ema", ops.add(ema, ops.mul(gap, 1 - plan.emaDecay)));
  }
  return { next, norm: scalarNorm };
}

import type { PaddleSchedulePlan } from "./paddle-plan.ts";
import type { Findings, Section } from "./section.ts";

type Shape = PaddleSchedulePlan extends infer Plan
  ? Plan extends PaddleSchedulePlan
    ? Omit<Plan, "warmUp">
    : never
  : never;
type Reader = (section: Section, learningRate: number) => Shape;

const DECAYS: Readonly<Record<string, Reader>> = {
  Const: (_, learningRate) => ({ kind: "constant", learningRate }),
  Cosine: (_, learningRate) => ({ kind: "cosine", learningRate }),
  Linear: (section, learningRate) => ({
    kind: "polynomial",
    learningRate,
    power: section.number("power", { moreThan: 0 }) ?? 1,
    final: section.number("end_lr", { atLeast: 0 }) ?? 0,
  }),
  // PaddleOCR's class takes `end_lr` and then sets 0.
  DecayLearningRate: (section, learningRate) => {
    section.skip("end_lr");
    return {
      kind: "polynomial",
      learningRate,
      power: section.number("factor", { moreThan: 0 }) ?? 0.9,
      final: 0,
    };
  },
  Step: (section, learningRate) => ({
    kind: "step",
    learningRate,
    everyEpochs:
      section.number("step_size", { moreThan: 0 }) ??
      section.fail("step_size", "give a number of epochs above 0"),
    factor: section.number("gamma", { moreThan: 0, atMost: 1 }) ?? 0.1,
  }),
  MultiStepDecay: (section, learningRate) => {
    const factor = section.number("gamma", { moreThan: 0, atMost: 1 }) ?? 0.1;
    const milestones = section.numbers("milestones", { moreThan: 0 }) ?? [];
    const pieces = milestones.map(
      (epoch, index) => [epoch, learningRate * factor ** (index + 1)] as const,
    );
    assertAscending(section, "milestones", milestones);
    return { kind: "piecewise", learningRate, pieces };
  },
};

function assertAscending(section: Section, key: string, epochs: readonly number[]): void {
  if (epochs.some((epoch, index) => index > 0 && epoch <= (epochs[index - 1] ?? 0))) {
    section.fail(key, "give epochs in ascending order");
  }
}

/** Its learning rates are `values`, so that it needs no other. */
function readPiecewise(section: Section): Shape {
  section.skip("learning_rate");
  const epochs = section.numbers("decay_epochs", { moreThan: 0 }) ?? [];
  const values = section.numbers("values", { atLeast: 0 }) ?? [];
  const [learningRate, ...rates] = values;
  if (!learningRate || rates.length !== epochs.length) {
    return section.fail(
      "values",
      `give ${epochs.length + 1} learning rates, one more than decay_epochs has; the first above 0`,
    );
  }
  assertAscending(section, "decay_epochs", epochs);
  const pieces = epochs.map((epoch, index) => [epoch, rates[index] ?? 0] as const);
  return { kind: "piecewise", learningRate, pieces };
}

/** The `Optimizer.lr` section of PaddleOCR 2.0 and later. */
export function readSchedule(section: Section): PaddleSchedulePlan {
  const name = section.text("name") ?? "Const";
  const epochs = section.number("warmup_epoch", { atLeast: 0 }) ?? 0;
  // PaddleOCR fills these in itself.
  section.skip("epochs", "step_each_epoch", "last_epoch");
  const reader = Object.hasOwn(DECAYS, name) ? DECAYS[name] : undefined;
  if (!reader && name !== "Piecewise") {
    section.fail("name", `possible are ${[...Object.keys(DECAYS), "Piecewise"].join(", ")}`);
  }
  const shape = reader ? reader(section, readRate(section)) : readPiecewise(section);
  section.finish();
  return { ...shape, warmUp: { epochs } };
}

const readRate = (section: Section): number =>
  section.number("learning_rate", { moreThan: 0 }) ??
  section.fail("learning_rate", "give a number above 0");

/** Updates of the warm-up of PaddleOCR 1.1, which cannot be changed there. */
const STATIC_WARM_UP = 1000;

/** `base_lr` and `decay` of the `Optimizer` section of PaddleOCR 1.1. */
export function readStaticSchedule(optimizer: Section, findings: Findings): PaddleSchedulePlan {
  const learningRate =
    optimizer.number("base_lr", { moreThan: 0 }) ??
    optimizer.fail("base_lr", "give a number above 0");
  if (optimizer.raw("decay") === undefined) {
    return { kind: "constant", learningRate, warmUp: { updates: 0 } };
  }
  const decay = optimizer.section("decay");
  const name =
    decay.oneOf("function", ["cosine_decay", "cosine_decay_warmup"]) ??
    decay.fail("function", "possible are cosine_decay, cosine_decay_warmup");
  decay.skip("step_each_epoch", "total_epoch");
  decay.finish();
  findings.notes.push(
    `${decay.path}: the cosine ends with the training, whatever step_each_epoch and total_epoch say`,
  );
  const updates = name === "cosine_decay_warmup" ? STATIC_WARM_UP : 0;
  return { kind: "cosine", learningRate, warmUp: { updates } };
}

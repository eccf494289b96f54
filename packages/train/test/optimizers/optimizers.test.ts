import { Tensor } from "@ocrslim/graph";
import { createRuntime, tensorToFeed } from "@ocrslim/runtime";
import { describe, expect, it } from "vitest";
import { createEmptyOps } from "../../src/ops/ops.ts";
import { adam } from "../../src/optimizers/adam.ts";
import type { AdamOptions } from "../../src/optimizers/adam-moments.ts";
import { adamW } from "../../src/optimizers/adam-w.ts";
import type { Optimizer } from "../../src/optimizers/optimizer.ts";
import { type SgdOptions, sgd } from "../../src/optimizers/sgd.ts";
import {
  type DescentOptions,
  descend,
  randomQuadratic,
  SIZE,
  startingPoint,
} from "./run-optimizer.ts";

const STEPS = 20;

/** One step of the published algorithm for one parameter, in double precision. */
type Rule = (p: number, g: number, state: number[], t: number, rate: number, λ: number) => number;

function expected(rule: Rule, decay: number, options: DescentOptions): readonly number[] {
  const gradientOf = randomQuadratic(options.seed);
  const states = Array.from({ length: SIZE }, (): number[] => []);
  const pick = (setting: number | readonly number[], index: number): number =>
    typeof setting === "number" ? setting : (setting[index] ?? 0);
  let parameters = startingPoint(options.seed);
  for (let t = 1; t <= options.steps; t++) {
    const gradient = gradientOf(parameters);
    parameters = parameters.map((p, i) =>
      rule(
        p,
        gradient[i] ?? 0,
        states[i] ?? [],
        t,
        pick(options.learningRate, i),
        pick(options.weightDecay ?? decay, i),
      ),
    );
  }
  return parameters;
}

async function compare(
  optimizer: Optimizer,
  rule: Rule,
  options: Partial<DescentOptions> = {},
): Promise<void> {
  for (const seed of [1, 2, 3]) {
    const full = { learningRate: 0.1, steps: STEPS, seed, ...options };
    const wanted = expected(rule, optimizer.weightDecay, full);
    const got = await descend(optimizer, full);
    const start = startingPoint(seed);
    wanted.forEach((value, index) => {
      expect(Math.abs((got[index] ?? Number.NaN) - value)).toBeLessThan(1e-5);
      expect(Math.abs(value - (start[index] ?? 0))).toBeGreaterThan(1e-4);
    });
  }
}

/** PyTorch, torch.optim.SGD: the algorithm of its documentation. */
const sgdRule =
  ({ momentum = 0, nesterov = false, dampening = 0 }: SgdOptions): Rule =>
  (p, gradient, state, t, rate, λ) => {
    let g = gradient + λ * p;
    if (momentum !== 0) {
      const b = t > 1 ? momentum * (state[0] ?? 0) + (1 - dampening) * g : g;
      state[0] = b;
      g = nesterov ? g + momentum * b : b;
    }
    return p - rate * g;
  };

/** PyTorch, torch.optim.Adam and AdamW: the algorithms of its documentation. */
const adamRule =
  (options: AdamOptions, isDecoupled: boolean): Rule =>
  (p, gradient, state, t, rate, λ) => {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false } = options;
    const g = isDecoupled ? gradient : gradient + λ * p;
    const kept = isDecoupled ? p - rate * λ * p : p;
    const m = beta1 * (state[0] ?? 0) + (1 - beta1) * g;
    const v = beta2 * (state[1] ?? 0) + (1 - beta2) * g * g;
    const greatest = Math.max(state[2] ?? 0, v);
    state.splice(0, 3, m, v, greatest);
    const corrected = (amsgrad ? greatest : v) / (1 - beta2 ** t);
    return kept - (rate * (m / (1 - beta1 ** t))) / (Math.sqrt(corrected) + epsilon);
  };

describe("sgd is torch.optim.SGD", () => {
  const cases: readonly SgdOptions[] = [
    {},
    { weightDecay: 0.1 },
    { momentum: 0.9 },
    { momentum: 0.9, weightDecay: 0.1 },
    { momentum: 0.9, nesterov: true, weightDecay: 0.05 },
    { momentum: 0.5, dampening: 0.5 },
    { momentum: 0.9, dampening: 1, weightDecay: 0.1 },
  ];
  for (const options of cases) {
    it(`with ${JSON.stringify(options)}`, () => compare(sgd(options), sgdRule(options)));
  }
});

describe("adam is torch.optim.Adam", () => {
  const cases: readonly AdamOptions[] = [
    {},
    { beta1: 0.5, beta2: 0.9 },
    { beta1: 0, beta2: 0.99 },
    { beta2: 0, epsilon: 0.1 },
    { epsilon: 1e-3, weightDecay: 0.1 },
    { amsgrad: true, beta2: 0.8 },
  ];
  for (const options of cases) {
    it(`with ${JSON.stringify(options)}`, () => compare(adam(options), adamRule(options, false)));
  }
});

describe("adamW is torch.optim.AdamW", () => {
  const cases: readonly AdamOptions[] = [
    {},
    { weightDecay: 0 },
    { weightDecay: 0.3, beta1: 0.8, epsilon: 1e-4 },
    { weightDecay: 0.1, amsgrad: true, beta2: 0.8 },
  ];
  for (const options of cases) {
    it(`with ${JSON.stringify(options)}`, () => compare(adamW(options), adamRule(options, true)));
  }
});

describe("parameter groups", () => {
  const groups = {
    learningRate: [0.1, 0.1, 0.05, 0.02, 0.02, 0.2],
    weightDecay: [0.1, 0.1, 0, 0, 0.2, 0.2],
  };
  const pairs: Readonly<Record<string, readonly [Optimizer, Rule]>> = {
    sgd: [sgd({ momentum: 0.9 }), sgdRule({ momentum: 0.9 })],
    adam: [adam(), adamRule({}, false)],
    adamW: [adamW(), adamRule({}, true)],
  };
  for (const [name, [optimizer, rule]] of Object.entries(pairs)) {
    it(`${name} takes learning rates and decays per parameter`, () =>
      compare(optimizer, rule, groups));
  }
});

describe("what optimizers say of themselves", () => {
  it("names their slots and settings, defaults included", () => {
    expect(sgd().slots).toEqual([]);
    expect(sgd({ momentum: 0.9 }).slots).toEqual(["momentum"]);
    expect(adam().slots).toEqual(["m", "v"]);
    expect(adamW({ amsgrad: true }).slots).toEqual(["m", "v", "vMax"]);
    expect(adam().weightDecay).toBe(0);
    expect(adamW()).toMatchObject({
      name: "adamW",
      weightDecay: 0.01,
      settings: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, amsgrad: false },
    });
  });

  it("refuses numbers out of range when made", () => {
    const wrong: readonly (() => Optimizer)[] = [
      () => sgd({ momentum: 1 }),
      () => sgd({ momentum: -0.1 }),
      () => sgd({ momentum: Number.NaN }),
      () => sgd({ dampening: 2, momentum: 0.5 }),
      () => sgd({ weightDecay: -1 }),
      () => sgd({ nesterov: true }),
      () => sgd({ nesterov: true, momentum: 0.9, dampening: 0.1 }),
      () => adam({ beta1: 1 }),
      () => adam({ beta2: -0.5 }),
      () => adam({ beta2: Number.NaN }),
      () => adam({ epsilon: 0 }),
      () => adamW({ weightDecay: Number.POSITIVE_INFINITY }),
    ];
    for (const make of wrong) {
      expect(make).toThrow(expect.objectContaining({ code: "invalid-option" }));
    }
    expect(() => adam({ beta1: 1 })).toThrow("adam: beta1 is 1; give a finite number");
  });
});

describe("bias correction", () => {
  it("is right in float32 from the first update to the millionth", async () => {
    const { model, ops } = createEmptyOps("correction");
    const betas = [0.5, 0.9, 0.99, 0.999, 0.9999, 0.999999];
    const update = ops.input("update", []);
    const steps = betas.map((beta) => {
      // With β₁ = 0, g = 1 and v = 1 before and after, the step is √(1 − β₂ᵗ).
      const zero = ops.reshape(ops.scalar(0), [1]);
      const one = ops.reshape(ops.scalar(1), [1]);
      const { parameters } = adam({ beta1: 0, beta2: beta, epsilon: 1e-30 }).update({
        ops,
        parameters: zero,
        gradient: one,
        slots: [zero, one],
        learningRate: ops.scalar(1),
        weightDecay: ops.scalar(0),
        update,
      });
      return ops.node("Identity", [parameters]);
    });
    model.graph.setOutputs(steps);
    await using session = await createRuntime({ threads: 1 }).load(model);
    for (const t of [1, 2, 3, 10, 100, 1000, 12345, 1e6]) {
      const results = await session.run({ update: tensorToFeed(Tensor.float32([], [t])) });
      betas.forEach((beta, index) => {
        const got = Number(results[steps[index]?.name ?? ""]?.data[0]);
        const wanted = -Math.sqrt(-Math.expm1(t * Math.log(beta)));
        expect(Math.abs(got / wanted - 1), `β ${beta}, t ${t}`).toBeLessThan(1e-6);
      });
    }
  });
});

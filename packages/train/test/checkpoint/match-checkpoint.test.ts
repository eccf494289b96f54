import { expect, test } from "vitest";
import type { CheckpointRun, CheckpointStep } from "../../src/checkpoint/checkpoint.ts";
import { findRunMismatch, findStepMismatch } from "../../src/checkpoint/match-checkpoint.ts";
import type { TrainingStep } from "../../src/step/training-step.ts";
import { exampleCheckpoint } from "./example-checkpoint.ts";

const { step, run } = exampleCheckpoint();
const [parameter] = step.parameters;
const other = { ...parameter!, name: "other" };

test.each<[string, Partial<CheckpointStep>]>([
  [
    'the parameter "größe" has dims [3, 2], there [2, 3]',
    { parameters: [{ ...parameter!, dims: [3, 2] }] },
  ],
  ['the parameter "other" is not in it', { parameters: [parameter!, other] }],
  ['the parameter "größe" is only in it', { parameters: [] }],
  ['the batch normalization statistic "mean" is only in it', { statistics: [] }],
  [
    'the batch input "x" has dims [2, 3], there [1, 3]',
    { batch: [{ ...step.batch[0]!, dims: [2, 3] }] },
  ],
  ["accumulate is 1, there 2", { accumulate: 1 }],
  [
    "the optimizer's state is parameters, there parameters, statistics",
    { state: [step.state[0]!] },
  ],
  ["the settings of optimizer, parameter groups or moving average differ", {}],
])("says that %s", (message, change) => {
  const here = { ...step, fingerprint: "g", ...change } as unknown as TrainingStep;
  expect(findStepMismatch({ step }, here)).toBe(message);
});

test("says that parameters are in another order", () => {
  const two = { ...step, parameters: [parameter!, other] };
  const here = { ...two, fingerprint: "g", parameters: [other, parameter!] };
  expect(findStepMismatch({ step: two }, here as unknown as TrainingStep)).toBe(
    'the parameters are in another order, from "other" on',
  );
});

test("says nothing where all is the same", () => {
  expect(findStepMismatch({ step }, step as unknown as TrainingStep)).toBeUndefined();
  expect(findRunMismatch(run, { ...run, engine: "another", learningRates: [] })).toBeUndefined();
  const { dataFingerprint: _, ...unknown } = run;
  expect(findRunMismatch(run, unknown)).toBeUndefined();
});

test.each<[string, Partial<CheckpointRun>]>([
  ["seed is 1, there 4294967295", { seed: 1 }],
  ["batchSize is 2, there 1", { batchSize: 2 }],
  ["the number of samples is 8, there 9", { dataSize: 8 }],
  ["the data are others (fingerprint e, there d)", { dataFingerprint: "e" }],
])("says that %s", (message, change) => {
  expect(findRunMismatch(run, { ...run, ...change })).toBe(message);
});

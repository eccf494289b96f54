import { checkModel, createRandom, type Model, type Value } from "@ocrslim/graph";
import { float32Feed } from "@ocrslim/runtime";
import { conv, createTestModel, runModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import {
  differentiate,
  distillation,
  featureDistillation,
  findParameters,
  joinModels,
  mutualLearning,
} from "../../src/index.ts";

const DIMS = [1, 1, 8, 8];
const only = (value: Value | undefined): Value => {
  if (!value) throw new TypeError("no input");
  return value;
};

/** A probability map from features of so many channels. */
const detector = (width: number, seed: number, opset = 18): Model =>
  createTestModel({
    opset,
    inputs: { x: [1, 3, 8, 8] },
    seed,
    build: (graph, x) => {
      const features = conv(graph, only(x), { out: width, kernel: 3, pad: 1 });
      features.name = "features";
      return unary(
        graph,
        "Sigmoid",
        conv(graph, unary(graph, "Relu", features), { out: 1, kernel: 1 }),
      );
    },
  });

const input = (seed = 3): ReturnType<typeof float32Feed> => {
  const random = createRandom(seed);
  return float32Feed(
    [1, 3, 8, 8],
    Float32Array.from({ length: 192 }, () => 4 * random() - 2),
  );
};
const outputOf = ({ graph }: Model): string => graph.outputs[0]?.name ?? "";
const firstWeight = (model: Model): string => findParameters(model)[0]?.name ?? "";

describe("joinModels", () => {
  it("computes what each model computes alone, at another opset as well", async () => {
    const [student, teacher] = [detector(4, 1), detector(6, 2, 14)];
    const joined = await joinModels(student, { teacher });
    expect(checkModel(joined)).toEqual([]);
    expect(joined.graph.outputs.map(({ name }) => name)).toEqual([
      outputOf(student),
      `teacher/${outputOf(teacher)}`,
    ]);
    const x = input();
    const both = await runModel(joined, { x });
    const apart = [await runModel(student, { x }), await runModel(teacher, { x })];
    expect(both[outputOf(student)]?.data).toEqual(apart[0]?.[outputOf(student)]?.data);
    expect(both[`teacher/${outputOf(teacher)}`]?.data).toEqual(apart[1]?.[outputOf(teacher)]?.data);
  });

  it("distils as if the teacher's map were a target", async () => {
    const [student, teacher] = [detector(4, 1), detector(6, 2)];
    const x = input();
    const map = (await runModel(teacher, { x }))[outputOf(teacher)];
    const wrt = findParameters(student).map(({ name }) => name);
    const apart = await runModel(await differentiate(student, { loss: distillation(), wrt }), {
      x,
      teacher: float32Feed(DIMS, map?.data as Float32Array),
    });
    const joined = await joinModels(student, { teacher });
    const together = await runModel(
      await differentiate(joined, {
        loss: distillation({ teacherOutput: `teacher/${outputOf(teacher)}` }),
        wrt,
      }),
      { x },
    );
    expect(together["loss"]?.data[0]).toBeCloseTo(apart["loss"]?.data[0] as number, 5);
    for (const name of wrt) {
      const wanted = [...((apart[`gradient/${name}`]?.data ?? []) as Float32Array)];
      const found = [...((together[`gradient/${name}`]?.data ?? []) as Float32Array)];
      expect(found).toHaveLength(wanted.length);
      for (const [at, value] of found.entries()) expect(value).toBeCloseTo(wanted[at] as number, 5);
    }
  });

  it("says which input has no counterpart", async () => {
    const two = createTestModel({
      opset: 18,
      inputs: { a: [1, 3, 8, 8], b: [1, 3, 8, 8] },
      build: (graph, a) => conv(graph, only(a), { out: 1, kernel: 1 }),
    });
    await expect(joinModels(detector(4, 1), { teacher: two })).rejects.toThrow(
      'joinModels: the input "a" of teacher is none of the model\'s (x); rename it',
    );
  });
});

describe("featureDistillation", () => {
  it("compares the channels that were kept, relative to the teacher's energy", async () => {
    const [student, teacher] = [detector(2, 1), detector(4, 2)];
    const channels = [3, 1];
    const joined = await joinModels(student, { teacher });
    const x = input();
    const built = await differentiate(joined, {
      loss: featureDistillation({
        pairs: [{ student: "features", teacher: "teacher/features", channels }],
      }),
      wrt: [firstWeight(student)],
    });
    const found = await runModel(built, { x });
    const features = async (model: Model): Promise<Float32Array> => {
      const copy = await joinModels(model, {});
      copy.graph.setOutputs([only(copy.graph.value("features"))]);
      return (await runModel(copy, { x }))["features"]?.data as Float32Array;
    };
    const [s, t] = [await features(student), await features(teacher)];
    let [error, energy] = [0, 0];
    channels.forEach((channel, index) => {
      for (let at = 0; at < 64; at++) {
        const wanted = t[channel * 64 + at] as number;
        error += ((s[index * 64 + at] as number) - wanted) ** 2;
        energy += wanted ** 2;
      }
    });
    expect(found["loss"]?.data[0]).toBeCloseTo(error / energy, 5);
  });

  it("is 0 for the teacher itself", async () => {
    const teacher = detector(4, 2);
    const joined = await joinModels(teacher, { teacher });
    const built = await differentiate(joined, {
      loss: featureDistillation({ pairs: [{ student: "features", teacher: "teacher/features" }] }),
      wrt: [firstWeight(teacher)],
    });
    expect((await runModel(built, { x: input() }))["loss"]?.data[0]).toBe(0);
  });

  it("names a channel that is not there", async () => {
    const joined = await joinModels(detector(2, 1), { teacher: detector(4, 2) });
    const pairs = [{ student: "features", teacher: "teacher/features", channels: [0, 4] }];
    await expect(
      differentiate(joined, { loss: featureDistillation({ pairs }), wrt: ["features"] }),
    ).rejects.toThrow('channel 4 of "teacher/features" is not one of its 4');
  });
});

describe("mutualLearning", () => {
  it("is the mean divergence of both directions, and both students learn", async () => {
    const [one, two] = [detector(4, 1), detector(4, 2)];
    const joined = await joinModels(one, { peer: two });
    const names = [outputOf(one), `peer/${outputOf(two)}`] as const;
    const wrt = [firstWeight(one), `peer/${firstWeight(two)}`];
    const x = input();
    const built = await differentiate(joined, { loss: mutualLearning({ outputs: names }), wrt });
    const found = await runModel(built, { x });
    const maps = await runModel(joined, { x });
    const [a, b] = names.map((name) => [...((maps[name]?.data ?? []) as Float32Array)]);
    const divergence = (p: readonly number[], q: readonly number[]): number =>
      p.reduce((sum, at, i) => {
        const other = q[i] as number;
        return sum + at * Math.log(at / other) + (1 - at) * Math.log((1 - at) / (1 - other));
      }, 0) / p.length;
    const wanted = (divergence(a ?? [], b ?? []) + divergence(b ?? [], a ?? [])) / 2;
    expect(found["loss"]?.data[0]).toBeCloseTo(wanted, 5);
    for (const name of wrt) {
      const gradient = [...((found[`gradient/${name}`]?.data ?? []) as Float32Array)];
      expect(gradient.some((value) => Math.abs(value) > 1e-6)).toBe(true);
    }
  });
});

import { createRandom } from "@ocrslim/graph";
import { captureValues, createRuntime, type Feeds, randomFeeds } from "@ocrslim/runtime";
import { conv, createTestModel, expectClose, runModel, unary } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";

const runtime = createRuntime({ threads: 1 });
const model = createTestModel({
  inputs: { x: [1, 3, 6, 6] },
  build: (graph, x) => unary(graph, "Sigmoid", unary(graph, "Relu", conv(graph, x, { out: 4 }))),
});
const feedsOf = (seed: number): Feeds => randomFeeds(model, {}, createRandom(seed));

describe("captureValues", () => {
  it("gives inner values from which the rest of the model follows", async () => {
    await captureValues(runtime, model, {
      values: ["Relu", "Sigmoid"],
      feeds: [feedsOf(1)],
      onValues({ Relu, Sigmoid }) {
        const data = Float32Array.from(Relu!.data as Float32Array, (x) => 1 / (1 + Math.exp(-x)));
        expectClose(Sigmoid!, { dims: Relu!.dims, data });
      },
    });
  });

  it("captures inputs, initializers and outputs as well", async () => {
    const feeds = feedsOf(2);
    const { Sigmoid: output } = await runModel(model, feeds);
    const count = await captureValues(runtime, model, {
      values: ["x", "conv_b", "Sigmoid"],
      feeds: [feeds],
      onValues(values) {
        expect(values["x"]).toBe(feeds["x"]);
        expect(values["conv_b"]!.data).toEqual(
          model.graph.value("conv_b")!.tensor!.float32Values(),
        );
        expectClose(values["Sigmoid"]!, output!);
        expect(Object.keys(values)).toHaveLength(3);
      },
    });
    expect(count).toBe(1);
  });

  it("leaves the model as it is", async () => {
    await captureValues(runtime, model, { values: ["Conv"], feeds: [], onValues() {} });
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(["Sigmoid"]);
  });

  it("pulls the next feeds only when the last values have been taken", async () => {
    const log: string[] = [];
    async function* stream(): AsyncGenerator<Feeds> {
      for (const seed of [1, 2, 3]) {
        log.push(`feed ${seed}`);
        yield feedsOf(seed);
      }
    }
    await captureValues(runtime, model, {
      values: ["Conv"],
      feeds: stream(),
      async onValues(_, index) {
        await Promise.resolve();
        log.push(`values ${index}`);
      },
    });
    expect(log).toEqual(["feed 1", "values 0", "feed 2", "values 1", "feed 3", "values 2"]);
  });

  it("refuses a name that the graph does not have", async () => {
    const capture = captureValues(runtime, model, { values: ["nope"], feeds: [], onValues() {} });
    await expect(capture).rejects.toMatchObject({ code: "unknown-value", value: "nope" });
  });

  it("stops between runs when aborted", async () => {
    const controller = new AbortController();
    let count = 0;
    const capture = captureValues(runtime, model, {
      values: ["Conv"],
      feeds: [feedsOf(1), feedsOf(2), feedsOf(3)],
      signal: controller.signal,
      onValues() {
        if (++count === 2) controller.abort(new Error("enough"));
      },
    });
    await expect(capture).rejects.toThrow("enough");
    expect(count).toBe(2);
  });
});

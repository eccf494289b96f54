import { createRandom } from "@ocrslim/graph";
import {
  type Feeds,
  type Runtime,
  RuntimeError,
  type RuntimeErrorCode,
  randomFeeds,
} from "@ocrslim/runtime";
import { conv, unary } from "./layers.ts";
import { expectClose, runModel } from "./oracles.ts";
import { createTestModel } from "./test-graph.ts";

/** One promise that a `Runtime` makes, and how to see whether it keeps it. */
export interface RuntimeCheck {
  readonly name: string;
  readonly check: (runtime: Runtime) => Promise<void>;
}

const model = createTestModel({
  inputs: { x: [1, 3, 8, 8] },
  build: (graph, x) => {
    const first = conv(graph, x, { out: 4 });
    return [unary(graph, "Relu", first), unary(graph, "Sigmoid", first)];
  },
});

async function expectCode(code: RuntimeErrorCode, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof RuntimeError && error.code === code) return;
    throw error;
  }
  throw new Error(`expected a RuntimeError of code ${code}, but nothing was thrown`);
}

const feedsOf = (): Feeds => randomFeeds(model, {}, createRandom(1));

/** What every `Runtime` must do, whatever it stands on; run each as a test of its own. */
export const runtimeChecks: readonly RuntimeCheck[] = [
  {
    name: "tells the names, types and shapes of inputs and outputs",
    async check(runtime) {
      const session = await runtime.load(model);
      await session.dispose();
      const [input] = session.inputs;
      if (input?.name !== "x" || input.dtype !== "float32" || input.shape.join() !== "1,3,8,8") {
        throw new Error(`the input is ${JSON.stringify(input)}`);
      }
      const names = model.graph.outputs.map((value) => value.name);
      if (session.outputs.map((port) => port.name).join() !== names.join()) {
        throw new Error(`the outputs are ${JSON.stringify(session.outputs)}`);
      }
    },
  },
  {
    name: "gives the outputs that ONNX Runtime gives",
    async check(runtime) {
      const feeds = feedsOf();
      const expected = await runModel(model, feeds);
      const session = await runtime.load(model);
      const actual = await session.run(feeds);
      await session.dispose();
      if (Object.keys(actual).join() !== Object.keys(expected).join()) {
        throw new Error(`the outputs are ${Object.keys(actual)}`);
      }
      for (const [name, tensor] of Object.entries(expected)) {
        const result = actual[name];
        if (!result) throw new Error(`output "${name}" is missing`);
        expectClose(result, tensor);
      }
    },
  },
  {
    name: "returns only the outputs asked for",
    async check(runtime) {
      const name = model.graph.outputs[1]?.name ?? "";
      const session = await runtime.load(model);
      const results = await session.run(feedsOf(), [name]);
      await session.dispose();
      if (Object.keys(results).join() !== name) throw new Error(`got ${Object.keys(results)}`);
    },
  },
  {
    name: "refuses feeds of another name, type or shape",
    async check(runtime) {
      const session = await runtime.load(model);
      const { x } = feedsOf();
      if (!x) throw new Error("there is no feed x");
      await expectCode("invalid-feed", () => session.run({}));
      await expectCode("invalid-feed", () => session.run({ x, y: x }));
      await expectCode("invalid-feed", () => session.run({ x: { ...x, dims: [1, 3, 8, 9] } }));
      await expectCode("invalid-feed", () => session.run({ x: { ...x, dtype: "int32" } }));
      await expectCode("unknown-value", () => session.run({ x }, ["nothing"]));
      await session.dispose();
    },
  },
  {
    name: "lets runs in progress finish when disposed of, and takes no more",
    async check(runtime) {
      const session = await runtime.load(model);
      const running = session.run(feedsOf());
      const disposed = Promise.all([session.dispose(), session.dispose()]);
      if (Object.keys(await running).length !== 2) throw new Error("the run was cut short");
      await disposed;
      await session.dispose();
      await expectCode("disposed", () => session.run(feedsOf()));
    },
  },
  {
    name: "rejects what is not a model",
    check: (runtime) => expectCode("load-failed", () => runtime.load(new Uint8Array([1, 2, 3]))),
  },
];

import type { OrtModule } from "@ocrslim/runtime";
import { type InferenceSession, Tensor } from "onnxruntime-common";

/** What happened to a {@link fakeOrt}, in order. */
export interface FakeLog {
  readonly events: string[];
  readonly options: InferenceSession.SessionOptions[];
}

/** A module of ONNX Runtime's shape with one input `x` [1, 2] and one output `y` = 2 x. */
export function fakeOrt(
  log: FakeLog,
  behaviour: { readonly runMs?: () => number; readonly type?: Tensor.Type } = {},
): OrtModule {
  const type = behaviour.type ?? "float32";
  const port = (name: string): InferenceSession.ValueMetadata => ({
    name,
    isTensor: true,
    type,
    shape: ["", 2],
  });
  const session: InferenceSession = {
    inputNames: ["x"],
    outputNames: ["y"],
    inputMetadata: [port("x")],
    outputMetadata: [port("y")],
    startProfiling() {},
    endProfiling() {
      log.events.push("endProfiling");
    },
    async release() {
      log.events.push("release");
    },
    async run(feeds: InferenceSession.FeedsType) {
      log.events.push("run");
      await new Promise((resolve) => setTimeout(resolve, behaviour.runMs?.() ?? 0));
      log.events.push("ran");
      const x = feeds["x"];
      if (!(x instanceof Tensor)) throw new Error("no x");
      if (type !== "float32") return { y: x };
      const data = (x.data as Float32Array).map((element) => 2 * element);
      return { y: new Tensor("float32", data, x.dims) };
    },
  };
  const create = async (
    source: unknown,
    options: InferenceSession.SessionOptions = {},
  ): Promise<InferenceSession> => {
    log.events.push(`create ${typeof source === "string" ? source : "bytes"}`);
    log.options.push(options);
    if (source === "bad.onnx") throw new Error("broken\n  at line 2");
    return session;
  };
  return {
    InferenceSession: { create: create as OrtModule["InferenceSession"]["create"] },
    Tensor,
  };
}

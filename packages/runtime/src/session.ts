import type { DataType } from "@ocrslim/graph";
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import { messageOf, RuntimeError } from "./errors.ts";
import { assertFeeds } from "./feeds.ts";
import { fromOrtTensor, toOrtTensor } from "./tensors.ts";
import type { RuntimeTensor, Session, SessionPort } from "./types.ts";

/** What {@link createSession} wraps. */
export interface SessionInit {
  readonly session: InferenceSession;
  readonly Tensor: TensorConstructor;
  /** For messages. */
  readonly model: string;
  readonly profiled: boolean;
  /** Runs once the model is freed, whatever happened before. */
  readonly cleanUp: () => Promise<void>;
}

/** @internal A session that checks its feeds and outlives none of its runs. */
export function createSession(init: SessionInit): Session {
  const { session, model } = init;
  const inputs = listPorts(session.inputNames, session.inputMetadata);
  const outputs = listPorts(session.outputNames, session.outputMetadata);
  const running = new Set<Promise<unknown>>();
  let disposal: Promise<void> | undefined;

  const runOnce: Session["run"] = async (feeds, fetches) => {
    const wanted = fetches ?? session.outputNames;
    for (const name of wanted) {
      if (!session.outputNames.includes(name)) {
        throw new RuntimeError(
          "unknown-value",
          `run: ${model} has no output "${name}"; its outputs are ${session.outputNames.join(", ")}`,
          { model, value: name },
        );
      }
    }
    assertFeeds(inputs, feeds);
    const ortFeeds: Record<string, OrtTensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) {
      ortFeeds[name] = toOrtTensor(init.Tensor, tensor, name);
    }
    let results: InferenceSession.ReturnType;
    try {
      results = await session.run(ortFeeds, wanted);
    } catch (cause) {
      throw new RuntimeError(
        "run-failed",
        `run: ONNX Runtime could not run ${model}: ${messageOf(cause)}`,
        { model, cause },
      );
    }
    const out: Record<string, RuntimeTensor> = {};
    for (const name of wanted) {
      const tensor = results[name];
      if (tensor) out[name] = fromOrtTensor(tensor);
    }
    return out;
  };

  const run: Session["run"] = (feeds, fetches) => {
    if (disposal) {
      return Promise.reject(
        new RuntimeError("disposed", `run: the session of ${model} is disposed of; load it again`, {
          model,
        }),
      );
    }
    const task = runOnce(feeds, fetches);
    running.add(task);
    const forget = (): boolean => running.delete(task);
    task.then(forget, forget);
    return task;
  };

  const release = async (): Promise<void> => {
    await Promise.allSettled(running);
    try {
      if (init.profiled) session.endProfiling();
      await session.release();
    } finally {
      await init.cleanUp();
    }
  };
  const dispose = (): Promise<void> => {
    disposal ??= release();
    return disposal;
  };
  return { inputs, outputs, run, dispose, [Symbol.asyncDispose]: dispose };
}

/** Names alone are known of ports that hold no tensor, and with modules that give no metadata. */
function listPorts(
  names: readonly string[],
  metadata: readonly InferenceSession.ValueMetadata[],
): readonly SessionPort[] {
  return names.map((name) => {
    const found = metadata.find((entry) => entry.name === name);
    if (!found?.isTensor) return { name, dtype: "undefined" as const, shape: [] };
    const shape = found.shape.map((dim) => (dim === "" ? -1 : dim));
    return { name, dtype: found.type satisfies DataType, shape };
  });
}

import { assertFeeds, type Feeds, RuntimeError, type Session } from "@ocrslim/runtime";
import { messageOf } from "../errors.ts";

/** What a session stands on. */
export interface PooledSessionInit extends Pick<Session, "inputs" | "outputs"> {
  /** For messages. */
  readonly model: string;
  /** Runs it, wherever there is room. */
  readonly run: (feeds: Feeds, fetches: readonly string[]) => ReturnType<Session["run"]>;
  readonly release: () => Promise<void>;
}

/** A session that checks its feeds and outlives none of its runs. */
export function createPooledSession(init: PooledSessionInit): Session {
  const { model, inputs, outputs } = init;
  const running = new Set<Promise<unknown>>();
  let disposal: Promise<void> | undefined;
  const start: Session["run"] = async (feeds, fetches) => {
    const wanted = fetches ?? outputs.map(({ name }) => name);
    const unknown = wanted.find((name) => !outputs.some((port) => port.name === name));
    if (unknown !== undefined) {
      throw new RuntimeError(
        "unknown-value",
        `run: ${model} has no output "${unknown}"; its outputs are ${outputs.map(({ name }) => name).join(", ")}`,
        { model, value: unknown },
      );
    }
    assertFeeds(inputs, feeds);
    try {
      return await init.run(feeds, wanted);
    } catch (cause) {
      if (cause instanceof RuntimeError) throw cause;
      throw new RuntimeError(
        "run-failed",
        `run: ONNX Runtime could not run ${model}: ${messageOf(cause)}`,
        { model, cause },
      );
    }
  };
  const release = async (): Promise<void> => {
    await Promise.allSettled(running);
    await init.release();
  };
  const dispose = (): Promise<void> => {
    disposal ??= release();
    return disposal;
  };
  return {
    inputs,
    outputs,
    run(feeds, fetches) {
      if (disposal) {
        return Promise.reject(
          new RuntimeError(
            "disposed",
            `run: the session of ${model} is disposed of; load it again`,
            {
              model,
            },
          ),
        );
      }
      const task = start(feeds, fetches);
      running.add(task);
      const forget = (): boolean => running.delete(task);
      task.then(forget, forget);
      return task;
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

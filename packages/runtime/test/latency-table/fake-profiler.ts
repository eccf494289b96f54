import { writeFileSync } from "node:fs";
import { inferShapes, Model, type Node, type ShapeInference } from "@ocrslim/graph";
import type { Runtime, Session } from "@ocrslim/runtime";

/** How a {@link fakeProfiler} behaves. */
export interface FakeProfilerOptions {
  /** Microseconds of a node. Default: {@link stairs}. */
  readonly nodeUs?: (node: Node, shapes: ShapeInference) => number;
  /** Factor of all times in a run, by how many runs there were before. Default: 1. */
  readonly drift?: (run: number) => number;
  /** Microseconds that a run needs beside its nodes. Default: 0. */
  readonly overheadUs?: number;
  readonly threads?: number;
  readonly version?: string;
  /** Default: true. */
  readonly writesProfile?: boolean;
}

export interface FakeProfiler extends Runtime {
  /** Models loaded so far. */
  readonly loaded: Model[];
}

const channels = (node: Node, shapes: ShapeInference, input: boolean): number => {
  const value = input ? node.inputs[0] : node.outputs[0];
  return (value && shapes.shapeOf(value)?.[1]) ?? 1;
};

/** Blocks of 8 channels: 20 µs, and 5 for each block in, 3 for each block out, 10 for each pair. */
export function stairs(node: Node, shapes: ShapeInference): number {
  const rows = Math.ceil(channels(node, shapes, true) / 8);
  const columns = Math.ceil(channels(node, shapes, false) / 8);
  const isDense = node.opType === "Conv" && node.int("group", 1) === 1;
  return 20 + 5 * rows + 3 * columns + (isDense ? 10 * rows * columns : 0);
}

/** A runtime that computes nothing, and writes profiles as ONNX Runtime does. */
export function fakeProfiler(options: FakeProfilerOptions = {}): FakeProfiler {
  const {
    nodeUs = stairs,
    drift = () => 1,
    overheadUs = 0,
    threads,
    version = "1",
    writesProfile = true,
  } = options;
  const loaded: Model[] = [];
  let runs = 0;
  return {
    name: "fake",
    version,
    executionProviders: ["cpu"],
    threads,
    loaded,
    async load(model, { profilePrefix } = {}) {
      if (!(model instanceof Model)) throw new TypeError("fakeProfiler: give a model");
      loaded.push(model);
      const shapes = inferShapes(model);
      const kernels = [...model.graph.nodes].map((node) => ({
        name: `${node.name}_kernel_time`,
        op_name: node.opType,
        us: nodeUs(node, shapes),
      }));
      const events: object[] = [];
      let ts = 0;
      let isOpen = true;
      const dispose = async (): Promise<void> => {
        if (isOpen && profilePrefix !== undefined && writesProfile) {
          writeFileSync(`${profilePrefix}_1.json`, JSON.stringify(events));
        }
        isOpen = false;
      };
      const session: Session = {
        inputs: [],
        outputs: [],
        async run() {
          const factor = drift(runs++);
          const dur = factor * (overheadUs + kernels.reduce((sum, { us }) => sum + us, 0));
          events.push({ cat: "Session", name: "model_run", ts, dur });
          for (const { name, op_name, us } of kernels) {
            events.push({ cat: "Node", name, ts, dur: us * factor, args: { op_name } });
            ts += us * factor;
          }
          ts += 100;
          return {};
        },
        dispose,
        [Symbol.asyncDispose]: dispose,
      };
      return session;
    },
  };
}

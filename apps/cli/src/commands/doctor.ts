import { release, totalmem } from "node:os";
import { Graph, Model } from "@ocrslim/graph";
import {
  createRuntime,
  describeMachine,
  listExecutionProviders,
  type Runtime,
} from "@ocrslim/runtime";
import { findBlockSize } from "@ocrslim/train";
import { findTfjs, type TfjsCandidate } from "@ocrslim/train/tfjs";
import sharp from "sharp";
import { type Command, defineCommand } from "../command.ts";
import { toOneLine } from "../describe-error.ts";
import { flag } from "../options/option.ts";
import { formatBytes } from "../output/numbers.ts";
import { formatFacts } from "../output/table.ts";
import { version } from "../version.ts";

/** Oldest Node.js that is supported. */
const oldestNode: readonly [number, number] = [20, 19];

function isNodeSupported(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

/** One thing that does not work, and how to get it. */
interface Finding {
  readonly what: string;
  readonly remedy: string;
}

/** Runs the smallest of models; returns why that does not work, or `undefined`. */
async function tryRuntime(runtime: Runtime): Promise<string | undefined> {
  const graph = new Graph();
  const input = graph.addInput("x", { kind: "tensor", dtype: "float32", shape: [1] });
  const node = graph.createNode({ opType: "Relu", inputs: [input], outputs: ["y"] });
  graph.setOutputs([...node.outputs].filter((value) => value !== undefined));
  const model = new Model(graph);
  model.setOpset("", 13);
  try {
    await using session = await runtime.load(model);
    const results = await session.run({
      x: { dtype: "float32", dims: [1], data: new Float32Array([-1]) },
    });
    return results["y"]?.data[0] === 0 ? undefined : "it computes wrong results";
  } catch (error) {
    return toOneLine(error instanceof Error ? error.message : String(error));
  }
}

/** What an execution provider needs, by name. */
const providerNeeds: ReadonlyMap<string, string> = new Map([
  [
    "cuda",
    "needs Linux x64, an NVIDIA driver, CUDA 12, cuDNN 9 and the libraries that node node_modules/onnxruntime-node/script/install.js fetches",
  ],
  ["tensorrt", "needs what cuda needs, and TensorRT 10"],
  ["webgpu", "needs a GPU with a Vulkan, Direct3D 12 or Metal driver"],
  ["dml", "needs Windows with a Direct3D 12 driver"],
  ["coreml", "needs macOS"],
]);

/** What came of trying a provider. */
interface ProviderTrial {
  readonly name: string;
  readonly works: boolean;
  readonly reason?: string;
  readonly needs?: string;
}

async function tryProviders(names: readonly string[]): Promise<ProviderTrial[]> {
  const trials: ProviderTrial[] = [];
  for (const name of names) {
    const reason = await tryRuntime(createRuntime({ executionProviders: [name] }));
    const needs = providerNeeds.get(name);
    trials.push({
      name,
      works: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
      ...(reason === undefined || needs === undefined ? {} : { needs }),
    });
  }
  return trials;
}

/** What to say of a package of TensorFlow.js, the second training engine. */
function describeTfjs({ name, status, version: found, backend, reason }: TfjsCandidate): string {
  if (status === "missing") return `${name}: ${reason}`;
  if (status === "broken") return `${name}: installed, but ${reason}`;
  return `${name} ${found}: ${backend}${backend === "cpu" ? ", slow" : ""}`;
}

interface DoctorOptions {
  tryProviders: boolean;
}

/** `ocrslim doctor` */
export const doctor: Command = defineCommand<DoctorOptions>({
  name: "doctor",
  summary: "What this machine can do, what is missing, and how to get it.",
  arguments: [],
  options: {
    tryProviders: {
      flags: "--try-providers",
      description: "Also tries each execution provider; its native library may write to stderr.",
      schema: flag(),
    },
  },
  async run(context, _args, options) {
    const runtime = createRuntime(
      context.threads === undefined ? {} : { threads: context.threads },
    );
    const machine = describeMachine(runtime);
    const providers = listExecutionProviders();
    const broken = await tryRuntime(runtime);
    const problems: Finding[] = [];
    if (!isNodeSupported()) {
      problems.push({
        what: `Node.js ${process.versions.node}`,
        remedy: `install Node.js ${oldestNode.join(".")} or newer`,
      });
    }
    if (broken !== undefined) {
      problems.push({
        what: `onnxruntime-node: ${broken}`,
        remedy: "run npm rebuild onnxruntime-node, or npm install on this platform",
      });
    }
    const blockSize = broken === undefined ? await findBlockSize(runtime) : undefined;
    const tfjs = await findTfjs();
    const trials = options.tryProviders ? await tryProviders(providers) : undefined;
    const document = {
      version,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      os: release(),
      cpu: machine.cpu,
      cores: machine.cores,
      memoryBytes: totalmem(),
      runtime: machine.runtime,
      runtimeVersion: machine.version,
      runtimeWorks: broken === undefined,
      threads: machine.threads ?? null,
      executionProviders: providers,
      training: { blockSize: blockSize ?? null, tfjs },
      sharp: sharp.versions.sharp ?? null,
      libvips: sharp.versions.vips,
      problems,
      ...(trials ? { providerTrials: trials } : {}),
    };
    context.print(
      formatFacts([
        ["ocrslim", version],
        ["Node.js", document.node],
        ["platform", `${document.platform}, ${document.os}`],
        ["CPU", `${machine.cpu}, ${machine.cores} cores`],
        ["memory", formatBytes(document.memoryBytes)],
        [
          "runtime",
          `${machine.runtime} ${machine.version}, ${broken === undefined ? "works" : "broken"}`,
        ],
        ["providers", `${providers.join(", ")} (known to this build; --try-providers tries them)`],
        [
          "training",
          blockSize === undefined
            ? "ort, in the standard layout"
            : `ort, in ONNX Runtime's layout of blocks of ${blockSize} channels`,
        ],
        ...tfjs.map((candidate, index): [string, string] => [
          index === 0 ? "  optional" : "",
          describeTfjs(candidate),
        ]),
        ["images", `sharp ${document.sharp}, libvips ${document.libvips}`],
      ]),
    );
    for (const { name, works, needs, reason } of trials ?? []) {
      context.print(works ? `${name}: works` : `${name}: does not work; it ${needs ?? reason}`);
    }
    for (const { what, remedy } of problems) context.print(`problem: ${what}; ${remedy}`);
    if (problems.length === 0) context.print("All that ocrslim needs is here.");
    context.printJson(document);
  },
});

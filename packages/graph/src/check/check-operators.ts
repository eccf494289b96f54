import { GraphError } from "../errors.ts";
import { type Graph, listSubgraphs } from "../ir/graph.ts";
import type { Model } from "../ir/model.ts";
import type { Node } from "../ir/node.ts";
import type { Issue } from "./issue.ts";
import { introducedIn, withdrawnIn } from "./operator-versions.ts";

/** Whether the model imports the operators it uses, and whether there are such operators. */
export function* checkOperators(model: Model, graph: Graph = model.graph): Generator<Issue> {
  for (const node of graph.nodes) {
    const where = { node: node.name || node.key };
    if (!model.opsetImports.has(node.domain)) {
      yield {
        severity: "error",
        code: "missing-opset",
        message: `checkModel: ${node.describe()} is of the domain "${node.domain}", which the model does not import`,
        ...where,
      };
    }
    const trouble = node.domain === "" ? findTrouble(model, node) : undefined;
    if (trouble) {
      yield {
        severity: "warning",
        code: "unknown-operator",
        message: `checkModel: ${node.describe()}: ${trouble}`,
        ...where,
      };
    }
    for (const subgraph of listSubgraphs(node)) yield* checkOperators(model, subgraph);
  }
}

function findTrouble(model: Model, { domain, opType }: Node): string | undefined {
  if (model.hasFunction(domain, opType)) return undefined;
  const introduced = introducedIn(opType);
  const withdrawn = withdrawnIn(opType);
  if (introduced === undefined) return `there is no standard operator ${opType}`;
  if (model.opset < introduced) {
    return `${opType} came with opset ${introduced}, the model imports ${model.opset}`;
  }
  if (withdrawn !== undefined && model.opset >= withdrawn) {
    return `${opType} was withdrawn in opset ${withdrawn}, the model imports ${model.opset}`;
  }
  return undefined;
}

const WINDOWED: ReadonlySet<string> = new Set([
  "Conv",
  "ConvTranspose",
  "MaxPool",
  "AveragePool",
  "LpPool",
]);
const CONVOLUTIONS: ReadonlySet<string> = new Set(["Conv", "ConvTranspose"]);
const AUTO_PADS: ReadonlySet<string> = new Set(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", ""]);

/** Attributes of convolutions and pools: against each other and against constant weights. */
export function* checkWindows(graph: Graph): Generator<Issue> {
  for (const node of graph.nodes) {
    if (node.domain === "" && WINDOWED.has(node.opType)) {
      for (const trouble of listWindowTroubles(node)) {
        yield {
          severity: "error",
          code: "invalid-attribute",
          message: `checkModel: ${node.describe()}: ${trouble}`,
          node: node.name || node.key,
        };
      }
    }
    for (const subgraph of listSubgraphs(node)) yield* checkWindows(subgraph);
  }
}

function listWindowTroubles(node: Node): readonly string[] {
  try {
    const weight = CONVOLUTIONS.has(node.opType) ? node.input(1)?.tensor?.dims : undefined;
    return [...windowTroubles(node, weight), ...(weight ? weightTroubles(node, weight) : [])];
  } catch (error) {
    // An attribute of the wrong type.
    if (error instanceof GraphError) return [error.message];
    throw error;
  }
}

function* windowTroubles(node: Node, weight: readonly number[] | undefined): Generator<string> {
  const kernel = node.ints("kernel_shape") ?? weight?.slice(2);
  if (!kernel) {
    if (!CONVOLUTIONS.has(node.opType)) yield "kernel_shape is absent";
    return;
  }
  const lists: readonly (readonly [string, number, number])[] = [
    ["kernel_shape", kernel.length, 1],
    ["strides", kernel.length, 1],
    ["dilations", kernel.length, 1],
    ["pads", 2 * kernel.length, Number.NEGATIVE_INFINITY],
    ["output_padding", kernel.length, 0],
  ];
  for (const [name, length, least] of lists) {
    const given = node.ints(name);
    if (!given) continue;
    if (given.length !== length) {
      yield `${name} = [${given.join(", ")}] should have ${length} entries, as kernel_shape = [${kernel.join(", ")}]`;
    } else if (given.some((entry) => entry < least)) {
      yield `${name} = [${given.join(", ")}] should hold ${least} or more`;
    }
  }
  const autoPad = node.string("auto_pad", "NOTSET");
  if (!AUTO_PADS.has(autoPad)) yield `auto_pad = "${autoPad}" is not known`;
}

function* weightTroubles(node: Node, weight: readonly number[]): Generator<string> {
  const declared = node.ints("kernel_shape");
  const kernel = weight.slice(2);
  const convGroups = node.int("group", 1);
  if (declared && declared.join() !== kernel.join()) {
    yield `kernel_shape = [${declared.join(", ")}], but the weight has [${weight.join(", ")}]`;
  }
  const grouped = weight[0] ?? 0;
  if (convGroups < 1 || grouped % convGroups !== 0) {
    yield `group = ${convGroups} does not divide ${grouped}, the first dim of the weight`;
  }
  const bias = node.input(2)?.tensor?.dims;
  const outputCount = node.opType === "Conv" ? grouped : (weight[1] ?? 0) * convGroups;
  if (bias && (bias.length !== 1 || bias[0] !== outputCount)) {
    yield `the bias has dims [${bias.join(", ")}], but there are ${outputCount} output channels`;
  }
}

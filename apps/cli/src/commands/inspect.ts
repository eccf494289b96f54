import {
  type ChannelGroup,
  computeCost,
  createRandom,
  findChannelGroups,
  type Model,
} from "@ocrslim/graph";
import { type OpTypeProfile, profileModel, randomFeeds } from "@ocrslim/runtime";
import { type Command, type CommandContext, defineCommand } from "../command.ts";
import { flag } from "../options/option.ts";
import { type ShapeFlags, shapeOptions, toInputShapes } from "../options/shape-options.ts";
import { formatBytes, formatCount, formatMilliseconds, formatPercent } from "../output/numbers.ts";
import { formatFacts, formatTable } from "../output/table.ts";
import { createRuntimeFor, type ModelFile, readModelFile } from "../pipeline/models.ts";

interface InspectOptions extends ShapeFlags {
  profile: boolean;
}

interface PortDescription {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly (number | string)[];
}

function describePorts(values: Model["graph"]["inputs"]): PortDescription[] {
  return values
    .filter((value) => !value.isInitializer)
    .map(({ name, type }) => ({
      name,
      dtype: type?.kind === "tensor" ? type.dtype : "undefined",
      shape: type?.kind === "tensor" ? (type.shape ?? []).map((dim) => dim ?? "?") : [],
    }));
}

/** The document that `--json` prints. */
function describe(
  file: ModelFile,
  inputShapes: Readonly<Record<string, readonly number[]>>,
  groups: readonly ChannelGroup[],
): Readonly<Record<string, unknown>> {
  const { model } = file;
  const cost = computeCost(model, { inputShapes });
  const opTypes: Record<string, number> = {};
  for (const node of model.graph.nodes) opTypes[node.opType] = (opTypes[node.opType] ?? 0) + 1;
  return {
    path: file.name,
    irVersion: model.irVersion,
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(" "),
    opsets: Object.fromEntries(
      [...model.opsetImports].map(([domain, version]) => [domain || "ai.onnx", version]),
    ),
    inputs: describePorts(model.graph.inputs),
    outputs: describePorts(model.graph.outputs),
    nodes: [...model.graph.nodes].length,
    opTypes,
    parameters: cost.parameters,
    macs: cost.macs,
    bytes: file.bytes,
    activationBytes: cost.activationBytes,
    inputShapes,
    groups: groups.map((group) => ({
      id: group.id,
      width: group.width,
      members: group.members.map(({ value, axis, role }) => ({ value, axis, role })),
      ...(group.blocked === undefined ? {} : { blocked: group.blocked }),
    })),
  };
}

function formatPorts(ports: readonly PortDescription[]): string {
  return ports.map((port) => `${port.name} ${port.dtype} [${port.shape.join(", ")}]`).join("; ");
}

function printSummary(
  context: CommandContext,
  file: ModelFile,
  inputShapes: Readonly<Record<string, readonly number[]>>,
): void {
  const { model } = file;
  const cost = computeCost(model, { inputShapes });
  const shapes = Object.entries(inputShapes).map(([name, dims]) => `${name} ${dims.join("×")}`);
  context.print(
    formatFacts([
      ["file", `${file.name}, ${formatBytes(file.bytes)}`],
      ["opsets", [...model.opsetImports].map(([d, v]) => `${d || "ai.onnx"} ${v}`).join(", ")],
      ["producer", [model.producerName, model.producerVersion].filter(Boolean).join(" ") || "–"],
      ["inputs", formatPorts(describePorts(model.graph.inputs))],
      ["outputs", formatPorts(describePorts(model.graph.outputs))],
      ["nodes", String([...model.graph.nodes].length)],
      ["parameters", formatCount(cost.parameters)],
      ["MACs", `${formatCount(cost.macs)} at ${shapes.join(", ")}`],
      ["activations", `${formatBytes(cost.activationBytes)} in all`],
    ]),
  );
}

function printGroups(context: CommandContext, groups: readonly ChannelGroup[]): void {
  const open = groups.filter((group) => group.blocked === undefined);
  const blocked = groups.filter((group) => group.blocked !== undefined);
  const rows = open.map((group) => [
    group.id,
    String(group.width),
    String(group.members.filter((member) => member.role === "producer").length),
    String(group.members.filter((member) => member.role === "consumer").length),
    String(group.members.length),
  ]);
  context.print(`\n${open.length} channel groups that can be pruned`);
  if (rows.length > 0) {
    context.print(
      formatTable(
        [
          { title: "group" },
          { title: "width", align: "right" },
          { title: "producers", align: "right" },
          { title: "consumers", align: "right" },
          { title: "members", align: "right" },
        ],
        rows,
      ),
    );
  }
  if (blocked.length === 0) return;
  context.print(`\n${blocked.length} blocked`);
  context.print(
    formatTable(
      [{ title: "group" }, { title: "width", align: "right" }, { title: "why" }],
      blocked.map((group) => [group.id, String(group.width), group.blocked ?? ""]),
    ),
  );
}

/** Time by operator, as a table. */
export function formatProfile(opTypes: readonly OpTypeProfile[]): string {
  return formatTable(
    [
      { title: "operator" },
      { title: "nodes", align: "right" },
      { title: "time", align: "right" },
      { title: "share", align: "right" },
    ],
    opTypes.map((entry) => [
      entry.opType,
      String(entry.count),
      formatMilliseconds(entry.meanMs),
      formatPercent(entry.share, 1),
    ]),
  );
}

/** `ocrslim inspect MODEL` */
export const inspect: Command = defineCommand<InspectOptions>({
  name: "inspect",
  summary: "Shows what a model is: size, cost, channel groups, and why a blocked one is blocked.",
  arguments: [{ syntax: "<model>", description: "An ONNX file." }],
  options: {
    ...shapeOptions,
    profile: { flags: "--profile", description: "Also where the time goes.", schema: flag() },
  },
  async run(context, args, options) {
    const file = await readModelFile(context, args[0] ?? "");
    const inputShapes = toInputShapes(file.model, options);
    const groups = findChannelGroups(file.model, { inputShapes });
    const profile = options.profile
      ? await profileModel(createRuntimeFor(context), file.model, {
          ...context.runOptions(),
          feeds: randomFeeds(file.model, inputShapes, createRandom(context.seed)),
        })
      : undefined;
    printSummary(context, file, inputShapes);
    if (profile) context.print(`\n${formatProfile(profile.opTypes)}`);
    printGroups(context, groups);
    context.printJson({
      ...describe(file, inputShapes, groups),
      ...(profile ? { profile: { totalMs: profile.totalMs, opTypes: profile.opTypes } } : {}),
    });
  },
});

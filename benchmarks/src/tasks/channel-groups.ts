import { type ChannelGroup, findChannelGroups, type Model, readModel } from "@ocrslim/graph";
import type { Benchmark } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";
import { median, timeRounds } from "../harness/time-rounds.ts";
import { squareInputs } from "../support/models.ts";

const TIME = {
  name: "groups/det-time",
  label: "PP-OCRv4 det: shapes and channel groups (Torch-Pruning 240 ms)",
  unit: "ms",
  direction: "at-most",
  goal: 25,
} as const;
const COVERED = {
  name: "groups/det-covered",
  label: "PP-OCRv4 det: fraction of Conv and ConvTranspose outputs in a group",
  unit: "",
  direction: "at-least",
  goal: 1,
} as const;
const BLOCKED = {
  name: "groups/det-blocked",
  label: "PP-OCRv4 det: blocked groups other than the graph's input and output",
  unit: "groups",
  direction: "at-most",
  goal: 0,
} as const;

/** Outputs of convolutions, and how many of them have their channels in a group. */
function countCovered(model: Model, groups: readonly ChannelGroup[]): readonly [number, number] {
  const covered = new Set<string>();
  for (const { members } of groups) {
    for (const { value, axis, role } of members) {
      if (role === "activation" && axis === 1) covered.add(value);
    }
  }
  let outputs = 0;
  let found = 0;
  for (const { opType, output } of model.graph.nodes) {
    if (opType !== "Conv" && opType !== "ConvTranspose") continue;
    outputs++;
    if (covered.has(output.name)) found++;
  }
  return [outputs, found];
}

/** Whether the channels are those of a graph input or output, which nobody may remove. */
function isBoundary(model: Model, { members }: ChannelGroup): boolean {
  return members.some(({ value: name }) => {
    const value = model.graph.value(name);
    return value?.isGraphOutput || (value?.isGraphInput && !value.isInitializer);
  });
}

export const channelGroups: Benchmark = {
  name: "channel-groups",
  group: "groups",
  figures: [TIME, COVERED, BLOCKED],
  async run({ detector }) {
    const model = await readModel(detector);
    const inputShapes = squareInputs(model);
    const [times = []] = await timeRounds([() => findChannelGroups(model, { inputShapes })], {
      rounds: 50,
      warmup: 20,
    });
    const groups = findChannelGroups(model, { inputShapes });
    const [outputs, covered] = countCovered(model, groups);
    const blocked = groups.filter(
      (group) => group.blocked !== undefined && !isBoundary(model, group),
    );
    return [
      toFigure(TIME, median(times), times.length),
      toFigure(COVERED, covered / outputs, outputs),
      toFigure(BLOCKED, blocked.length, groups.length),
    ];
  },
};

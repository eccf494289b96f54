import {
  cloneModel,
  computeCost,
  createRandom,
  findChannelGroups,
  type Model,
  readModel,
  transform,
} from "@ocrslim/graph";
import { calibrationCrops, readDataset } from "@ocrslim/ocr-det";
import {
  analyzeReconstruction,
  budget,
  planPruning,
  pruneChannels,
  reconstruct,
  reconstruction,
} from "@ocrslim/prune";
import type { Feeds } from "@ocrslim/runtime";
import type { BenchmarkContext } from "../harness/benchmark.ts";
import { type LabelledSet, labelFile } from "./labelled-sets.ts";
import { readSimplified, squareInputs } from "./models.ts";
import { UP_TO_960 } from "./pages.ts";

/** Crops of each set's training pages; the pages that are measured are others. */
const CROPS = 16;

/** Where the training pages of a set are listed. */
export function trainingFile(context: BenchmarkContext, set: LabelledSet): string {
  return labelFile(context, set).replace("val.txt", "train.txt");
}

/** A detector that was analysed, ready to be pruned. */
export interface RefitSource {
  readonly original: Model;
  readonly teacher: Model;
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  /** MACs of the original. */
  readonly macs: number;
  /** What the analysis took. */
  readonly seconds: number;
  /** Prunes to a fraction of the original's MACs and refits every layer. */
  refit(kept: number): Promise<Model>;
}

/** Reads the detector and analyses it on crops of the sets' training pages. */
export async function analyzeDetector(
  context: BenchmarkContext,
  sets: readonly LabelledSet[],
): Promise<RefitSource> {
  const { runtime, detector } = context;
  const original = await readModel(detector);
  const teacher = await readSimplified(detector);
  const inputShapes = squareInputs(original);
  const groups = findChannelGroups(teacher, { inputShapes });
  const macs = computeCost(original, { inputShapes }).macs;
  const full = computeCost(teacher, { inputShapes }).macs;
  const feeds = await trainingCrops(context, sets, original.graph.inputs[0]?.name ?? "");
  const start = performance.now();
  const analysis = await analyzeReconstruction(teacher, { groups, inputShapes, feeds, runtime });
  const seconds = (performance.now() - start) / 1000;
  return {
    original,
    teacher,
    inputShapes,
    macs,
    seconds,
    async refit(kept) {
      const plan = planPruning(teacher, {
        groups,
        inputShapes,
        criterion: reconstruction(analysis),
        allocation: budget({ macs: (kept * macs) / full }, { losses: analysis.curves }),
        channelMultiple: 8,
        minimumKept: 0.25,
      });
      const student = cloneModel(teacher);
      await transform(student, [
        pruneChannels({ plan }),
        reconstruct({ teacher, plan, groups, feeds, runtime }),
      ]);
      return student;
    },
  };
}

async function trainingCrops(
  context: BenchmarkContext,
  sets: readonly LabelledSet[],
  input: string,
): Promise<Feeds[]> {
  const feeds: Feeds[] = [];
  for (const set of sets) {
    const { samples } = await readDataset(trainingFile(context, set));
    const crops = calibrationCrops(samples.slice(0, CROPS), {
      resize: UP_TO_960,
      perImage: 1,
      random: createRandom(1),
    });
    for await (const crop of crops) feeds.push({ [input]: crop });
  }
  return feeds;
}

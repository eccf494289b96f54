import {
  type ChannelGroup,
  findChannelGroups,
  type Model,
  type SkippedGroup,
} from "@ocrslim/graph";
import { decodeImage, preprocess, type Sample } from "@ocrslim/ocr-det";
import { hashModel, listPoints, type PointSpec, type ReportHead } from "@ocrslim/sensitivity";
import { CliError } from "../../cli-error.ts";
import type { DetectionSettings } from "../../options/detection-options.ts";
import type { CriterionName } from "../criteria.ts";
import { imageInputOf } from "../detection.ts";
import { fingerprint } from "../fingerprint.ts";

/** What the command line calls its metrics. */
export const metricNames = ["agreement", "hmean", "map"] as const;

/** One of {@link metricNames}. */
export type MetricName = (typeof metricNames)[number];

/** What the command line calls its ways to find losses. */
export const methodNames = ["ablation", "output-distance", "fisher"] as const;

/** One of {@link methodNames}. */
export type MethodName = (typeof methodNames)[number];

/** Everything that the losses depend on, beside the model and the images. JSON. */
export interface SweepSettings {
  readonly method: MethodName;
  /** What an ablation measures. */
  readonly metric: MetricName;
  readonly criterion: CriterionName;
  /** Whether the means of removed channels go into biases. */
  readonly compensate: boolean;
  readonly channelMultiple: number;
  /** Loss of which only the side is asked; without it, losses are measured. */
  readonly maximumLoss?: number;
  readonly detection: DetectionSettings;
  readonly seed: number;
}

/** A model, the images that it is measured on, and how. */
export interface SweepInputs {
  readonly model: Model;
  readonly samples: readonly Sample[];
  readonly settings: SweepSettings;
  /** All groups of the model. */
  readonly groups: readonly ChannelGroup[];
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
}

/**
 * Finds the groups at the size of the first image.
 * @throws CliError `unsuitable-data` if the metric needs labels that are not there, or there is no
 * image.
 */
export async function prepareSweep(
  model: Model,
  samples: readonly Sample[],
  settings: SweepSettings,
): Promise<SweepInputs> {
  const [first] = samples;
  if (!first) throw new CliError("unsuitable-data", "--data holds no image");
  const unlabelled = samples.find((sample) => sample.regions === undefined);
  if (settings.method === "ablation" && settings.metric === "hmean" && unlabelled) {
    throw new CliError(
      "unsuitable-data",
      `--metric hmean: ${unlabelled.imagePath} has no labels; give a label file, or take agreement`,
    );
  }
  const { resize, normalize } = settings.detection;
  const { input } = preprocess(await decodeImage(first.imagePath), resize, normalize);
  const inputShapes = { [imageInputOf(model)]: [...input.dims] };
  const groups = findChannelGroups(model, { inputShapes });
  return { model, samples, settings, groups, inputShapes };
}

/** What a sensitivity file says of a sweep. */
export async function createHead(inputs: SweepInputs): Promise<ReportHead> {
  const { model, samples, settings, inputShapes } = inputs;
  const { method, metric, criterion, compensate, channelMultiple, detection, seed } = settings;
  return {
    formatVersion: 1,
    metric: method === "ablation" ? metric : method,
    modelHash: await hashModel(model),
    criterion: compensate ? `${criterion} with means` : criterion,
    dataFingerprint: fingerprint([samples.map(({ id }) => id), detection, seed]),
    inputShapes,
    relativeTo: "baseline",
    channelMultiple,
  };
}

/** The groups that are measured, and why the others are not. */
export interface ChosenPoints {
  readonly groups: readonly ChannelGroup[];
  readonly points: readonly PointSpec[];
  readonly skipped: readonly SkippedGroup[];
}

/**
 * Lists the points of some groups, by id; of none, those of all.
 * @throws CliError `invalid-option` for a group that the model does not have.
 */
export function choosePoints(
  { groups: all, settings }: SweepInputs,
  ids: readonly string[],
  ratios: readonly number[],
): ChosenPoints {
  for (const id of ids) {
    if (all.some((group) => group.id === id)) continue;
    throw new CliError(
      "invalid-option",
      `--groups ${id}: the model has no such channel group; inspect lists them`,
    );
  }
  const groups = ids.length === 0 ? all : all.filter(({ id }) => ids.includes(id));
  return {
    groups,
    points: listPoints(groups, ratios, settings.channelMultiple),
    skipped: groups.flatMap(({ id, width, blocked }) => {
      if (blocked !== undefined) return [{ group: id, reason: blocked }];
      return width < 2 ? [{ group: id, reason: "it has a single channel" }] : [];
    }),
  };
}

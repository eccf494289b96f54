import type { LossCurve, SkippedGroup } from "@ocrslim/graph";

/** What a model measures, whatever it finds. */
export interface CostMeasures {
  readonly nodes: number;
  /** At the input shape that latency was measured at. */
  readonly macs: number;
  readonly parameters: number;
  /** Size of the file. */
  readonly bytes: number;
  readonly medianMs: number;
}

/** What a detector measures. */
export interface Measures extends CostMeasures {
  /** hmean on the labelled evaluation images, 0–1; absent without labels. */
  readonly hmean?: number;
  readonly precision?: number;
  readonly recall?: number;
  /** hmean of the detections against the original model's own, 0–1. */
  readonly agreement: number;
}

/** What a data set that was only measured gave. */
export interface AlsoMeasured {
  readonly source: string;
  readonly images: number;
  readonly before: { readonly hmean?: number; readonly agreement: number };
  readonly after: { readonly hmean?: number; readonly agreement: number };
}

/** A plan that was tried on the way to the budget. */
export interface Trial {
  /** Kept fraction of the simplified model's MACs. */
  readonly macsRatio: number;
  /** Agreement with the original on the calibration images, 0–1. */
  readonly agreement?: number;
  /** Latency over the original's. */
  readonly latencyRatio?: number;
  readonly chosen: boolean;
  /** Whether no other trial is both faster and in better agreement. */
  readonly onFront: boolean;
}

/** What was asked for and what came out. */
export interface BudgetOutcome {
  readonly kind: "macs" | "parameters" | "latency" | "max-loss";
  readonly wanted: number;
  readonly reached: number;
  readonly met: boolean;
  /** In words, if it was not met. */
  readonly reason?: string;
}

/** Time by operator. */
export interface OpTypeShare {
  readonly opType: string;
  readonly count: number;
  readonly meanMs: number;
}

/** A picture with its detections, by file name within the run folder. */
export interface PicturePair {
  readonly image: string;
  readonly before: string;
  readonly after: string;
  readonly detectionsBefore: number;
  readonly detectionsAfter: number;
}

/** `report.json` of a run folder: all that the HTML report shows. */
export interface CompressReport {
  readonly formatVersion: 1;
  readonly version: string;
  readonly model: string;
  readonly before: Measures;
  /** After the lossless transforms only, which are checked by its maps. */
  readonly simplified: CostMeasures;
  readonly after: Measures;
  /** after / before. */
  readonly ratios: {
    readonly latency: number;
    readonly macs: number;
    readonly parameters: number;
    readonly bytes: number;
  };
  /** Relative loss of hmean if there are labels, else of agreement. */
  readonly loss: number;
  readonly lossOf: "hmean" | "agreement";
  /** Whether the slim model measured slower than the original. */
  readonly slower: boolean;
  readonly budget: BudgetOutcome;
  readonly seconds: number;
  readonly files: Readonly<Record<string, string>>;
  readonly data: {
    readonly sources: readonly string[];
    readonly seed: number;
    readonly calibration: readonly string[];
    readonly evaluation: readonly string[];
    readonly labelled: boolean;
    readonly sensitivityImages: number;
  };
  readonly alsoMeasured: readonly AlsoMeasured[];
  readonly latency: {
    readonly inputShape: readonly number[];
    readonly threads: number | undefined;
    readonly rounds: number;
    /** simplified / before. */
    readonly simplifiedRatio: number;
  };
  readonly groups: readonly {
    readonly id: string;
    readonly width: number;
    readonly kept: number;
  }[];
  readonly curves: readonly LossCurve[];
  /** What the curves' loss is a loss of. */
  readonly curveMetric: string;
  readonly skipped: readonly SkippedGroup[];
  readonly trials: readonly Trial[];
  readonly profile: {
    readonly before: readonly OpTypeShare[];
    readonly simplified: readonly OpTypeShare[];
    readonly after: readonly OpTypeShare[];
  };
  readonly pictures: readonly PicturePair[];
  readonly machine: Readonly<Record<string, string | number>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
}

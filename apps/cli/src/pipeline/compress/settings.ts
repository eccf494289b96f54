import type { Sample } from "@ocrslim/ocr-det";
import type { Runtime } from "@ocrslim/runtime";
import type { CommandContext } from "../../command.ts";
import type { DetectionSettings } from "../../options/detection-options.ts";
import type { CriterionName } from "../criteria.ts";
import type { Images } from "../data.ts";
import type { FitName } from "../fit-model.ts";
import type { ModelFile } from "../models.ts";
import type { RecoveryName } from "./recovery.ts";
import type { RunLog } from "./run-log.ts";

/** What is wanted: a budget, a largest loss, or both. */
export interface Target {
  readonly kind: "macs" | "parameters" | "latency" | undefined;
  /** Kept fraction of the original. */
  readonly wanted: number;
  /** Largest relative loss; `undefined`: any. */
  readonly maximumLoss: number | undefined;
}

/** What all steps of a compression share. */
export interface CompressSettings {
  readonly context: CommandContext;
  readonly log: RunLog;
  readonly runtime: Runtime;
  readonly original: ModelFile;
  /** Run folder, absolute. */
  readonly folder: string;
  readonly detection: DetectionSettings;
  /** Shapes at which groups are found, costs counted and latency measured. */
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly calibration: readonly Sample[];
  readonly evaluation: readonly Sample[];
  /** Images that fine-tuning may learn from: none of those that evaluate. */
  readonly training: readonly Sample[];
  /** How long to fine-tune; 0: not at all. */
  readonly finetuneMinutes: number;
  readonly alsoMeasure: readonly Images[];
  /** Names of the sources of `--data`: kinds of images. */
  readonly sources: readonly string[];
  /** Crops of the calibration images that a refit is fitted on. */
  readonly crops: number;
  readonly target: Target;
  /** Whether the latency table of this machine is measured anew. */
  readonly remeasure: boolean;
  /** What the slim model is brought into form for. */
  readonly fit: FitName;
  readonly recovery: RecoveryName;
  /** For recovery by means. */
  readonly criterion: CriterionName;
  readonly channelMultiple: number;
  readonly sensitivityImages: number;
  /** Longest side of the pictures for the sensitivity analysis, pixels. */
  readonly sensitivitySize: number;
  /** Rounds of the final latency measurement. */
  readonly rounds: number;
}

import { type ReadDatasetOptions, readDataset } from "../data/read-dataset.ts";
import type { Sample } from "../data/region.ts";
import { assertOption } from "./check-option.ts";
import {
  type DetectionBatches,
  type DetectionBatchOptions,
  detectionBatches,
} from "./detection-batches.ts";

/**
 * Options of {@link createDetectionData}. They are plain data, so that they can be written as JSON
 * or sent to a worker thread, which then makes the same batches.
 */
export interface DetectionDataOptions extends DetectionBatchOptions, ReadDatasetOptions {
  /** Label files or folders as {@link readDataset} takes them; `limit` counts for each. */
  readonly sources: readonly string[];
}

/**
 * Reads labelled data sets, one after the other, and returns batches of their images.
 *
 * @throws OcrDetError as {@link readDataset} and {@link detectionBatches} do.
 */
export async function createDetectionData(
  options: DetectionDataOptions,
): Promise<DetectionBatches> {
  const { sources, imageRoot, limit, ...batchOptions } = options;
  assertOption(sources.length > 0, "createDetectionData: sources is empty; give a data set");
  const readOptions = {
    ...(imageRoot === undefined ? {} : { imageRoot }),
    ...(limit === undefined ? {} : { limit }),
  };
  const samples: Sample[] = [];
  for (const source of sources) samples.push(...(await readDataset(source, readOptions)).samples);
  return detectionBatches(samples, batchOptions);
}

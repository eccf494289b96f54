import type { Model } from "@ocrslim/graph";
import {
  createPostprocessor,
  decodeImage,
  type ImageMatch,
  matchDetections,
  preprocess,
  type Sample,
  summarizeMatches,
} from "@ocrslim/ocr-det";
import type { ImageMetric } from "@ocrslim/sensitivity";
import { UP_TO_960 } from "./pages.ts";

/** Counts the boxes of labelled pages, as PaddleOCR evaluates detectors. To be disposed of. */
export interface HmeanMetric extends ImageMetric<ImageMatch>, Disposable {}

/** The hmean of a detector with one input on pages of at most 960 pixels. */
export async function createHmeanMetric(
  model: Model,
  samples: readonly Sample[],
): Promise<HmeanMetric> {
  const postprocessor = await createPostprocessor({});
  const input = model.graph.inputs.find((value) => !value.isInitializer)?.name ?? "";
  const extents = new Map<number, { readonly height: number; readonly width: number }>();
  return {
    name: "hmean",
    images: samples.length,
    async feeds(image) {
      const page = preprocess(await decodeImage(samples[image]?.imagePath ?? ""), UP_TO_960);
      extents.set(image, { height: page.extentHeight, width: page.extentWidth });
      return { [input]: page.input };
    },
    score(image, outputs) {
      const [map] = Object.values(outputs);
      const [, , height = 0, width = 0] = map?.dims ?? [];
      const extent = extents.get(image);
      if (!(map?.data instanceof Float32Array) || !extent) {
        throw new TypeError(`hmean: page ${image} was not fed, or its output is no float32 map`);
      }
      const found = postprocessor.run(map.data, height, width, extent.height, extent.width);
      return matchDetections(samples[image]?.regions ?? [], found);
    },
    combine: (scores) => summarizeMatches(scores).hmean,
    [Symbol.dispose]: () => postprocessor.dispose(),
  };
}

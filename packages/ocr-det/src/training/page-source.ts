import type { RuntimeTensor } from "@ocrslim/runtime";
import type { Sample } from "../data/region.ts";
import { OcrDetError } from "../errors.ts";
import type { BgrImage } from "../images/bgr-image.ts";
import { decodeImage } from "../images/decode.ts";
import {
  assertResizeOptions,
  computeResize,
  type ResizeOptions,
} from "../preprocess/compute-resize.ts";
import {
  NORMALIZE_DEFAULTS,
  type NormalizeOptions,
  normalizeImage,
} from "../preprocess/normalize.ts";
import { resizeBilinear } from "../preprocess/resize-bilinear.ts";

/** A page at the size that the detector sees it, and what the teacher sees on it. */
export interface TrainingPage {
  readonly image: BgrImage;
  /** The teacher's probability map, [height, width], 0 to 255. */
  readonly map: Uint8Array | undefined;
}

/** Gives a detector's probability map, `[1, 1, H, W]`, of an input, float32 `[1, 3, H, W]`. */
export type Teacher = (input: RuntimeTensor) => Promise<RuntimeTensor>;

/** Options of {@link createPageSource}. */
export interface PageSourceOptions {
  /** As for detection. */
  readonly resize: ResizeOptions;
  /** Default: {@link NORMALIZE_DEFAULTS}. */
  readonly normalize?: NormalizeOptions;
  /** Default: none; pages have no map. */
  readonly teacher?: Teacher;
  /** Memory for pages that were used before, bytes. Default: 1 GiB. */
  readonly cacheBytes?: number;
}

/** Pages by number, decoded, resized and seen by the teacher once as long as memory allows. */
export interface PageSource {
  /** Number of pages. */
  readonly size: number;
  /** @throws OcrDetError what `decodeImage` throws; `invalid-map` if the teacher's map is of another size. */
  page(index: number): Promise<TrainingPage>;
}

/**
 * Creates a source of training pages. The teacher runs once for each page rather than once for each
 * crop of it; its map is kept with 8 bits, which is finer than what its own noise allows to tell.
 * @throws OcrDetError `invalid-option`.
 */
export function createPageSource(
  samples: readonly Pick<Sample, "imagePath">[],
  options: PageSourceOptions,
): PageSource {
  const { resize, normalize = NORMALIZE_DEFAULTS, teacher, cacheBytes = 2 ** 30 } = options;
  assertResizeOptions(resize);
  if (!(cacheBytes >= 0)) {
    throw new OcrDetError(
      "invalid-option",
      `createPageSource: cacheBytes is ${cacheBytes}; give a number of bytes, 0 or more`,
    );
  }
  const cache = new Map<number, TrainingPage>();
  const underWay = new Map<number, Promise<TrainingPage>>();
  let used = 0;

  const read = async (index: number): Promise<TrainingPage> => {
    const imagePath = samples[index]?.imagePath;
    if (imagePath === undefined) {
      throw new OcrDetError(
        "invalid-option",
        `createPageSource: there is no page ${index}; there are ${samples.length}`,
      );
    }
    const source = await decodeImage(imagePath);
    const { height, width } = computeResize(source.height, source.width, resize);
    const image = resizeBilinear(source, height, width);
    const map = teacher && (await seeMap(teacher, image, normalize, imagePath));
    return { image, map };
  };
  const keep = (index: number, page: TrainingPage): void => {
    const size = sizeOf(page);
    if (size > cacheBytes) return;
    cache.set(index, page);
    used += size;
    // Those used longest ago go first.
    for (const [oldest, old] of cache) {
      if (used <= cacheBytes) break;
      cache.delete(oldest);
      used -= sizeOf(old);
    }
  };
  return {
    size: samples.length,
    page(index) {
      const cached = cache.get(index);
      if (cached) {
        cache.delete(index);
        cache.set(index, cached);
        return Promise.resolve(cached);
      }
      const started = underWay.get(index);
      if (started) return started;
      const task = read(index)
        .then((page) => {
          keep(index, page);
          return page;
        })
        .finally(() => underWay.delete(index));
      underWay.set(index, task);
      return task;
    },
  };
}

const sizeOf = ({ image, map }: TrainingPage): number => image.data.length + (map?.length ?? 0);

async function seeMap(
  teacher: Teacher,
  image: BgrImage,
  normalize: NormalizeOptions,
  file: string,
): Promise<Uint8Array> {
  const { height, width } = image;
  const { dims, data } = await teacher({
    dtype: "float32",
    dims: [1, 3, height, width],
    data: normalizeImage(image, normalize),
  });
  if (!(data instanceof Float32Array) || data.length !== height * width) {
    throw new OcrDetError(
      "invalid-map",
      `createPageSource: the teacher gives a map [${dims.join(", ")}] for ${file} at ${height} × ${width}; it must give one probability for each pixel`,
      { file },
    );
  }
  return Uint8Array.from(data, (probability) => Math.round(probability * 255));
}

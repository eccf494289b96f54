import type { RuntimeTensor, Session, SessionPort } from "@ocrslim/runtime";
import { OcrDetError } from "../errors.ts";
import type { BgrImage } from "../images/bgr-image.ts";
import { decodeImage } from "../images/decode.ts";
import type { PostprocessOptions } from "../postprocess/options.ts";
import { createPostprocessor, type Detection } from "../postprocess/postprocessor.ts";
import {
  assertResizeOptions,
  DEFAULT_RESIZE,
  type ResizeOptions,
} from "../preprocess/compute-resize.ts";
import { NORMALIZE_DEFAULTS, type NormalizeOptions } from "../preprocess/normalize.ts";
import { type PreprocessedImage, preprocess } from "../preprocess/preprocess.ts";

/** What a detector consists of. */
export interface DetectorOptions {
  /** A loaded detection model. It stays the caller's: the detector does not dispose of it. */
  readonly session: Session;
  /** Default: {@link DEFAULT_RESIZE}. */
  readonly resize?: ResizeOptions;
  /** Default: {@link NORMALIZE_DEFAULTS}. */
  readonly normalize?: NormalizeOptions;
  /** Default: {@link POSTPROCESS_DEFAULTS}. */
  readonly postprocess?: Partial<PostprocessOptions>;
}

/** Where the time of one image went. Reading and decoding the file is not counted. */
export interface StageMilliseconds {
  /** Resizing and normalizing. */
  readonly preprocess: number;
  readonly forward: number;
  readonly postprocess: number;
}

/** A map of text probabilities. */
export interface ProbabilityMap {
  /** `[height, width]`, 0–1. */
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
}

export interface DetectionResult {
  readonly detections: readonly Detection[];
  readonly millisecondsPerImage: StageMilliseconds;
  readonly map: ProbabilityMap;
}

/** Finds text in images with one model. Dispose of it; the session stays open. */
export interface Detector {
  /**
   * Returns the text outlines in an image, or in the image file at a path.
   *
   * @throws OcrDetError as {@link decodeImage}; `unsupported-model` if the image does not fit the
   * model's input or the output is no map.
   */
  detect(image: BgrImage | string): Promise<DetectionResult>;
  /** Returns the model's output for an image alone. */
  probabilityMap(image: BgrImage | string): Promise<ProbabilityMap>;
  /** Frees what the detector itself holds; safe to call twice. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Returns a detector around a session: one float32 image input `[1, 3, H, W]`; the output is the
 * session's only one, or the first of rank 4 with one channel.
 *
 * @throws OcrDetError `unsupported-model`, `invalid-option`.
 */
export async function createDetector(options: DetectorOptions): Promise<Detector> {
  const { session, resize = DEFAULT_RESIZE, normalize = NORMALIZE_DEFAULTS } = options;
  assertResizeOptions(resize);
  const input = findInput(session.inputs);
  const output = findOutput(session.outputs);
  const postprocessor = await createPostprocessor(options.postprocess);

  const forward = async (prepared: PreprocessedImage): Promise<ProbabilityMap> => {
    assertFits(input, prepared.input.dims);
    const fetched = await session.run({ [input.name]: prepared.input }, [output.name]);
    return toMap(output.name, fetched[output.name]);
  };
  return {
    async detect(image) {
      const decoded = typeof image === "string" ? await decodeImage(image) : image;
      const start = performance.now();
      const prepared = preprocess(decoded, resize, normalize);
      const preprocessed = performance.now();
      const map = await forward(prepared);
      const forwarded = performance.now();
      const { extentHeight, extentWidth } = prepared;
      const found = postprocessor.run(map.data, map.height, map.width, extentHeight, extentWidth);
      const detections = cropToSource(found, prepared);
      const end = performance.now();
      return {
        detections,
        millisecondsPerImage: {
          preprocess: preprocessed - start,
          forward: forwarded - preprocessed,
          postprocess: end - forwarded,
        },
        map,
      };
    },
    async probabilityMap(image) {
      const decoded = typeof image === "string" ? await decodeImage(image) : image;
      return forward(preprocess(decoded, resize, normalize));
    },
    dispose: () => postprocessor.dispose(),
    [Symbol.dispose]: () => postprocessor.dispose(),
  };
}

function findInput(inputs: readonly SessionPort[]): SessionPort {
  const [input, ...others] = inputs;
  if (!input || others.length > 0 || input.shape.length !== 4 || input.dtype !== "float32") {
    throw new OcrDetError(
      "unsupported-model",
      `createDetector: the model's inputs are ${describe(inputs)}; it needs exactly one, float32 [1, 3, H, W]`,
    );
  }
  return input;
}

function findOutput(outputs: readonly SessionPort[]): SessionPort {
  const [only, ...others] = outputs;
  const output =
    only && others.length === 0
      ? only
      : outputs.find(({ shape }) => shape.length === 4 && shape[1] === 1);
  if (output?.dtype !== "float32") {
    throw new OcrDetError(
      "unsupported-model",
      `createDetector: the model's outputs are ${describe(outputs)}; it needs a probability map, float32 [1, 1, H, W]`,
    );
  }
  return output;
}

function assertFits(input: SessionPort, dims: readonly number[]): void {
  const fits = input.shape.every(
    (wanted, axis) => typeof wanted !== "number" || wanted < 0 || wanted === dims[axis],
  );
  if (!fits) {
    throw new OcrDetError(
      "unsupported-model",
      `Detector.detect: the model's input "${input.name}" is ${formatShape(input.shape)} and the image was resized to ${formatShape(dims)}; resize with kind "image-shape" to the model's size`,
    );
  }
}

function toMap(name: string, tensor: RuntimeTensor | undefined): ProbabilityMap {
  const [images, channels = 0, height = 0, width = 0] = tensor?.dims ?? [];
  if (
    !(tensor?.data instanceof Float32Array) ||
    tensor.dims.length !== 4 ||
    images !== 1 ||
    channels < 1 ||
    height < 1 ||
    width < 1
  ) {
    throw new OcrDetError(
      "unsupported-model",
      `Detector.detect: output "${name}" is ${tensor?.dtype} ${formatShape(tensor?.dims ?? [])}; a probability map is float32 [1, 1, H, W]`,
    );
  }
  return { data: tensor.data.subarray(0, height * width), height, width };
}

/** Takes what lies in the padding of a tiny image away. */
function cropToSource(found: readonly Detection[], prepared: PreprocessedImage): Detection[] {
  const { sourceHeight, sourceWidth, extentHeight, extentWidth } = prepared;
  if (sourceHeight === extentHeight && sourceWidth === extentWidth) return [...found];
  return found
    .filter(({ points }) => points.some(([x, y]) => x < sourceWidth && y < sourceHeight))
    .map(({ points, score }) => ({
      points: points.map(([x, y]) => [Math.min(x, sourceWidth), Math.min(y, sourceHeight)]),
      score,
    }));
}

const describe = (ports: readonly SessionPort[]): string =>
  ports.map(({ name, dtype, shape }) => `"${name}" ${dtype} ${formatShape(shape)}`).join(", ") ||
  "none";

const formatShape = (shape: readonly (number | string)[]): string => `[${shape.join(", ")}]`;

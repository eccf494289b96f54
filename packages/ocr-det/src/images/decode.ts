import { stat } from "node:fs/promises";
import sharp, { type Sharp } from "sharp";
import { OcrDetError } from "../errors.ts";
import type { BgrImage } from "./bgr-image.ts";

export interface DecodeOptions {
  /** Images of more pixels are refused before they are decoded. Default: 100 million. */
  readonly maximumPixels?: number;
}

export const DECODE_DEFAULTS: Required<DecodeOptions> = { maximumPixels: 100_000_000 };

/**
 * Decodes a JPEG, PNG, WebP, TIFF, GIF or AVIF file, or its bytes, as OpenCV's
 * `imread(IMREAD_COLOR)` does: rotated as EXIF says, alpha dropped (not blended), grey repeated to
 * three channels, 16 bits cut to the upper 8, CMYK by `K − ((255 − C) · K >> 8)`, colour profiles
 * not applied, the first page of several.
 *
 * @throws OcrDetError `file-not-found`, `empty-file`, `not-an-image`, `image-too-large`.
 */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<BgrImage> {
  const limit = options.maximumPixels ?? DECODE_DEFAULTS.maximumPixels;
  const name = typeof source === "string" ? source : `${source.byteLength} bytes`;
  const details = typeof source === "string" ? { file: source } : {};
  await assertReadable(source, name, details);
  const input = {
    autoOrient: true,
    failOn: "error",
    ignoreIcc: true,
    limitInputPixels: false,
    sequentialRead: true,
  } as const;
  try {
    const { width, height, space, channels } = await sharp(source, input).metadata();
    if (width * height > limit) {
      throw new OcrDetError(
        "image-too-large",
        `decodeImage: ${name} has ${width} × ${height} pixels, more than ${limit}; raise maximumPixels if it is to be trusted`,
        details,
      );
    }
    const decoded = sharp(source, { ...input, limitInputPixels: limit });
    if (space === "cmyk" && channels >= 4) return await decodeCmyk(decoded, source);
    const { data, info } = await decoded
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: toBgr(data, info.channels) };
  } catch (cause) {
    if (cause instanceof OcrDetError) throw cause;
    const reason = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : String(cause);
    throw new OcrDetError(
      "not-an-image",
      `decodeImage: ${name} cannot be decoded (${reason}); give a JPEG, PNG, WebP, TIFF, GIF or AVIF image`,
      { ...details, cause },
    );
  }
}

async function assertReadable(
  source: string | Uint8Array,
  name: string,
  details: { readonly file?: string },
): Promise<void> {
  let size: number;
  if (typeof source === "string") {
    const status = await stat(source).catch(() => undefined);
    if (!status?.isFile()) {
      throw new OcrDetError(
        "file-not-found",
        `decodeImage: there is no file ${name}; check the path`,
        details,
      );
    }
    size = status.size;
  } else {
    size = source.byteLength;
  }
  if (size === 0) {
    throw new OcrDetError("empty-file", `decodeImage: ${name} is empty; give an image`, details);
  }
}

function toBgr(data: Uint8Array, channels: number): Uint8Array {
  const pixels = data.length / channels;
  if (channels === 3) {
    for (let at = 0; at < data.length; at += 3) {
      const red = data[at] ?? 0;
      data[at] = data[at + 2] ?? 0;
      data[at + 2] = red;
    }
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const result = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const grey = data[pixel * channels] ?? 0;
    result.fill(grey, pixel * 3, pixel * 3 + 3);
  }
  return result;
}

/** libvips hands CMYK over with 255 = full ink; OpenCV's formula takes it as JPEG stores it. */
async function decodeCmyk(decoded: Sharp, source: string | Uint8Array): Promise<BgrImage> {
  const { data, info } = await decoded
    .pipelineColourspace("cmyk")
    .toColourspace("cmyk")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.channels < 4) {
    throw new OcrDetError("not-an-image", `decodeImage: ${String(source)} has too few channels`);
  }
  const result = new Uint8Array(info.width * info.height * 3);
  for (let from = 0, to = 0; to < result.length; from += info.channels, to += 3) {
    const key = 255 - (data[from + 3] ?? 0);
    for (let ink = 0; ink < 3; ink += 1) {
      result[to + 2 - ink] = key - (((data[from + ink] ?? 0) * key) >> 8);
    }
  }
  return { width: info.width, height: info.height, data: result };
}

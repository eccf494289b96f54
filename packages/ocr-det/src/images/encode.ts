import { extname } from "node:path";
import sharp, { type Sharp } from "sharp";
import { OcrDetError } from "../errors.ts";
import type { BgrImage } from "./bgr-image.ts";
import { writeFileSafely } from "./write-file.ts";

/** Returns the image as a PNG file. */
export async function encodePng(image: BgrImage): Promise<Uint8Array> {
  return toSharp(image).png().toBuffer();
}

const ENCODERS: ReadonlyMap<string, (image: Sharp) => Sharp> = new Map([
  [".png", (image: Sharp) => image.png()],
  [".jpg", (image: Sharp) => image.jpeg({ quality: 90 })],
  [".jpeg", (image: Sharp) => image.jpeg({ quality: 90 })],
  [".webp", (image: Sharp) => image.webp({ quality: 90 })],
]);

/**
 * Writes the image as PNG, JPEG or WebP (quality 90), by the path's ending. The file appears
 * complete or not at all.
 *
 * @throws OcrDetError `invalid-option` for another ending, `write-failed`.
 */
export async function writeImage(path: string, image: BgrImage): Promise<void> {
  const encode = ENCODERS.get(extname(path).toLowerCase());
  if (!encode) {
    throw new OcrDetError(
      "invalid-option",
      `writeImage: ${path} does not end in ${[...ENCODERS.keys()].join(", ")}; use one of these`,
      { file: path },
    );
  }
  await writeFileSafely(path, await encode(toSharp(image)).toBuffer(), "writeImage");
}

function toSharp({ width, height, data }: BgrImage): Sharp {
  const rgb = Uint8Array.from(data);
  for (let at = 0; at < rgb.length; at += 3) {
    rgb[at] = data[at + 2] ?? 0;
    rgb[at + 2] = data[at] ?? 0;
  }
  return sharp(rgb, { raw: { width, height, channels: 3 } });
}

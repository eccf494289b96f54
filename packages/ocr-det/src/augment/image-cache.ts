import type { BgrImage } from "../images/bgr-image.ts";
import { decodeImage } from "../images/decode.ts";

/** Decoded images by path, of which those used last stay in memory. */
export interface ImageCache {
  /** @throws OcrDetError what `decodeImage` throws. */
  read(path: string): Promise<BgrImage>;
}

/** Returns a cache of at most `maximumBytes`. @internal */
export function createImageCache(maximumBytes: number): ImageCache {
  const images = new Map<string, BgrImage>();
  let bytes = 0;
  const keep = (path: string, image: BgrImage): void => {
    if (image.data.length > maximumBytes || images.has(path)) return;
    images.set(path, image);
    bytes += image.data.length;
    for (const [oldest, { data }] of images) {
      if (bytes <= maximumBytes) break;
      images.delete(oldest);
      bytes -= data.length;
    }
  };
  return {
    async read(path) {
      const known = images.get(path);
      if (known) {
        images.delete(path);
        images.set(path, known);
        return known;
      }
      const image = await decodeImage(path);
      keep(path, image);
      return image;
    },
  };
}

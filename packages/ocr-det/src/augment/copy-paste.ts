import type { Point, TextRegion } from "../data/region.ts";
import type { BgrImage } from "../images/bgr-image.ts";
import { type Affine, chain, move, turnAbout } from "./affine.ts";
import type { Augmentation } from "./augment.ts";
import { assertOption } from "./check-option.ts";
import { isOutside } from "./fit-part.ts";
import { type Homography, type Quad, squareToQuad } from "./homography.ts";
import { pastePatch } from "./paste-patch.ts";
import { createScene, renderScene } from "./scene.ts";
import { shuffle } from "./shuffle.ts";

/** Options of {@link copyPaste}. */
export interface CopyPasteOptions {
  /** Part of the donor's texts that is pasted, 0 to 1; one at least, 30 at most. Default: 0.2. */
  readonly objectsPasteRatio?: number;
  /** Whether pasted text keeps off other text; what finds no place is left out. Default: true. */
  readonly limitPaste?: boolean;
}

const MOST_PASTED = 30;
const PLACES_TRIED = 50;

/**
 * Cuts texts out of a donor and pastes each at a random place, turned by a random angle (PaddleOCR's
 * `CopyPaste`, PP-OCRv2). Ignored texts, texts larger than the image, and outlines that
 * are no convex quadrilateral are not pasted. Pixels are interpolated bilinearly (there: bicubic, then the nearest).
 * Without a donor nothing changes.
 *
 * @throws OcrDetError `invalid-option`.
 */
export function copyPaste(options: CopyPasteOptions = {}): Augmentation {
  const { objectsPasteRatio = 0.2, limitPaste = true } = options;
  assertOption(
    objectsPasteRatio >= 0 && objectsPasteRatio <= 1,
    `copyPaste: objectsPasteRatio is ${objectsPasteRatio}; give a number from 0 to 1`,
  );
  return {
    name: "copyPaste",
    needsDonor: true,
    apply(scene, { random, donor }) {
      if (!donor) return scene;
      const wanted = Math.trunc(objectsPasteRatio * donor.regions.length);
      const count = Math.max(1, Math.min(wanted, MOST_PASTED));
      const candidates = donor.regions.filter(({ ignored }) => !ignored);
      const rendered = renderScene(scene);
      const image: BgrImage = { ...rendered, data: Uint8Array.from(rendered.data) };
      const regions = [...scene.regions];
      for (const region of shuffle(candidates, random).slice(0, count)) {
        const patch = layOut(region, image, random);
        const place = patch && findPlace(patch, image, limitPaste ? regions : [], random);
        if (!place) continue;
        const toImage = chain(patch.turn, [1, 0, place[0], 0, 1, place[1]]);
        pastePatch(image, donor.image, patch, toImage);
        regions.push({ ...region, points: outlineOf(patch, toImage, image) });
      }
      return createScene({ image, regions });
    },
  };
}

/** A text that was cut out and turned. */
interface Patch {
  /** From its corners as a unit square to its corners in the donor. */
  readonly toDonor: Homography;
  /** Its size upright, whole pixels. */
  readonly width: number;
  readonly height: number;
  /** From places in the upright text to places right and below of the origin. */
  readonly turn: Affine;
}

/** Turns a text randomly; undefined if it cannot be pasted. */
function layOut({ points }: TextRegion, image: BgrImage, random: () => number): Patch | undefined {
  const [first, second, third, fourth] = points;
  if (points.length !== 4 || !first || !second || !third || !fourth) return undefined;
  let width = Math.trunc(Math.max(lengthOf(first, second), lengthOf(third, fourth)));
  let height = Math.trunc(Math.max(lengthOf(first, fourth), lengthOf(second, third)));
  let quad: Quad = [first, second, third, fourth];
  if (height >= 1.5 * width) {
    quad = [second, third, fourth, first];
    [width, height] = [height, width];
  }
  if (!(width >= 1 && height >= 1 && width <= image.width && height <= image.height)) {
    return undefined;
  }
  const toDonor = squareToQuad(quad);
  if (!toDonor) return undefined;
  const angle = Math.floor(random() * 360);
  const turned = turnAbout(-angle, [width / 2, height / 2]);
  const sine = Math.abs(turned[1]);
  const cosine = Math.abs(turned[0]);
  const left = (cosine * width + sine * height - width) / 2;
  const top = (sine * width + cosine * height - height) / 2;
  return { toDonor, width, height, turn: chain(turned, [1, 0, left, 0, 1, top]) };
}

/** A random place for a patch, away from `regions`; undefined if none was found. */
function findPlace(
  patch: Patch,
  image: BgrImage,
  regions: readonly TextRegion[],
  random: () => number,
): Point | undefined {
  const corners = cornersOf(patch).map((corner) => move(patch.turn, corner));
  const width = Math.max(...corners.map(([x]) => x));
  const height = Math.max(...corners.map(([, y]) => y));
  for (let attempt = 0; attempt < PLACES_TRIED; attempt += 1) {
    const left = Math.floor(random() * (image.width - patch.width + 1));
    const top = Math.floor(random() * (image.height - patch.height + 1));
    const part = { left, top, width, height };
    if (regions.every(({ points }) => isOutside(points, part))) return [left, top];
  }
  return undefined;
}

const cornersOf = ({ width, height }: Patch): Point[] => [
  [0, 0],
  [width, 0],
  [width, height],
  [0, height],
];

const outlineOf = (patch: Patch, toImage: Affine, { width, height }: BgrImage): Point[] =>
  cornersOf(patch).map((corner) => {
    const [x, y] = move(toImage, corner);
    return [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
  });

const lengthOf = (from: Point, to: Point): number => Math.hypot(to[0] - from[0], to[1] - from[1]);

import type { Augmentation } from "./augment.ts";
import { assertOption } from "./check-option.ts";
import type { Recolor } from "./scene.ts";
import { shuffle } from "./shuffle.ts";

/** How far {@link colorJitter} goes: factors from `1 − value` (at least 0) to `1 + value`. */
export interface ColorJitterOptions {
  /** 0 or more. Default: 32 / 255. */
  readonly brightness?: number;
  /** 0 or more, about level 74. Default: 0. */
  readonly contrast?: number;
  /** 0 or more. Default: 0.5. */
  readonly saturation?: number;
}

export const COLOR_JITTER_DEFAULTS: Required<ColorJitterOptions> = {
  brightness: 32 / 255,
  contrast: 0,
  saturation: 0.5,
};

/** The level that a change of contrast keeps, as Paddle has it. */
const MIDDLE = 74;

/**
 * Changes brightness, contrast and saturation by random factors, in random order (PaddleOCR's
 * `ColorJitter`, which is Paddle's on OpenCV images; hue is not changed). Levels are cut to whole
 * ones after each. Black around a crop stays black.
 *
 * @throws OcrDetError `invalid-option`.
 */
export function colorJitter(options: ColorJitterOptions = {}): Augmentation {
  const { brightness, contrast, saturation } = { ...COLOR_JITTER_DEFAULTS, ...options };
  for (const [name, value] of Object.entries({ brightness, contrast, saturation })) {
    assertOption(
      value >= 0 && Number.isFinite(value),
      `colorJitter: ${name} is ${value}; give a number of 0 or more`,
    );
  }
  const changes = [
    { strength: brightness, create: changeBrightness },
    { strength: contrast, create: changeContrast },
    { strength: saturation, create: changeSaturation },
  ].filter(({ strength }) => strength > 0);
  return {
    name: "colorJitter",
    apply(scene, { random }) {
      const recolors = changes.map(({ strength, create }) => {
        const low = Math.max(1 - strength, 0);
        return create(low + (1 + strength - low) * random());
      });
      return { ...scene, recolors: [...scene.recolors, ...shuffle(recolors, random)] };
    },
  };
}

const changeBrightness = (factor: number): Recolor => mapLevels((level) => level * factor);

const changeContrast = (factor: number): Recolor =>
  mapLevels((level) => (level - MIDDLE) * factor + MIDDLE);

function mapLevels(change: (level: number) => number): Recolor {
  const table = Uint8Array.from({ length: 256 }, (_, level) =>
    Math.min(Math.max(change(level), 0), 255),
  );
  return (pixels) => applyTable(pixels, table);
}

const changeSaturation =
  (factor: number): Recolor =>
  (pixels) =>
    saturate(pixels, Math.round(factor * 65_536));

function applyTable(pixels: Uint8Array, table: Uint8Array): void {
  for (let at = 0; at < pixels.length; at += 1) pixels[at] = table[pixels[at] as number] as number;
}

/**
 * Away from or towards the grey of ITU-R BT.601, whose weights have 14 bits as in OpenCV; `part` is
 * the factor in 1/65536.
 */
function saturate(pixels: Uint8Array, part: number): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const blue = pixels[at] as number;
    const green = pixels[at + 1] as number;
    const red = pixels[at + 2] as number;
    const grey = (blue * 1868 + green * 9617 + red * 4899 + 8192) >> 14;
    pixels[at] = cutLevel(grey + (((blue - grey) * part) >> 16));
    pixels[at + 1] = cutLevel(grey + (((green - grey) * part) >> 16));
    pixels[at + 2] = cutLevel(grey + (((red - grey) * part) >> 16));
  }
}

const cutLevel = (level: number): number => Math.min(Math.max(level, 0), 255);

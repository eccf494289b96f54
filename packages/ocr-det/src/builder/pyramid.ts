import { OcrDetError } from "../errors.ts";
import type { Feature, Layers } from "./layers.ts";

/** Features at 1/4, 1/8, 1/16 and 1/32 of the input's size. */
export type Pyramid = readonly [Feature, Feature, Feature, Feature];

/** Applies a layer to each level. */
export function mapPyramid(
  levels: Pyramid,
  layer: (level: Feature, index: number) => Feature,
): Pyramid {
  const [c2, c3, c4, c5] = levels;
  return [layer(c2, 0), layer(c3, 1), layer(c4, 2), layer(c5, 3)];
}

/** Checks that a backbone gave four levels. */
export function asPyramid(levels: readonly Feature[]): Pyramid {
  const [c2, c3, c4, c5] = levels;
  if (c2 && c3 && c4 && c5 && levels.length === 4) return [c2, c3, c4, c5];
  throw new OcrDetError(
    "unsupported-model",
    `buildDbDetector: the backbone gives ${levels.length} features; a neck needs 4`,
  );
}

/** Adds each level, doubled, to the finer one below it, from the coarsest down. */
export function topDown(layers: Layers, [in2, in3, in4, in5]: Pyramid): Pyramid {
  const lift = (level: string, fine: Feature, coarse: Feature): Feature => {
    const doubled = layers.upsample(`neck.${level}.upsample`, coarse, 2);
    return layers.binary(`neck.${level}.add`, "Add", fine, doubled);
  };
  const out4 = lift("out4", in4, in5);
  const out3 = lift("out3", in3, out4);
  const out2 = lift("out2", in2, out3);
  return [out2, out3, out4, in5];
}

/** Brings all levels to 1/4 of the input's size, coarsest first. */
export function alignLevels(layers: Layers, [p2, p3, p4, p5]: Pyramid): readonly Feature[] {
  return [
    layers.upsample("neck.p5.upsample", p5, 8),
    layers.upsample("neck.p4.upsample", p4, 4),
    layers.upsample("neck.p3.upsample", p3, 2),
    p2,
  ];
}

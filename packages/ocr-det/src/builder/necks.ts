import { adaptiveScaleFusion } from "./adaptive-scale-fusion.ts";
import type { DbFpnConfig, LkPanConfig, NeckConfig, RseFpnConfig } from "./config.ts";
import { kaimingUniform } from "./initial-weights.ts";
import { largeKernel, separableKernel } from "./large-kernel.ts";
import type { Feature, Layers } from "./layers.ts";
import { alignLevels, mapPyramid, type Pyramid, topDown } from "./pyramid.ts";
import { squeezeExcite } from "./squeeze-excite.ts";

/** Adds the neck; returns the fused features at 1/4 of the input's size. */
export function neck(layers: Layers, levels: Pyramid, config: NeckConfig): Feature {
  switch (config.name) {
    case "DBFPN":
      return dbFpn(layers, levels, config);
    case "RSEFPN":
      return rseFpn(layers, levels, config);
    case "LKPAN":
      return lkPan(layers, levels, config);
  }
}

function dbFpn(
  layers: Layers,
  levels: Pyramid,
  { outChannels, useAsf = false }: DbFpnConfig,
): Feature {
  const weight = kaimingUniform;
  const lateral = mapPyramid(levels, (level, index) =>
    layers.conv(`neck.in${index + 2}_conv`, level, { out: outChannels, kernel: 1, weight }),
  );
  const smooth = mapPyramid(topDown(layers, lateral), (level, index) =>
    layers.conv(`neck.p${index + 2}_conv`, level, { out: outChannels / 4, kernel: 3, weight }),
  );
  const aligned = alignLevels(layers, smooth);
  const fused = layers.concat("neck.fuse", aligned);
  return useAsf ? adaptiveScaleFusion(layers, "neck.asf", fused, aligned) : fused;
}

function rseFpn(
  layers: Layers,
  levels: Pyramid,
  { outChannels, shortcut = true }: RseFpnConfig,
): Feature {
  const layer = (name: string, input: Feature, out: number, kernel: number): Feature => {
    const x = layers.conv(`${name}.in_conv`, input, { out, kernel, weight: kaimingUniform });
    const gated = squeezeExcite(layers, `${name}.se_block`, x);
    return shortcut ? layers.binary(`${name}.add`, "Add", x, gated) : gated;
  };
  const lateral = mapPyramid(levels, (level, index) =>
    layer(`neck.ins_conv.${index}`, level, outChannels, 1),
  );
  const smooth = mapPyramid(topDown(layers, lateral), (level, index) =>
    layer(`neck.inp_conv.${index}`, level, outChannels / 4, 3),
  );
  return layers.concat("neck.fuse", alignLevels(layers, smooth));
}

function lkPan(
  layers: Layers,
  levels: Pyramid,
  { outChannels, mode = "large" }: LkPanConfig,
): Feature {
  const weight = kaimingUniform;
  const kernel = mode === "lite" ? separableKernel : largeKernel;
  const out = outChannels / 4;
  const lateral = mapPyramid(levels, (level, index) =>
    layers.conv(`neck.ins_conv.${index}`, level, { out: outChannels, kernel: 1, weight }),
  );
  const [f2, f3, f4, f5] = mapPyramid(topDown(layers, lateral), (level, index) =>
    kernel(layers, `neck.inp_conv.${index}`, level, out),
  );
  const climb = (index: number, fine: Feature, coarse: Feature): Feature => {
    const name = `neck.pan_head_conv.${index}`;
    const halved = layers.conv(name, fine, { out, kernel: 3, stride: 2, weight });
    return layers.binary(`${name}.add`, "Add", coarse, halved);
  };
  const pan3 = climb(0, f2, f3);
  const pan4 = climb(1, pan3, f4);
  const pan5 = climb(2, pan4, f5);
  const smooth = mapPyramid([f2, pan3, pan4, pan5], (level, index) =>
    kernel(layers, `neck.pan_lat_conv.${index}`, level, out),
  );
  return layers.concat("neck.fuse", alignLevels(layers, smooth));
}

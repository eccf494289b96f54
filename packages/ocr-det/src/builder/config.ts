/** PaddleOCR's `MobileNetV3` for detection (arXiv:1905.02244). */
export interface MobileNetV3Config {
  readonly name: "MobileNetV3";
  readonly modelName: "large" | "small";
  /** Factor on all widths. */
  readonly scale: 0.35 | 0.5 | 0.75 | 1 | 1.25;
  /** Leaves the squeeze-and-excitation blocks out, as PP-OCR does. Default: false. */
  readonly disableSe?: boolean;
}

/** PaddleOCR's `ResNet_vd` (arXiv:1812.01187): basic blocks up to 34 layers, bottlenecks at 50. */
export interface ResNetVdConfig {
  readonly name: "ResNet_vd";
  readonly layers: 18 | 34 | 50;
}

/** The feature pyramid of DB (arXiv:1911.08947). */
export interface DbFpnConfig {
  readonly name: "DBFPN";
  /** Channels of the fused features, a multiple of 4 from 16 to 4096. */
  readonly outChannels: number;
  /** Adaptive scale fusion of DBNet++ (arXiv:2202.10304). Default: false. */
  readonly useAsf?: boolean;
}

/** The pyramid of PP-OCRv3's students: squeeze-and-excitation after each convolution. */
export interface RseFpnConfig {
  readonly name: "RSEFPN";
  /** Channels of the fused features, a multiple of 16 from 16 to 4096. */
  readonly outChannels: number;
  /** Adds what goes into each gate to what comes out. Default: true. */
  readonly shortcut?: boolean;
}

/** The path aggregation network of PP-OCRv3's teacher, with 9×9 kernels. */
export interface LkPanConfig {
  readonly name: "LKPAN";
  /** Channels of the fused features, a multiple of 4 from 16 to 4096. */
  readonly outChannels: number;
  /** `lite` makes the 9×9 kernels depthwise separable. Default: `large`. */
  readonly mode?: "large" | "lite";
}

/** The differentiable binarization head. */
export interface DbHeadConfig {
  readonly name: "DBHead";
  /** Steepness of the binary map, greater than 0. Default: 50. */
  readonly k?: number;
  /** Side of the first kernel, odd: 3, or 7 in PP-OCRv3's teacher (`kernel_list`). Default: 3. */
  readonly firstKernel?: number;
}

export type BackboneConfig = MobileNetV3Config | ResNetVdConfig;
export type NeckConfig = DbFpnConfig | RseFpnConfig | LkPanConfig;

/** A DB detector, in the names of PaddleOCR's `Architecture` section. */
export interface DbDetectorConfig {
  readonly backbone: BackboneConfig;
  readonly neck: NeckConfig;
  /** Default: `{ name: "DBHead" }`. */
  readonly head?: DbHeadConfig;
  /**
   * `inference` ends in the shrink map; `training` in the shrink, threshold and binary maps.
   * Default: `inference`.
   */
  readonly graph?: "inference" | "training";
  /** `[N, 3, H, W]`, height and width multiples of 32. Default: symbolic N, H and W. */
  readonly inputShape?: readonly [number, number, number, number];
  /**
   * Slope of the hard sigmoid in squeeze-and-excitation gates, from 0 (excluded) to 1. Weights work
   * only with the slope that they were trained with: 0.2 in PaddleOCR's releases, 1/6 (what
   * Paddle's function takes by itself) in versions of its code that state none. Default: 0.2.
   */
  readonly gateSlope?: number;
  /** Of the initial weights, an integer. Default: 0. */
  readonly seed?: number;
}

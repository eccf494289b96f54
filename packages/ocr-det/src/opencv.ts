import { createRequire } from "node:module";

/*
 * OpenCV in WebAssembly. Loading takes about 0.4 s and 11 MB, so it happens at the first use and
 * once per process. The module has a `then` of its own: awaiting it never ends, nor does an
 * `import()` of it where a loader unwraps the default export, hence `require`. And, as it was built
 * by an old Emscripten, it puts handlers on `uncaughtException` and `unhandledRejection` that would
 * end the host program. Both are dealt with here, and nowhere else.
 */

/** A matrix in the WebAssembly heap. Views of it become invalid when the heap grows. */
export interface CvMat {
  readonly rows: number;
  readonly cols: number;
  readonly data: Uint8Array;
  readonly data32S: Int32Array;
  /** A header over a part of the same memory. */
  roi(part: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  }): CvMat;
  delete(): void;
}

export interface CvMatVector {
  size(): number;
  get(index: number): CvMat;
  push_back(mat: CvMat): void;
  delete(): void;
}

export interface CvRotatedRect {
  readonly center: { readonly x: number; readonly y: number };
  readonly size: { readonly width: number; readonly height: number };
  readonly angle: number;
}

/** What this package uses of OpenCV. */
export interface OpenCv {
  readonly Mat: {
    new (): CvMat;
    new (rows: number, cols: number, type: number): CvMat;
    new (rows: number, cols: number, type: number, data: number, step: number): CvMat;
    zeros(rows: number, cols: number, type: number): CvMat;
  };
  readonly MatVector: new () => CvMatVector;
  readonly CV_8UC1: number;
  readonly CV_8UC3: number;
  readonly CV_32SC2: number;
  readonly RETR_LIST: number;
  readonly CHAIN_APPROX_SIMPLE: number;
  readonly INTER_LINEAR: number;
  readonly HEAP32: Int32Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  findContours(
    image: CvMat,
    contours: CvMatVector,
    tree: CvMat,
    mode: number,
    method: number,
    offset: { readonly x: number; readonly y: number },
  ): void;
  minAreaRect(points: CvMat): CvRotatedRect;
  arcLength(curve: CvMat, closed: boolean): number;
  approxPolyDP(curve: CvMat, result: CvMat, epsilon: number, closed: boolean): void;
  fillPoly(image: CvMat, polygons: CvMatVector, color: readonly number[]): void;
  resize(
    source: CvMat,
    target: CvMat,
    size: { readonly width: number; readonly height: number },
    fx: number,
    fy: number,
    interpolation: number,
  ): void;
}

interface EmscriptenModule {
  Mat?: unknown;
  onRuntimeInitialized?: () => void;
  onAbort?: (reason: unknown) => void;
}

const GUARDED_EVENTS = ["uncaughtException", "unhandledRejection"] as const;

let loading: Promise<{ readonly cv: OpenCv }> | undefined;

/** Returns OpenCV, wrapped in an object because a promise cannot hold the module itself. */
export function loadOpenCv(): Promise<{ readonly cv: OpenCv }> {
  loading ??= load();
  return loading;
}

async function load(): Promise<{ readonly cv: OpenCv }> {
  const before = GUARDED_EVENTS.map((event) => new Set(process.rawListeners(event)));
  const require = createRequire(import.meta.url);
  const module = require("@techstark/opencv-js") as EmscriptenModule;
  await new Promise<void>((resolve, reject) => {
    if (typeof module.Mat === "function") {
      resolve();
      return;
    }
    module.onRuntimeInitialized = () => resolve();
    module.onAbort = (reason) => reject(new Error(`OpenCV could not start: ${String(reason)}`));
  });
  GUARDED_EVENTS.forEach((event, index) => {
    for (const listener of process.rawListeners(event)) {
      if (!before[index]?.has(listener)) {
        process.removeListener(event, listener as (...values: unknown[]) => void);
      }
    }
  });
  return { cv: module as unknown as OpenCv };
}

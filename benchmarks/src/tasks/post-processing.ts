import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createPostprocessor } from "@ocrslim/ocr-det";
import type { Benchmark } from "../harness/benchmark.ts";
import { type Figure, toFigure } from "../harness/figure.ts";
import { median, timeRounds } from "../harness/time-rounds.ts";
import {
  type PythonPostProcessing,
  startPythonPostProcessing,
} from "../support/python-post-processing.ts";
import { type MapFile, readMapFile } from "../support/read-npy.ts";

const TIME = {
  name: "post-processing/time",
  label: "DB post-processing of real probability maps: mean of a map",
  unit: "ms",
  direction: "at-most",
} as const;
const PYTHON_TIME = {
  name: "post-processing/python-time",
  label: "the same in Python (OpenCV, pyclipper, shapely)",
  unit: "ms",
  direction: "at-most",
} as const;
const RATIO = {
  name: "post-processing/python-ratio",
  label: "DB post-processing ÷ Python's on the same maps, interleaved",
  unit: "×",
  direction: "at-most",
  goal: 1.5,
} as const;

const ROUNDS = 25;
const WARMUP = 5;

interface SizedMap extends MapFile {
  readonly sourceHeight: number;
  readonly sourceWidth: number;
}

async function readMaps(folder: string): Promise<readonly SizedMap[]> {
  const names = (await readdir(folder)).filter((name) => /^map-.*\.npy$/.test(name)).sort();
  const { cases } = JSON.parse(await readFile(join(folder, "postprocess.json"), "utf8")) as {
    readonly cases: readonly { map: string; width: number; height: number }[];
  };
  return Promise.all(
    names.map(async (name) => {
      const map = await readMapFile(join(folder, name));
      const source = cases.find((entry) => entry.map === name);
      const sourceHeight = source?.height ?? map.height;
      return { ...map, sourceHeight, sourceWidth: source?.width ?? map.width };
    }),
  );
}

/** Python's own clock, as crossing over to its process is not what is measured. */
async function timePython(python: PythonPostProcessing, into: number[]): Promise<void> {
  const maps = await python.round();
  into.push(maps.reduce((sum, { milliseconds }) => sum + milliseconds, 0));
}

export const postProcessing: Benchmark = {
  name: "post-processing",
  group: "post-processing",
  figures: [TIME, PYTHON_TIME, RATIO],
  unavailable: ({ mapFolder }) =>
    mapFolder === undefined ? "it needs the maps of fixtures/db in OCRSLIM_SHARED" : undefined,
  async run({ mapFolder = "", python: executable, log }) {
    const maps = await readMaps(mapFolder);
    using postprocessor = await createPostprocessor();
    const ours = (): number =>
      maps.reduce((sum, { data, height, width, sourceHeight, sourceWidth }) => {
        return sum + postprocessor.run(data, height, width, sourceHeight, sourceWidth).length;
      }, 0);
    const python =
      executable === undefined ? undefined : startPythonPostProcessing(executable, maps);
    if (!python) log("post-processing: give --python for the ratio to Python's");
    const pythonTimes: number[] = [];
    try {
      const [times = []] = await timeRounds(
        [ours, ...(python ? [() => timePython(python, pythonTimes)] : [])],
        { rounds: ROUNDS, warmup: WARMUP },
      );
      const figures: Figure[] = [toFigure(TIME, median(times) / maps.length, times.length)];
      if (!python) return figures;
      const timed = pythonTimes.slice(WARMUP);
      const ratios = times.map((time, round) => time / (timed[round] ?? Number.NaN));
      const boxes = (await python.round()).reduce((sum, map) => sum + map.boxes, 0);
      log(`post-processing: ${ours()} boxes here, ${boxes} in Python`);
      return [
        ...figures,
        toFigure(PYTHON_TIME, median(timed) / maps.length, timed.length),
        toFigure(RATIO, median(ratios), ratios.length),
      ];
    } finally {
      await python?.dispose();
    }
  },
};

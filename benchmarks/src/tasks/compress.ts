import { join } from "node:path";
import { run } from "@ocrslim/cli";
import type { Benchmark, BenchmarkContext } from "../harness/benchmark.ts";
import { toFigure } from "../harness/figure.ts";

const LATENCY = {
  name: "compress/demo-latency",
  label: "PP-OCRv4 det, 12 calibration pages: latency ÷ original",
  unit: "×",
  direction: "at-most",
  goal: 1,
} as const;
const MACS = {
  name: "compress/demo-macs",
  label: "PP-OCRv4 det, 12 calibration pages: MACs kept",
  unit: "×",
  direction: "at-most",
} as const;
const AGREEMENT = {
  name: "compress/demo-agreement",
  label: "agreement with the original on 11 pages it has not seen",
  unit: "",
  direction: "at-least",
  goal: 0.95,
} as const;
const HMEAN_BEFORE = {
  name: "compress/demo-hmean-original",
  label: "hmean on these pages: original",
  unit: "",
  direction: "at-least",
} as const;
const HMEAN = {
  name: "compress/demo-hmean",
  label: "hmean on these pages: slim",
  unit: "",
  direction: "at-least",
} as const;
const SECONDS = {
  name: "compress/demo-seconds",
  label: "time of the whole run",
  unit: "s",
  direction: "at-most",
  goal: 180,
} as const;

/** What this benchmark reads of the document that `compress --json` prints. */
interface CompressDocument {
  readonly ratios: { readonly latency: number; readonly macs: number };
  readonly seconds: number;
  readonly alsoMeasured: readonly {
    readonly images: number;
    readonly before: { readonly hmean?: number };
    readonly after: { readonly hmean?: number; readonly agreement: number };
  }[];
}

async function compressSamplePages(context: BenchmarkContext): Promise<CompressDocument> {
  const { samplePages, temporaryFolder, detector } = context;
  let output = "";
  let complaint = "";
  const argv = [
    ...["compress", detector, "--data", join(samplePages, "calibration")],
    ...["--also-measure", join(samplePages, "evaluation/labels.txt")],
    ...["--limit-side-len", "960", "--limit-type", "max"],
    ...["-o", join(temporaryFolder, "compress"), "--json", "--quiet"],
  ];
  const code = await run(argv, {
    stdout: { write: (text) => (output += text) },
    stderr: { write: (text) => (complaint += text) },
    isTTY: false,
    cwd: temporaryFolder,
  });
  if (code !== 0) throw new Error(`ocrslim compress ended with ${code}: ${complaint.trim()}`);
  return JSON.parse(output) as CompressDocument;
}

export const compress: Benchmark = {
  name: "compress",
  group: "compress",
  figures: [LATENCY, MACS, AGREEMENT, HMEAN_BEFORE, HMEAN, SECONDS],
  async run(context) {
    const { ratios, seconds, alsoMeasured } = await compressSamplePages(context);
    const [pages] = alsoMeasured;
    if (!pages) throw new Error("ocrslim compress: the document lacks what --also-measure found");
    return [
      toFigure(LATENCY, ratios.latency, 1),
      toFigure(MACS, ratios.macs, 1),
      toFigure(AGREEMENT, pages.after.agreement, pages.images),
      toFigure(HMEAN_BEFORE, pages.before.hmean ?? Number.NaN, pages.images),
      toFigure(HMEAN, pages.after.hmean ?? Number.NaN, pages.images),
      toFigure(SECONDS, seconds, 1),
    ];
  },
};

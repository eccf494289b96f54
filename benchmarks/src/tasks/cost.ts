import { computeCost, readModel } from "@ocrslim/graph";
import type { Benchmark } from "../harness/benchmark.ts";
import { type Figure, type FigureSpec, toFigure } from "../harness/figure.ts";
import { squareInputs } from "../support/models.ts";

interface ExpectedCost {
  readonly key: string;
  readonly title: string;
  /** GMAC at 640×640, by operator. */
  readonly expected: Readonly<Record<"Conv" | "ConvTranspose", number>>;
}

const DETECTOR: ExpectedCost = {
  key: "det",
  title: "PP-OCRv4 det",
  expected: { Conv: 2.233, ConvTranspose: 0.069 },
};
const NEWER: ExpectedCost = {
  key: "v6",
  title: "PP-OCRv6 small",
  expected: { Conv: 4.264, ConvTranspose: 0.069 },
};

/** The expected figures are known to a thousandth. */
const ROUNDING = 0.0005;

function specsOf({ key, title, expected }: ExpectedCost): readonly FigureSpec[] {
  return Object.entries(expected).flatMap(([opType, gigamacs]): FigureSpec[] => {
    const name = `cost/${key}-${opType === "Conv" ? "conv" : "conv-transpose"}`;
    const label = `${title} at 640×640: ${opType}`;
    return [
      { name, label, unit: "GMAC", direction: "at-most" },
      {
        name: `${name}-difference`,
        label: `${label}, difference from ${gigamacs} GMAC`,
        unit: "GMAC",
        direction: "at-most",
        goal: ROUNDING,
      },
    ];
  });
}

async function measure(path: string, cost: ExpectedCost): Promise<readonly Figure[]> {
  const model = await readModel(path);
  const { nodes } = computeCost(model, { inputShapes: squareInputs(model) });
  const specs = specsOf(cost);
  return Object.entries(cost.expected).flatMap(([opType, expected], index): Figure[] => {
    const counted = nodes.filter((node) => node.opType === opType);
    const value = counted.reduce((sum, { macs }) => sum + macs, 0) / 1e9;
    return [value, Math.abs(value - expected)].flatMap((measured, offset) => {
      const spec = specs[2 * index + offset];
      return spec ? [toFigure(spec, measured, counted.length)] : [];
    });
  });
}

export const cost: Benchmark = {
  name: "cost",
  group: "cost",
  figures: [...specsOf(DETECTOR), ...specsOf(NEWER)],
  async run({ detector, newerDetector, log }) {
    const figures = await measure(detector, DETECTOR);
    if (newerDetector !== undefined) return [...figures, ...(await measure(newerDetector, NEWER))];
    log(
      "cost: PP-OCRv6 small is not here; it needs models/PP-OCRv6_det_small.onnx in OCRSLIM_SHARED",
    );
    return figures;
  },
};

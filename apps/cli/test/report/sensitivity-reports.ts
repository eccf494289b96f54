import type { SensitivityReport } from "@ocrslim/sensitivity";

/** A report of groups of 16 channels with the losses at 10 %, 50 % and 90 %. */
export function reportOf(losses: Readonly<Record<string, readonly number[]>>): SensitivityReport {
  return {
    formatVersion: 1,
    metric: "hmean",
    baseline: 0.9,
    images: 8,
    modelHash: "0123abcd",
    criterion: "l1Norm",
    inputShapes: { x: [1, 3, 64, 64] },
    relativeTo: "baseline",
    channelMultiple: 1,
    curves: Object.entries(losses).map(([group, values]) => ({
      group,
      width: 16,
      points: values.map((loss, index) => {
        const ratio = [0.1, 0.5, 0.9][index] ?? 1;
        const metric = 0.9 * (1 - loss);
        return { ratio, loss, metric, images: 8, removed: Math.round(16 * ratio) };
      }),
    })),
    skipped: [],
  };
}

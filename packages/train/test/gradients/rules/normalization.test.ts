import { float, int } from "@ocrslim/graph";
import {
  addMultiNode,
  addNode,
  batchNormalization,
  groupNormalization,
  instanceNormalization,
  randomWeight,
} from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { checkGradients } from "../../support/check-gradients.ts";

const shapes = [
  [2, 3],
  [2, 3, 4],
  [2, 3, 2, 4],
  [1, 1, 3, 3],
];

describe("gradients of BatchNormalization", () => {
  it.each(shapes)("reach x, scale, bias and frozen statistics: %j", async (...dims) => {
    await checkGradients({
      inputs: { x: dims },
      opset: 18,
      build: (graph, x) => batchNormalization(graph, x),
    });
  });

  it("reach x alone, and one parameter alone", async () => {
    for (const wrt of ["x", "bn_scale", "bn_bias", "bn_mean", "bn_var"]) {
      await checkGradients(
        {
          inputs: { x: [2, 3, 4] },
          opset: 18,
          build: (graph, x) => batchNormalization(graph, x),
        },
        { wrt: [wrt] },
      );
    }
  });

  it.each([0, 0.8])("follow the statistics of the batch, momentum %f", async (momentum) => {
    for (const dims of shapes) {
      for (const wrt of [["x"], ["scale", "bias"], ["x", "scale", "bias"]]) {
        await checkGradients(
          {
            inputs: { x: dims },
            opset: 18,
            build: (graph, x) => {
              const channels = [dims[1] ?? 1];
              const inputs = [
                x,
                randomWeight(graph, "scale", channels, 0.5, 1.5),
                randomWeight(graph, "bias", channels),
                randomWeight(graph, "mean", channels),
                randomWeight(graph, "variance", channels, 0.5, 1.5),
              ];
              const to = [dims, channels, channels];
              return addMultiNode(graph, "BatchNormalization", inputs, to, {
                training_mode: int(1),
                momentum: float(momentum),
                epsilon: float(1e-2),
              }).slice(0, 1);
            },
          },
          { wrt },
        );
      }
    }
  });
});

describe("gradients of LayerNormalization", () => {
  it.each([
    { dims: [3, 5], axis: -1, outputs: 1, hasBias: true },
    { dims: [2, 3, 4], axis: 1, outputs: 3, hasBias: true },
    { dims: [2, 3, 4], axis: -1, outputs: 1, hasBias: false },
    { dims: [2, 2, 3], axis: 0, outputs: 1, hasBias: true },
  ])("reach x, scale and bias: $dims, axis $axis", async (form) => {
    const { dims, axis, outputs, hasBias } = form;
    const own = dims.slice(axis < 0 ? axis + dims.length : axis);
    const reduced = dims.map((dim, at) => (at < dims.length - own.length ? dim : 1));
    await checkGradients({
      inputs: { x: dims },
      opset: 18,
      build: (graph, x) => {
        const inputs = [x, randomWeight(graph, "scale", own, 0.5, 1.5)];
        if (hasBias) inputs.push(randomWeight(graph, "bias", own));
        return addMultiNode(
          graph,
          "LayerNormalization",
          inputs,
          [dims, reduced, reduced].slice(0, outputs),
          { axis: int(axis), epsilon: float(1e-2) },
        ).slice(0, 1);
      },
    });
  });

  it("refuse a loss that reads the mean", async () => {
    await expect(
      checkGradients(
        {
          inputs: { x: [2, 3] },
          opset: 18,
          build: (graph, x) =>
            addMultiNode(
              graph,
              "LayerNormalization",
              [x, randomWeight(graph, "scale", [3])],
              [
                [2, 3],
                [2, 1],
              ],
            ),
        },
        { wrt: ["x"] },
      ),
    ).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("gradients of InstanceNormalization and GroupNormalization", () => {
  it.each([[[2, 3, 5]], [[2, 3, 2, 3]]])("follow each channel's own mean: %j", async (dims) => {
    for (const wrt of [["x"], ["in_scale"], ["in_bias"], ["x", "in_scale", "in_bias"]]) {
      await checkGradients(
        {
          inputs: { x: dims },
          opset: 18,
          build: (graph, x) => instanceNormalization(graph, x),
        },
        { wrt },
      );
    }
  });

  it.each([1, 2, 4])("know scales per channel, in %i groups", async (groups) => {
    await checkGradients({
      inputs: { x: [2, 4, 2, 3] },
      opset: 21,
      build: (graph, x) => groupNormalization(graph, x, { groups }),
    });
  });

  it.each([1, 2, 4])("know scales per group, in %i groups", async (groups) => {
    await checkGradients({
      inputs: { x: [2, 4, 2, 3] },
      opset: 18,
      build: (graph, x) =>
        addNode(
          graph,
          "GroupNormalization",
          [
            x,
            randomWeight(graph, "scale", [groups], 0.5, 1.5),
            randomWeight(graph, "bias", [groups]),
          ],
          [2, 4, 2, 3],
          { num_groups: int(groups), epsilon: float(1e-2) },
        ),
    });
  });
});

describe("gradient of LpNormalization", () => {
  it.each([
    { p: 2, axis: -1 },
    { p: 1, axis: 1 },
    { p: 2, axis: 0 },
  ])("is orthogonal to the value: p $p, axis $axis", async ({ p, axis }) => {
    await checkGradients({
      inputs: { x: [3, 4, 2] },
      opset: 18,
      build: (graph, x) =>
        addNode(graph, "LpNormalization", [x], [3, 4, 2], { p: int(p), axis: int(axis) }),
    });
  });
});

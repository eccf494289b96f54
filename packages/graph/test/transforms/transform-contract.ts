import { expectSameOutputs, type SameOutputsOptions } from "@ocrslim/test-utils";
import { describe, expect, it } from "vitest";
import { checkModel } from "../../src/check/check-model.ts";
import { decodeModel } from "../../src/codec/decode-model.ts";
import { encodeModel } from "../../src/codec/encode-model.ts";
import type { Transform, TransformReport } from "../../src/contracts/transform.ts";
import { GraphError } from "../../src/errors.ts";
import { cloneModel } from "../../src/ir/clone.ts";
import type { Model } from "../../src/ir/model.ts";
import { transform } from "../../src/transforms/transform.ts";

/** What {@link testTransformContract} needs to know of a transform. */
export interface TransformContract {
  readonly create: () => Transform;
  /** A model that the transform changes. */
  readonly match: () => Model;
  /** A model that it leaves alone, although it looks like one that it would change. */
  readonly noMatch: () => Model;
  /** Transforms of the structure alone take any opset. Default: at least opset 7. */
  readonly anyOpset?: boolean;
  /** Default: compared on ONNX Runtime with atol 1e-5, rtol 1e-4. */
  readonly outputs?: SameOutputsOptions;
}

/** The six tests that every transform passes. */
export function testTransformContract(contract: TransformContract): void {
  const { create, match, noMatch } = contract;
  describe(`contract of ${create().name}`, () => {
    it("changes what it should, and the model computes the same", async () => {
      const { model, original, report } = await applyTo(match(), create());
      expect(report.modified).toBe(true);
      await expectSameOutputs(model, original, contract.outputs);
    });

    it("leaves other models byte for byte as they are", async () => {
      const { model, report } = await applyTo(noMatch(), create());
      expect(report.modified).toBe(false);
      expect(isSameBytes(encodeModel(model), encodeModel(reread(noMatch())))).toBe(true);
    });

    it("changes nothing the second time", async () => {
      const { model } = await applyTo(match(), create());
      const { report, model: again } = await applyTo(model, create());
      expect(report.modified).toBe(false);
      expect(isSameBytes(encodeModel(again), encodeModel(reread(model)))).toBe(true);
    });

    it("keeps names, order and types of the graph's inputs and outputs", async () => {
      const { model, original } = await applyTo(match(), create());
      expect(describePorts(model)).toEqual(describePorts(original));
    });

    it("has its precondition checked", async () => {
      const old = match();
      old.setOpset("", 6);
      if (contract.anyOpset) {
        expect(() => create().check?.(old)).not.toThrow();
        return;
      }
      const failure = await transform(old, create()).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(GraphError);
      expect(failure).toMatchObject({ code: "transform-failed", cause: { code: "unsupported" } });
    });

    it("leaves a model that checkModel finds nothing wrong with", async () => {
      const { model } = await applyTo(match(), create());
      expect(checkModel(model)).toEqual([]);
      expect(checkModel(decodeModel(encodeModel(model)))).toEqual([]);
    });
  });
}

interface Applied {
  readonly model: Model;
  readonly original: Model;
  readonly report: TransformReport;
}

/** Runs a transform on a model as it comes from a file, and keeps the original beside it. */
export async function applyTo(built: Model, step: Transform): Promise<Applied> {
  const model = reread(built);
  const original = cloneModel(model);
  const [report] = await transform(model, step);
  if (!report) throw new Error("applyTo: no report");
  return { model, original, report };
}

/** The operators of a model in order, such as `Conv Relu Conv`. */
export function operators(model: Model): string {
  return [...model.graph.nodes].map(({ opType }) => opType).join(" ");
}

const reread = (model: Model): Model => decodeModel(encodeModel(model));

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function describePorts({ graph }: Model): unknown {
  const describePort = ({ name, type }: (typeof graph.inputs)[number]): unknown => ({ name, type });
  return {
    inputs: graph.inputs.filter((value) => !value.isInitializer).map(describePort),
    outputs: graph.outputs.map(describePort),
  };
}

import type { Model } from "@ocrslim/graph";
import * as api from "@ocrslim/runtime";
import * as core from "@ocrslim/runtime/core";
import * as ort from "onnxruntime-node";
import { describe, expect, expectTypeOf, it } from "vitest";

describe("the public API", () => {
  const portable = [
    "LATENCY_DEFAULTS",
    "RuntimeError",
    "assertFeeds",
    "captureValues",
    "createRuntimeFrom",
    "float32Feed",
    "layerTime",
    "listTimedLayers",
    "measureLatency",
    "predictLatency",
    "quantile",
    "randomFeeds",
    "tensorToFeed",
  ];

  it("is this", () => {
    expect(Object.keys(core).sort()).toEqual(portable);
    expect(Object.keys(api).sort()).toEqual(
      [
        ...portable,
        "BUILD_LATENCY_TABLE_DEFAULTS",
        "buildLatencyTable",
        "createRuntime",
        "describeMachine",
        "latencyCacheFolder",
        "listExecutionProviders",
        "openLatencyTable",
        "profileModel",
        "readLatencyTable",
        "writeLatencyTable",
      ].sort(),
    );
  });

  it("takes onnxruntime-node as a module, and models in three forms", () => {
    expectTypeOf(ort).toExtend<core.OrtModule>();
    expectTypeOf<core.Runtime["load"]>().parameter(0).toEqualTypeOf<Model | Uint8Array | string>();
    expectTypeOf<core.Session>().toExtend<AsyncDisposable>();
    expectTypeOf<core.RuntimeErrorCode>().toEqualTypeOf<core.RuntimeError["code"]>();
  });
});

import { createRuntime, createRuntimeFrom } from "@ocrslim/runtime";
import { runtimeChecks } from "@ocrslim/test-utils";
import * as ort from "onnxruntime-node";
import { describe, it } from "vitest";

describe.each([
  ["createRuntime", () => createRuntime({ threads: 1 })],
  ["createRuntimeFrom an injected module", () => createRuntimeFrom(ort)],
] as const)("%s", (_, create) => {
  it.each(runtimeChecks.map(({ name, check }) => [name, check] as const))(
    "%s",
    async (_, check) => {
      await check(create());
    },
  );
});

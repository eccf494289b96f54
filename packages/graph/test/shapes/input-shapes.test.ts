import { type Dimension, Graph, GraphError, Model, resolveInputShapes } from "@ocrslim/graph";
import { describe, expect, it } from "vitest";

function modelWith(inputs: Readonly<Record<string, readonly Dimension[]>>): Model {
  const graph = new Graph();
  for (const [name, shape] of Object.entries(inputs)) {
    graph.addInput(name, { kind: "tensor", dtype: "float32", shape });
  }
  return new Model(graph);
}

describe("resolveInputShapes", () => {
  it("fills an image input with one image of 3 channels and 640 × 640", () => {
    const model = modelWith({ x: ["n", "c", undefined, undefined] });
    expect(resolveInputShapes(model)).toEqual({ x: [1, 3, 640, 640] });
  });

  it("takes height and width as given, and keeps fixed dims", () => {
    const model = modelWith({ x: ["n", 1, 48, "w"] });
    expect(resolveInputShapes(model, { size: [32, 320] })).toEqual({ x: [1, 1, 48, 320] });
  });

  it("lets a given shape win, and checks it", () => {
    const model = modelWith({ x: ["n", 3, "h", "w"], scale: ["n", 2] });
    expect(resolveInputShapes(model, { inputShapes: { x: [2, 3, 8, 8] } })).toEqual({
      x: [2, 3, 8, 8],
      scale: [1, 2],
    });
    expect(() => resolveInputShapes(model, { inputShapes: { x: [2, 4, 8, 8] } })).toThrow(
      expect.objectContaining({ code: "shape-mismatch" }),
    );
  });

  it("names every input that it cannot guess", () => {
    const model = modelWith({ tokens: ["n", "length"], x: ["n", 3, "h", "w"] });
    model.graph.addInput("any", { kind: "tensor", dtype: "float32" });
    let thrown: unknown;
    try {
      resolveInputShapes(model);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(GraphError);
    expect(thrown).toMatchObject({ code: "invalid-option", value: "tokens" });
    expect((thrown as GraphError).message).toMatch(/"tokens" \[n, length\], "any" no shape/);
  });
});

import type { Transform } from "../contracts/transform.ts";

const NAME = "removeInitializersFromInputs";

/**
 * Takes initializers out of the graph's inputs, so that they are constants rather than defaults that
 * a caller may override; ONNX Runtime does not optimize convolutions over such defaults. Raises the
 * file format to version 4 if it is older, as that version introduced the distinction.
 *
 * @example
 * ```ts
 * await transform(model, removeInitializersFromInputs());
 * // inputs: x, conv.weight, conv.bias   →   inputs: x
 * ```
 * @category Transforms
 */
export function removeInitializersFromInputs(): Transform {
  return {
    name: NAME,
    run(model) {
      const { graph } = model;
      const inputs = graph.inputs.filter((value) => !value.isInitializer);
      const removedInputs = graph.inputs.length - inputs.length;
      if (removedInputs > 0) {
        graph.setInputs(inputs);
        if (model.irVersion < 4) model.irVersion = 4;
      }
      return { modified: removedInputs > 0, counts: { removedInputs } };
    },
  };
}

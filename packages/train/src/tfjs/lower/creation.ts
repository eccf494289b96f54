import { type Lowering, type LoweringEntry, positiveAxis } from "../lowering.ts";
import { makeTensor, tfDtype } from "../tfjs.ts";

/** Constants that are larger than shape inference computes. */
const constantOfShape: Lowering = ({ tf, node, outputDims, outputDtype, cached }) => [
  cached("filled", () => {
    const attribute = node.attribute("value");
    const value = attribute?.type === "tensor" ? (attribute.value.toNumbers()[0] ?? 0) : 0;
    const dims = [...outputDims()];
    return tf.cast(tf.fill(dims, value, "float32"), tfDtype(outputDtype()));
  }),
];

const constant: Lowering = ({ tf, node, cached, fail }) => [
  cached("value", () => {
    const attribute = node.attribute("value");
    if (attribute?.type !== "tensor") throw fail("its value is not a tensor");
    const { dtype, dims } = attribute.value;
    return makeTensor(tf, tfDtype(dtype), dims, attribute.value.toNumbers());
  }),
];

const shape: Lowering = ({ tf, node, input }) => {
  const dims = input(0).shape;
  const end = node.int("end");
  return [tf.tensor1d(dims.slice(node.int("start", 0), end), "int32")];
};

const range: Lowering = ({ tf, numbers, outputDims, outputDtype, cached }) => [
  cached("range", () => {
    const [count = 0] = outputDims();
    const start = numbers(0)?.[0] ?? 0;
    const step = numbers(2)?.[0] ?? 1;
    const elements = Float64Array.from({ length: count }, (_, at) => start + at * step);
    return makeTensor(tf, tfDtype(outputDtype()), [count], elements);
  }),
];

const oneHot: Lowering = ({ tf, node, input, outputDims }) => {
  const indices = tf.cast(input(0), "int32");
  const dims = outputDims();
  const axis = positiveAxis(node.int("axis", -1), dims.length);
  const depth = dims[axis] ?? 1;
  const positive = tf.where(
    tf.less(indices, 0),
    tf.add(indices, tf.scalar(depth, "int32")),
    indices,
  );
  const places = tf
    .range(0, depth, 1, "int32")
    .reshape(dims.map((_, at) => (at === axis ? depth : 1)));
  const isOn = tf.equal(tf.expandDims(positive, axis), places);
  const [off, on] = tf.split(input(2), 2, 0).map((value) => tf.reshape(value, []));
  const mask = tf.cast(isOn, input(2).dtype);
  return [off && on ? tf.add(off, tf.mul(mask, tf.sub(on, off))) : mask];
};

/** Operators that make tensors. */
export const creationLowerings: readonly LoweringEntry[] = [
  ["Constant", constant],
  ["ConstantOfShape", constantOfShape],
  ["Shape", shape],
  ["Size", ({ tf, input }) => [tf.scalar(input(0).size, "int32")]],
  ["Range", range],
  ["OneHot", oneHot],
];

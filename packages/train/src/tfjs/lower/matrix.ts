import { type Lowering, type LoweringContext, type LoweringEntry, sizeOf } from "../lowering.ts";
import { broadcast, expand } from "../operations.ts";
import type { Tfjs, TfTensor } from "../tfjs.ts";

/** As numpy.matmul: the gradient of tf.matMul does not sum over broadcast dims. */
export function matMul(tf: Tfjs, a: TfTensor, b: TfTensor): TfTensor {
  const left = a.rank === 1 ? tf.reshape(a, [1, a.size]) : a;
  const right = b.rank === 1 ? tf.reshape(b, [b.size, 1]) : b;
  const [rows = 1, inner = 1] = left.shape.slice(-2);
  const columns = right.shape.at(-1) ?? 1;
  const batch = broadcast(left.shape.slice(0, -2), right.shape.slice(0, -2));
  let product: TfTensor;
  if (right.rank === 2) {
    product = tf.matMul(tf.reshape(left, [-1, inner]), right);
  } else {
    const stack = (x: TfTensor): TfTensor => {
      const matrix = x.shape.slice(-2);
      return tf.reshape(expand(tf, x, [...batch, ...matrix]), [sizeOf(batch), ...matrix]);
    };
    product = tf.matMul(stack(left), stack(right));
  }
  const dims = [...batch];
  if (a.rank > 1) dims.push(rows);
  if (b.rank > 1) dims.push(columns);
  return tf.reshape(product, dims);
}

const gemm: Lowering = ({ tf, node, input, optional }) => {
  const isOn = (name: string): boolean => node.int(name, 0) !== 0;
  const alpha = node.float("alpha", 1);
  const beta = node.float("beta", 1);
  const product = tf.matMul(input(0), input(1), isOn("transA"), isOn("transB"));
  const scaled = alpha === 1 ? product : tf.mul(product, alpha);
  const bias = optional(2);
  if (!bias) return [scaled];
  return [tf.add(scaled, beta === 1 ? bias : tf.mul(bias, beta))];
};

/** A tensor with a letter for each axis. */
interface Labelled {
  readonly x: TfTensor;
  readonly labels: readonly string[];
}

/** Sums over the axes that nobody else wants, and orders the others. */
function arrange(tf: Tfjs, { x, labels }: Labelled, order: readonly string[]): TfTensor {
  const dropped = labels.flatMap((label, axis) => (order.includes(label) ? [] : [axis]));
  const summed = dropped.length > 0 ? tf.sum(x, dropped) : x;
  const left = labels.filter((label) => order.includes(label));
  const positions = order.map((label) => left.indexOf(label));
  return summed.rank < 2 ? summed : tf.transpose(summed, positions);
}

/** Two operands as one product of matrices: [batch, left, inner] · [batch, inner, right]. */
function contract(tf: Tfjs, a: Labelled, b: Labelled, wanted: readonly string[]): Labelled {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => wanted.includes(label));
  const inner = shared.filter((label) => !wanted.includes(label));
  const own = (from: Labelled): readonly string[] =>
    from.labels.filter((label) => !shared.includes(label) && wanted.includes(label));
  const [left, right] = [own(a), own(b)];
  const dimOf = (label: string): number => {
    const holder = a.labels.includes(label) ? a : b;
    return holder.x.shape[holder.labels.indexOf(label)] ?? 1;
  };
  const dims = (labels: readonly string[]): number[] => labels.map(dimOf);
  const [n, m, k, p] = [batch, left, inner, right].map((labels) => sizeOf(dims(labels)));
  const first = tf.reshape(arrange(tf, a, [...batch, ...left, ...inner]), [n ?? 1, m ?? 1, k ?? 1]);
  const second = tf.reshape(arrange(tf, b, [...batch, ...inner, ...right]), [
    n ?? 1,
    k ?? 1,
    p ?? 1,
  ]);
  const labels = [...batch, ...left, ...right];
  return { x: tf.reshape(tf.matMul(first, second), dims(labels)), labels };
}

/** Not `tf.einsum`, which has no gradient. */
const einsum: Lowering = ({ tf, node, input, fail }: LoweringContext) => {
  const equation = node.string("equation", "").replaceAll(" ", "");
  const [sources = "", written] = equation.split("->");
  const terms = sources.split(",");
  if (equation.includes(".")) throw fail(`the ellipsis of "${equation}" is not covered`);
  if (terms.some((term) => new Set(term).size !== term.length)) {
    throw fail(`the diagonal of "${equation}" is not covered`);
  }
  const all = [...sources.replaceAll(",", "")];
  const implied = [...new Set(all)]
    .filter((label) => all.indexOf(label) === all.lastIndexOf(label))
    .sort();
  const wanted = written === undefined ? implied : [...written];
  const operands = terms.map((term, index): Labelled => ({ x: input(index), labels: [...term] }));
  const result = operands.reduce((a, b, index) => {
    const later = operands.slice(index + 1).flatMap(({ labels }) => labels);
    return contract(tf, a, b, [...wanted, ...later]);
  });
  return [arrange(tf, result, wanted)];
};

/** Products of matrices. */
export const matrixLowerings: readonly LoweringEntry[] = [
  ["MatMul", ({ tf, input }) => [matMul(tf, input(0), input(1))]],
  ["Gemm", gemm],
  ["Einsum", einsum],
];

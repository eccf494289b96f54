import { createRunContext, elementCount, type Model } from "@ocrslim/graph";
import type {
  ChannelGradientOptions,
  ChannelGradients,
  Feeds,
  MeasureChannelGradients,
  Runtime,
  RuntimeTensor,
} from "@ocrslim/runtime";
import { TrainError } from "../errors.ts";
import type { GradientRule } from "../gradients/gradient-rule.ts";
import { buildGradientGraph } from "./build-gradient-graph.ts";

/** Options of {@link createChannelGradients}. */
export interface CreateChannelGradientsOptions {
  readonly runtime: Runtime;
  /** Gradient rules that are added or win, by `opType`, or `domain:opType` for other domains. */
  readonly rules?: ReadonlyMap<string, GradientRule>;
}

/** Samples of the output's distribution an image, where `draws` is left out. */
const DRAWS = 2;

/**
 * Returns a function that measures, for channels of inner values, gradients of the likelihood of
 * labels that are sampled from the model's own output. Its expectations are the diagonal of the
 * Gauss–Newton matrix (Martens 2020, "New Insights and Perspectives on the Natural Gradient Method",
 * §9.2) and need no labels. Outputs are taken as independent probabilities: what a Sigmoid,
 * HardSigmoid or Softmax gives, else logits.
 *
 * One graph for each input shape, forward and backward in one; only the sums per channel leave the
 * runtime. A value that the outputs do not depend on, or that comes after the logits, is left out.
 * @throws TrainError (by the function) `invalid-option` for values that are no computed floats
 *   [N, C, …], without feeds or with draws < 1; `invalid-data` if a gradient is not finite;
 *   `unknown-operator` if an operator on the way has no gradient.
 * @category Training
 */
export function createChannelGradients(
  options: CreateChannelGradientsOptions,
): MeasureChannelGradients {
  return (model, request) => measure(model, request, options);
}

async function measure(
  model: Model,
  request: ChannelGradientOptions,
  { runtime, rules }: CreateChannelGradientsOptions,
): Promise<ReadonlyMap<string, ChannelGradients>> {
  const { feeds, draws = DRAWS } = request;
  const values = [...new Set(request.values)];
  if (feeds.length === 0 || !Number.isInteger(draws) || draws < 1) {
    throw new TrainError(
      "invalid-option",
      `createChannelGradients: there are ${feeds.length} feeds and ${draws} draws; give at least one of each`,
    );
  }
  const { onProgress, signal, random } = createRunContext(request);
  const task = "measure gradients";
  const total = feeds.length * draws;
  const results = new Map<string, { squares: Float64Array; fisher: Float64Array }>();
  let done = 0;
  onProgress({ kind: "start", task, total, unit: "passes" });
  for (const { inputShapes, members } of byShape(feeds)) {
    const graph = await buildGradientGraph(model, {
      values,
      inputShapes,
      ...(rules ? { rules } : {}),
    });
    await using session = await runtime.load(graph.model);
    for (const feed of members) {
      for (let draw = 0; draw < draws; draw++) {
        signal?.throwIfAborted();
        const signs = Object.fromEntries(
          graph.signs.map(({ name, dims }) => [name, drawSigns(dims, random)]),
        );
        const outputs = await session.run({ ...feed, ...signs });
        for (const { value, squares, products } of graph.sums) {
          const square = outputs[squares]?.data as Float32Array;
          const product = outputs[products]?.data as Float32Array;
          const sums = results.get(value) ?? {
            squares: new Float64Array(square.length),
            fisher: new Float64Array(square.length),
          };
          results.set(value, sums);
          for (let channel = 0; channel < square.length; channel++) {
            const amount = square[channel] as number;
            const gate = product[channel] as number;
            if (!Number.isFinite(amount) || !Number.isFinite(gate)) throw notFinite(value, channel);
            sums.squares[channel] = (sums.squares[channel] as number) + amount / total;
            sums.fisher[channel] = (sums.fisher[channel] as number) + gate ** 2 / total;
          }
        }
        onProgress({ kind: "advance", task, done: ++done, total, unit: "passes" });
      }
    }
  }
  onProgress({ kind: "end", task });
  return results;
}

/** Feeds that one graph can take together: those whose inputs have equal dims. */
function byShape(feeds: readonly Feeds[]): Iterable<{
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
  readonly members: readonly Feeds[];
}> {
  const groups = new Map<
    string,
    { inputShapes: Record<string, readonly number[]>; members: Feeds[] }
  >();
  for (const feed of feeds) {
    const inputShapes = Object.fromEntries(
      Object.entries(feed).map(([name, tensor]) => [name, tensor.dims]),
    );
    const key = JSON.stringify(inputShapes);
    const group = groups.get(key) ?? { inputShapes, members: [] };
    group.members.push(feed);
    groups.set(key, group);
  }
  return groups.values();
}

function drawSigns(dims: readonly number[], random: () => number): RuntimeTensor {
  const data = new Float32Array(elementCount(dims));
  for (let index = 0; index < data.length; index++) data[index] = random() < 0.5 ? -1 : 1;
  return { dtype: "float32", dims, data };
}

function notFinite(value: string, channel: number): TrainError {
  return new TrainError(
    "invalid-data",
    `createChannelGradients: the gradient at channel ${channel} of "${value}" is not finite; look for NaN or infinite weights and inputs`,
    { value },
  );
}

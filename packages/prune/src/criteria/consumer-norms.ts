import type { ChannelGroup, CriterionContext } from "@ocrslim/graph";
import { PruneError } from "../errors.ts";
import type { ConsumerView } from "../statistics/activation-statistics.ts";
import { axisLayout, squareSums, weightValues } from "./weight-members.ts";

/** A consumer with ‖w‖² of the weights that read each index of its input. */
export interface WeightedView extends ConsumerView {
  readonly squares: Float64Array;
}

/**
 * The consumers whose weights are constant, with their norms. In a grouped convolution each index of
 * the weight's axis reads one channel of every convolution group.
 * @throws PruneError `not-applicable` if there are none.
 */
export function weighConsumers(
  criterion: string,
  group: ChannelGroup,
  views: readonly ConsumerView[],
  context: CriterionContext,
): readonly WeightedView[] {
  const computed = new Set<string>();
  for (const { role, value } of group.members) if (role === "activation") computed.add(value);
  const weighted = views
    .filter(({ consumer }) => !computed.has(consumer.value))
    .map((view) => ({ ...view, squares: squaresByInput(view, context) }));
  if (weighted.length > 0) return weighted;
  throw new PruneError(
    "not-applicable",
    `${criterion}: no consumer of group "${group.id}" has weights`,
    { group: group.id },
  );
}

function squaresByInput(view: ConsumerView, context: CriterionContext): Float64Array {
  const { consumer, channelOf } = view;
  const tensor = context.tensorOf(consumer.value);
  if (tensor.dims[consumer.axis] === channelOf.length) return squareSums(tensor, consumer.axis);
  // Conv [M, C/g, …]: rows m of group q read the channels q·C/g … (q+1)·C/g − 1.
  const values = weightValues(tensor);
  const { outer, length, inner } = axisLayout(tensor.dims, consumer.axis);
  const rows = outer / (channelOf.length / length);
  const out = new Float64Array(channelOf.length);
  for (let row = 0, at = 0; row < outer; row++) {
    const first = Math.floor(row / rows) * length;
    for (let index = 0; index < length; index++) {
      let sum = 0;
      for (const end = at + inner; at < end; at++) sum += (values[at] as number) ** 2;
      out[first + index] = (out[first + index] ?? 0) + sum;
    }
  }
  return out;
}

/** Sums `numberOf(view, index)` over the indices of each channel. */
export function sumOverInputs(
  view: WeightedView,
  width: number,
  numberOf: (view: WeightedView, index: number) => number,
): Float64Array {
  const out = new Float64Array(width);
  view.channelOf.forEach((channel, index) => {
    if (channel >= 0) out[channel] = (out[channel] ?? 0) + numberOf(view, index);
  });
  return out;
}

import type { Criterion, Tensor } from "@ocrslim/graph";
import { named } from "../named.ts";
import { distanceSums, gatherRows } from "./distances.ts";
import {
  absoluteSums,
  firstProducer,
  meanByChannel,
  selectWeights,
  squareSums,
} from "./weight-members.ts";

/**
 * PaddleSlim's `l1_norm`: Σ|w| of each filter of the group's first producer, averaged over the
 * filters of a convolution group. Nothing else of the group counts.
 * @category Criteria
 */
export function paddleL1Norm(): Criterion {
  return masterOnly("paddleL1Norm", absoluteSums);
}

/**
 * PaddleSlim's L2 criterion: the Euclidean norm of each filter of the group's first producer,
 * averaged over the filters of a convolution group.
 * @category Criteria
 */
export function paddleL2Norm(): Criterion {
  return masterOnly("paddleL2Norm", (tensor, axis) => squareSums(tensor, axis).map(Math.sqrt));
}

/**
 * PaddleSlim's `geometry_median`: for each filter of the group's first producer, the sum of its
 * distances to all filters, averaged over the filters of a convolution group.
 * @category Criteria
 */
export function paddleGeometricMedian(): Criterion {
  return masterOnly("paddleGeometricMedian", (tensor, axis) => {
    const length = tensor.dims[axis] ?? 0;
    return distanceSums(
      gatherRows(
        tensor,
        axis,
        Int32Array.from({ length }, (_, i) => i),
        length,
      ),
    );
  });
}

function masterOnly(
  name: string,
  scoreFilters: (tensor: Tensor, axis: number) => Float64Array,
): Criterion {
  return named(name, (group, context) => {
    const [master] = selectWeights(group, context, firstProducer, name);
    if (!master) return new Float64Array(group.width);
    const { member, tensor } = master;
    return meanByChannel(scoreFilters(tensor, member.axis), member.channelOf, group.width);
  });
}

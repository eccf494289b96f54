import {
  type ChannelGroup,
  createRunContext,
  findChannelGroups,
  inferShapes,
  type Model,
  type PruningPlan,
  type RunOptions,
  type Transform,
} from "@ocrslim/graph";
import type { Runtime } from "@ocrslim/runtime/core";
import type { Feeds } from "../statistics/collect-activation-statistics.ts";
import { checkImages } from "./check-images.ts";
import { type Disagreement, measureDisagreement } from "./disagreement.ts";
import type { ReconstructedLayer } from "./reconstructed-layer.ts";
import { defaultPositions, sampleImages } from "./sample-points.ts";
import { walkLayers } from "./walk-layers.ts";
import { planWalk } from "./walk-plan.ts";

/** Options of {@link reconstruct}. */
export interface ReconstructOptions extends RunOptions {
  /** The unpruned model, whose layers' outputs are the targets. */
  readonly teacher: Model;
  /** The plan that the model was pruned by. */
  readonly plan: PruningPlan;
  /** Unlabelled calibration inputs, one image each, all of them read several times. */
  readonly feeds: readonly Feeds[];
  readonly runtime: Runtime;
  /** Images that are used for nothing but to measure agreement, before and after. Default: none. */
  readonly heldOut?: readonly Feeds[];
  /** Groups of the teacher. Default: found at the plan's input shapes. */
  readonly groups?: readonly ChannelGroup[];
  /** Positions that are sampled of each layer and image. Default: 24,000 / images, 250 to 1000. */
  readonly positions?: number;
  /** How much more often positions at text are sampled: 1 + this. Default: 3. */
  readonly textWeight?: number;
  /** Pull towards the old weights, as a share of the mean variance of a layer's inputs. Default: 1e-3. */
  readonly damping?: number;
  /** The same for layers that see one position an image (gates). Default: 0.1. */
  readonly gateDamping?: number;
}

/** What {@link reconstruct} uses where options are left out. */
export const RECONSTRUCT_DEFAULTS = {
  textWeight: 3,
  damping: 1e-3,
  gateDamping: 0.1,
} as const;

/** What a refit did. */
export interface ReconstructionReport {
  /** What became of each layer whose inputs changed, in the order in which they run. */
  readonly layers: readonly ReconstructedLayer[];
  /** Distance to the unpruned model on held-out images, if there were any. */
  readonly disagreement?: { readonly before: Disagreement; readonly after: Disagreement };
}

/**
 * Refits every layer of a pruned model by least squares, in the order in which they run: inputs are
 * those of the pruned and already refitted model, targets the unpruned model's outputs of the
 * channels that stay. So each layer also makes up for what the layers before it could not (He et al.
 * 2017, §3.2). Depthwise convolutions, and those that least squares can't refit here, get a gain and
 * a bias per channel. Biases are made where there were none.
 *
 * @example
 * ```
 * await transform(model, [pruneChannels({ plan }), reconstruct({ teacher, plan, feeds, runtime })]);
 * ```
 * @category Transforms
 */
export function reconstruct(options: ReconstructOptions): Transform {
  return {
    name: "reconstruct",
    async run(model, context) {
      const layers = await reconstructLayers(model, { ...context, ...options });
      const refitted = layers.filter(({ method }) => method !== "declined").length;
      return { modified: refitted > 0, counts: { refitted, declined: layers.length - refitted } };
    },
  };
}

/** What {@link reconstruct} does, as a function: edits the model, and reports on each layer. */
export async function reconstructLayers(
  student: Model,
  options: ReconstructOptions,
): Promise<readonly ReconstructedLayer[]> {
  return (await reconstructModel(student, options)).layers;
}

/**
 * What {@link reconstruct} does, as a function: edits the model, and reports on each layer and on the
 * agreement with the unpruned model.
 * @throws PruneError `invalid-option` if there are no calibration inputs, or blank ones only, or
 *   numbers that are not finite in them or in what a model computes; RuntimeError `invalid-feed` for
 *   inputs that the model can't take.
 */
export async function reconstructModel(
  student: Model,
  options: ReconstructOptions,
): Promise<ReconstructionReport> {
  const { teacher, plan, feeds, runtime, heldOut = [] } = options;
  const settings = {
    ...RECONSTRUCT_DEFAULTS,
    positions: defaultPositions(feeds.length),
    ...options,
    ...createRunContext(options),
  };
  const { distinct } = checkImages("reconstruct", feeds, settings.logger);
  const shapes = inferShapes(teacher, { inputShapes: plan.inputShapes });
  const groups = options.groups ?? findChannelGroups(teacher, { shapes });
  const before =
    heldOut.length > 0
      ? await measureDisagreement(student, teacher, { feeds: heldOut, runtime })
      : undefined;
  const points = await sampleImages(teacher, { ...settings, caller: "reconstruct" });
  const layers = await walkLayers({
    ...settings,
    student,
    walk: planWalk(teacher, plan, groups, shapes),
    points,
    independent: distinct / feeds.length,
  });
  for (const { layer, reason } of layers)
    if (reason) settings.logger.debug(`reconstruct: "${layer}": ${reason}`);
  if (!before) return { layers };
  const after = await measureDisagreement(student, teacher, { feeds: heldOut, runtime });
  return { layers, disagreement: { before, after } };
}

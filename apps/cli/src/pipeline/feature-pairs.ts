import {
  type ChannelGroup,
  findChannelGroups,
  inferShapes,
  keptIndices,
  type Model,
  type PruningPlan,
} from "@ocrslim/graph";
import type { FeaturePair } from "@ocrslim/train";
import { CliError } from "../cli-error.ts";

/** What {@link listFeaturePairs} looks at. */
export interface FeaturePairOptions {
  readonly student: Model;
  readonly teacher: Model;
  /** Name that the teacher's values stand behind in the joined model. */
  readonly prefix: string;
  /** The plan that the student was pruned by. */
  readonly plan: PruningPlan;
  /** Groups of the teacher, if they are at hand. */
  readonly groups?: readonly ChannelGroup[];
  readonly inputShapes: Readonly<Record<string, readonly number[]>>;
}

/**
 * Chooses inner values to compare: at each spatial size, the last convolution that both models have
 * under one name, and whose channels in the student are those that the plan kept of the teacher's.
 * @throws CliError `unsuitable-model` if there is none.
 */
export function listFeaturePairs(options: FeaturePairOptions): readonly FeaturePair[] {
  const { student, teacher, prefix, plan, inputShapes } = options;
  const groups = options.groups ?? findChannelGroups(teacher, { inputShapes: plan.inputShapes });
  const kept = keptIndices(groups, new Map(plan.groups.map(({ id, keep }) => [id, keep])));
  const [ofStudent, ofTeacher] = [student, teacher].map((model) =>
    inferShapes(model, { inputShapes }),
  );
  const bySize = new Map<string, FeaturePair>();
  for (const node of teacher.graph.nodes) {
    const output = node.outputs[0];
    if (!output || !/^Conv(Transpose)?$/.test(node.opType)) continue;
    const twin = student.graph.value(output.name);
    const [, width = 0, ...place] = ofTeacher?.shapeOf(output) ?? [];
    const dims = twin && ofStudent?.shapeOf(twin);
    // Maps of one channel are the output, gates have no place.
    if (!twin?.producer || !dims || width < 2 || place.every((side) => side === 1)) continue;
    const channels = [...(kept.get(output.name)?.get(1) ?? Array.from({ length: width }).keys())];
    if (dims[1] !== channels.length || dims.slice(2).join() !== place.join()) continue;
    bySize.set(place.join("×"), {
      student: twin.name,
      teacher: `${prefix}/${output.name}`,
      ...(channels.length === width ? {} : { channels }),
    });
  }
  const pairs = [...bySize.values()];
  if (pairs.length > 0) return pairs;
  throw new CliError(
    "unsuitable-model",
    "no convolution of the model has its counterpart in the teacher: their names or widths differ; give the plan that the model was pruned by and the model that was pruned",
  );
}

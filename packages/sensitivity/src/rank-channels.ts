import { type ChannelGroup, type Criterion, constantTensor, type Model } from "@ocrslim/graph";
import { SensitivityError } from "./errors.ts";

/**
 * The channels of a group by ascending score, equal ones by index: those that go first come first.
 * @throws SensitivityError `invalid-score` if the criterion gives another number of scores, or NaN.
 */
export function rankChannels(
  model: Model,
  group: ChannelGroup,
  criterion: Criterion,
  random: () => number,
): readonly number[] {
  const scores = criterion(group, {
    random,
    tensorOf(name) {
      // Exporters write weights as initializers or as Constant nodes.
      const value = model.graph.value(name);
      const tensor = value && constantTensor(value);
      if (tensor) return tensor;
      throw new SensitivityError(
        "invalid-score",
        `analyzeSensitivity: the criterion asks for the constant "${name}", which the model does not have`,
        { group: group.id },
      );
    },
  });
  if (scores.length !== group.width || scores.some(Number.isNaN)) {
    throw new SensitivityError(
      "invalid-score",
      `analyzeSensitivity: the criterion gives ${scores.length} scores${scores.some(Number.isNaN) ? ", NaN among them," : ""} for the ${group.width} channels of group "${group.id}"; it must give one number each`,
      { group: group.id },
    );
  }
  return Array.from(scores, (_, channel) => channel).toSorted(
    (a, b) => (scores[a] ?? 0) - (scores[b] ?? 0) || a - b,
  );
}

/** The channels that stay when the first `removed` of a ranking go, ascending. */
export function keptChannels(ranking: readonly number[], removed: number): readonly number[] {
  return ranking.slice(removed).toSorted((a, b) => a - b);
}

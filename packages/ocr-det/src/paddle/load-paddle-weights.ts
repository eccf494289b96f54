import { type Model, Tensor, type Value } from "@ocrslim/graph";
import { listParameters } from "./parameters.ts";
import type { PaddleWeights } from "./read-pdparams.ts";
import { invalidWeights, mismatchedWeights } from "./weights-error.ts";

/** Options of {@link loadPaddleWeights}. */
export interface LoadPaddleWeightsOptions {
  /**
   * Only weights whose names begin so are taken, without it: `Student.` for a file in which several
   * models lie. Default: `""`, all.
   */
  readonly prefix?: string;
}

/** Names that one message lists of each kind. */
const MAX_LISTED = 40;
const THRESHOLD_HEAD = "head.thresh.";
const SHRINK_HEAD = "head.binarize.";

/**
 * Puts weights into a model that `buildDbDetector` built, all or none. Float16 and float64 weights
 * become float32. An inference graph has no threshold head: its weights are then checked against
 * those of the shrink head, which has the same shapes, and left out.
 *
 * @throws OcrDetError `unsupported-model` listing every parameter that is missing, unknown or of
 * another shape, with the shapes; the model is then as it was.
 */
export function loadPaddleWeights(
  model: Model,
  weights: PaddleWeights,
  options: LoadPaddleWeightsOptions = {},
): void {
  const { prefix = "" } = options;
  const parameters = listParameters(model);
  if (parameters.size === 0) {
    throw mismatchedWeights(
      "loadPaddleWeights: the model has no parameter with a name of PaddleOCR's; give one that buildDbDetector built, before it is simplified",
    );
  }
  const given = selectPrefix(weights, prefix);
  const hasThreshold = [...parameters.keys()].some((name) => name.startsWith(THRESHOLD_HEAD));
  const problems = { missing: [] as string[], unknown: [] as string[], different: [] as string[] };
  const taken: { readonly value: Value; readonly tensor: Tensor }[] = [];
  for (const [name, tensor] of given) {
    const isLeftOut = !hasThreshold && name.startsWith(THRESHOLD_HEAD);
    const twin = isLeftOut ? name.replace(THRESHOLD_HEAD, SHRINK_HEAD) : name;
    const value = parameters.get(twin);
    const wanted = value?.tensor;
    if (!value || !wanted) problems.unknown.push(`${name} ${shapeOf(tensor)}`);
    else if (`${wanted.dims}` !== `${tensor.dims}` || !isFloat(tensor)) {
      problems.different.push(`${name} ${shapeOf(tensor)} instead of ${shapeOf(wanted)}`);
    } else if (!isLeftOut) taken.push({ value, tensor: toFloat32(tensor) });
  }
  for (const [name, { tensor }] of parameters) {
    if (!given.has(name)) problems.missing.push(tensor ? `${name} ${shapeOf(tensor)}` : name);
  }
  const lists = [
    list("missing", problems.missing),
    list("unknown to the model", problems.unknown),
    list("of another shape", problems.different),
  ].filter((text) => text !== "");
  if (lists.length > 0) {
    throw mismatchedWeights(
      `loadPaddleWeights: the weights are not of this architecture: ${lists.join("; ")}; build the detector that they were trained in`,
    );
  }
  for (const { value, tensor } of taken) value.tensor = tensor;
}

function selectPrefix(weights: PaddleWeights, prefix: string): PaddleWeights {
  if (prefix === "") return weights;
  const selected = [...weights].filter(([name]) => name.startsWith(prefix));
  if (selected.length === 0) {
    throw invalidWeights(
      `loadPaddleWeights: no weight begins with "${prefix}"; the first is "${[...weights.keys()][0] ?? ""}"`,
    );
  }
  return new Map(selected.map(([name, tensor]) => [name.slice(prefix.length), tensor]));
}

function list(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const rest = names.length - MAX_LISTED;
  const shown = names.slice(0, MAX_LISTED).join(", ");
  return `${names.length} ${what}: ${shown}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function shapeOf({ dtype, dims }: Tensor): string {
  return `${dtype === "float32" ? "" : `${dtype} `}[${dims.join(", ")}]`;
}

function isFloat({ dtype }: Tensor): boolean {
  return dtype === "float32" || dtype === "float16" || dtype === "float64";
}

function toFloat32(tensor: Tensor): Tensor {
  if (tensor.dtype === "float32") return tensor;
  return Tensor.float32(tensor.dims, Float32Array.from(tensor.toNumbers()));
}

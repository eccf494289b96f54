import type { Transform } from "../contracts/transform.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Value } from "../ir/value.ts";

const NAME = "deduplicateInitializers";

/**
 * Lets equal initializers (same type, dims and bytes) be one. Strings, sparse initializers, external
 * data, and those that are graph inputs or outputs stay apart.
 *
 * @example
 * ```ts
 * await transform(model, deduplicateInitializers());
 * // Clip(x, zero_1, six_1), Clip(y, zero_2, six_2)   →   Clip(x, zero_1, six_1), Clip(y, zero_1, six_1)
 * ```
 * @category Transforms
 */
export function deduplicateInitializers(): Transform {
  return {
    name: NAME,
    run(model) {
      const { graph } = model;
      const kept = new Map<string, Value[]>();
      let mergedInitializers = 0;
      for (const value of graph.initializers) {
        const { tensor } = value;
        if (!tensor || !isComparable(tensor) || value.isGraphInput || value.isGraphOutput) continue;
        const key = sketch(tensor);
        const candidates = kept.get(key);
        const twin = candidates?.find((other) => other.tensor && isSame(other.tensor, tensor));
        if (twin) {
          value.replaceAllUsesWith(twin);
          graph.removeInitializer(value);
          mergedInitializers++;
        } else if (candidates) candidates.push(value);
        else kept.set(key, [value]);
      }
      return { modified: mergedInitializers > 0, counts: { mergedInitializers } };
    },
  };
}

function isComparable(tensor: Tensor): boolean {
  return tensor.storage.kind === "raw" || tensor.storage.kind === "typed";
}

/** Type, dims and a hash of up to 64 bytes spread over the data: equal for equal tensors. */
function sketch(tensor: Tensor): string {
  const { bytes } = tensor;
  const step = Math.max(1, Math.floor(bytes.length / 64));
  let hash = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at += step) {
    hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  }
  return `${tensor.dtype}[${tensor.dims}]${hash}`;
}

function isSame(a: Tensor, b: Tensor): boolean {
  const left = a.bytes;
  const right = b.bytes;
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return true;
}

import { GraphError } from "../errors.ts";
import type { Value } from "../ir/value.ts";

/** A large transformer has about a tenth; each takes a few words of memory. */
const MAX_ATOMS = 2 ** 25;

/** One axis of a value that channels have reached; its indices are atoms `base … base + length − 1`. */
export interface Slot {
  readonly value: Value;
  readonly axis: number;
  readonly base: number;
  readonly length: number;
}

/** Disjoint sets of atoms: one atom for each (value, axis, index). @internal */
export class ChannelAtoms {
  readonly slots: Slot[] = [];
  readonly #byValue: Map<Value, (Slot | undefined)[]> = new Map();
  #parents: Int32Array = new Int32Array(4096);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  find(value: Value, axis: number): Slot | undefined {
    return this.#byValue.get(value)?.[axis];
  }

  /** @throws GraphError `unsupported` if there are more atoms than memory should be spent on. */
  add(value: Value, axis: number, length: number): Slot {
    if (this.#count + length > MAX_ATOMS) {
      throw new GraphError(
        "unsupported",
        `findChannelGroups: axis ${axis} of "${value.name}" has ${length} indices, which makes more than ${MAX_ATOMS} in all; use smaller input shapes`,
        { value: value.name },
      );
    }
    const slot = { value, axis, base: this.#count, length };
    const axes = this.#byValue.get(value);
    if (axes) axes[axis] = slot;
    else {
      const fresh: (Slot | undefined)[] = [];
      fresh[axis] = slot;
      this.#byValue.set(value, fresh);
    }
    this.slots.push(slot);
    this.#count += length;
    if (this.#count > this.#parents.length) {
      const grown = new Int32Array(Math.max(this.#count, this.#parents.length * 2));
      grown.set(this.#parents);
      this.#parents = grown;
    }
    for (let atom = slot.base; atom < this.#count; atom++) this.#parents[atom] = atom;
    return slot;
  }

  /** The atom that stands for the set of this one: the smallest of the set. */
  root(atom: number): number {
    const parents = this.#parents;
    let at = atom;
    for (;;) {
      const parent = parents[at] as number;
      if (parent === at) return at;
      const grandparent = parents[parent] as number;
      parents[at] = grandparent;
      at = grandparent;
    }
  }

  union(atom: number, other: number): void {
    const a = this.root(atom);
    const b = this.root(other);
    if (a < b) this.#parents[b] = a;
    else if (b < a) this.#parents[a] = b;
  }
}

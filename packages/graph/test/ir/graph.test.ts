import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  constantTensor,
  Graph,
  GraphError,
  graphAttribute,
  listCaptures,
  type Node,
  setConstantTensor,
  Tensor,
  tensorAttribute,
  type Value,
} from "../../src/index.ts";
import { expectConsistent } from "./invariants.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof GraphError) return error.code;
    throw error;
  }
  return "none";
}

/** x → a → b → c, in this order, each of one input. */
function chain(): { graph: Graph; x: Value; nodes: [Node, Node, Node] } {
  const graph = new Graph();
  const x = graph.addInput("x", { kind: "tensor", dtype: "float32" });
  const a = graph.createNode({ opType: "A", inputs: [x], outputs: ["a"] });
  const b = graph.createNode({ opType: "B", inputs: [a.output], outputs: ["b"] });
  const c = graph.createNode({ opType: "C", inputs: [b.output], outputs: ["c"] });
  graph.setOutputs([c.output]);
  return { graph, x, nodes: [a, b, c] };
}

const opTypes = (graph: Graph): string => [...graph.nodes].map(({ opType }) => opType).join("");

describe("iteration over nodes", () => {
  it("survives the removal of the node it is at, and of those after it", () => {
    const { graph, nodes } = chain();
    graph.setOutputs([]);
    const seen: string[] = [];
    for (const node of graph.nodes) {
      seen.push(node.opType);
      if (node.opType !== "A") continue;
      graph.remove(nodes[2]);
      graph.remove(nodes[1]);
      graph.remove(nodes[0]);
    }
    expect(seen).toEqual(["A"]);
    expect(graph.nodeCount).toBe(0);
    expectConsistent(graph);
  });

  it("goes on after a node that was replaced, and sees what is put after it", () => {
    const { graph } = chain();
    const seen: string[] = [];
    for (const node of graph.nodes) {
      seen.push(node.opType);
      if (node.opType !== "B") continue;
      const fresh = graph.createNode({ opType: "N", inputs: node.inputs, before: node });
      node.output.replaceAllUsesWith(fresh.output);
      graph.remove(node);
      graph.createNode({ opType: "M", inputs: [fresh.output], after: fresh });
    }
    expect(seen.join("")).toBe("ABC");
    expect(opTypes(graph)).toBe("ANMC");
    expectConsistent(graph);
  });

  it("sees nodes that are added at the end", () => {
    const { graph, x } = chain();
    let count = 0;
    for (const node of graph.nodes) {
      count++;
      if (node.opType === "C") graph.createNode({ opType: "D", inputs: [x] });
    }
    expect(count).toBe(4);
  });
});

describe("createNode", () => {
  it("puts a node before the first, and after a given one", () => {
    const { graph, x, nodes } = chain();
    graph.createNode({ opType: "F", inputs: [x], before: nodes[0] });
    graph.createNode({ opType: "G", inputs: [x], after: nodes[1] });
    expect(opTypes(graph)).toBe("FABGC");
    expectConsistent(graph);
  });

  it("refuses names that are taken, and leaves no other name behind", () => {
    const { graph, x } = chain();
    const create = (...outputs: string[]): string =>
      codeOf(() => graph.createNode({ opType: "D", inputs: [x], outputs }));
    expect(create("fresh", "a")).toBe("invalid-edit");
    expect(create("twice", "twice")).toBe("invalid-edit");
    expect(graph.value("fresh")).toBeUndefined();
    expect(graph.value("twice")).toBeUndefined();
    expectConsistent(graph);
  });

  it("refuses to stand beside a node that was removed or is of another graph", () => {
    const { graph, x, nodes } = chain();
    graph.setOutputs([]);
    graph.remove(nodes[2]);
    const other = chain().nodes[0];
    for (const place of [{ after: nodes[2] }, { before: nodes[2] }, { after: other }]) {
      expect(codeOf(() => graph.createNode({ opType: "D", inputs: [x], ...place }))).toBe(
        "invalid-edit",
      );
    }
    expectConsistent(graph);
  });

  it("never gives a name twice, here or in the graphs around", () => {
    const { graph, x, nodes } = chain();
    const body = new Graph();
    nodes[2].setAttribute("body", graphAttribute(body));
    const names = new Set<string>();
    for (const one of [graph, body])
      for (let round = 0; round < 20; round++)
        names.add(one.createNode({ opType: "D", inputs: [x] }).output.name);
    expect(names.size).toBe(40);
  });
});

describe("remove", () => {
  it("refuses a node whose output is read, given out, or that is gone already", () => {
    const { graph, nodes } = chain();
    expect(codeOf(() => graph.remove(nodes[0]))).toBe("invalid-edit");
    expect(codeOf(() => graph.remove(nodes[2]))).toBe("invalid-edit");
    graph.setOutputs([nodes[0].output]);
    graph.remove(nodes[2]);
    expect(codeOf(() => graph.remove(nodes[2]))).toBe("invalid-edit");
    expect(codeOf(() => graph.remove(chain().nodes[0]))).toBe("invalid-edit");
    expectConsistent(graph);
  });

  it("refuses a node whose output a subgraph reads, until that is gone", () => {
    const { graph, nodes } = chain();
    const body = new Graph();
    const deeper = new Graph();
    const inner = body.createNode({ opType: "I", inputs: [] });
    inner.setAttribute("deep", graphAttribute(deeper));
    deeper.createNode({ opType: "J", inputs: [nodes[1].output] });
    deeper.setOutputs([nodes[1].output]);
    const owner = graph.createNode({
      opType: "If",
      inputs: [],
      attributes: { body: graphAttribute(body) },
    });
    graph.setOutputs([]);
    graph.remove(nodes[2]);
    expect(listCaptures(owner)).toEqual([nodes[1].output]);
    expect(codeOf(() => graph.remove(nodes[1]))).toBe("invalid-edit");
    graph.remove(owner);
    graph.remove(nodes[1]);
    expect(opTypes(graph)).toBe("A");
    expectConsistent(graph);
  });

  it("of an initializer refuses what is used, and what is none", () => {
    const { graph, x, nodes } = chain();
    const w = graph.addInitializer("w", Tensor.int64([1]));
    nodes[0].setInput(1, w);
    expect(codeOf(() => graph.removeInitializer(w))).toBe("invalid-edit");
    expect(codeOf(() => graph.removeInitializer(x))).toBe("invalid-edit");
    expect(codeOf(() => graph.removeInitializer(nodes[0].output))).toBe("invalid-edit");
    nodes[0].setInput(1, undefined);
    graph.removeInitializer(w);
    expect(graph.value("w")).toBeUndefined();
    expect(nodes[0].inputs.length).toBe(1);
    expectConsistent(graph);
  });
});

describe("replaceAllUsesWith", () => {
  it("reaches inputs, graph outputs, and what subgraphs read and give out", () => {
    const { graph, x, nodes } = chain();
    const [a, b] = nodes;
    const body = new Graph();
    const inner = body.createNode({ opType: "I", inputs: [b.output, b.output] });
    body.setOutputs([b.output, inner.output]);
    graph.createNode({ opType: "If", inputs: [], attributes: { body: graphAttribute(body) } });
    graph.setOutputs([b.output, nodes[2].output, b.output]);
    b.output.replaceAllUsesWith(a.output);
    expect(b.output.uses).toEqual([]);
    expect(b.output.isGraphOutput).toBe(false);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["a", "c", "a"]);
    expect(body.outputs[0]).toBe(a.output);
    expect(inner.inputs).toEqual([a.output, a.output]);
    expect(nodes[2].inputs).toEqual([a.output]);
    graph.remove(b);
    expectConsistent(graph);
    x.replaceAllUsesWith(x);
    expect(x.uses.length).toBe(1);
  });
});

describe("sort", () => {
  it("keeps an order that can run, and says that nothing moved", () => {
    const { graph } = chain();
    expect(graph.sort()).toBe(false);
    expect(opTypes(graph)).toBe("ABC");
  });

  it("gives an order that can run, with the least of nodes moved, for any order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.nat(30), { maxLength: 3 }), { minLength: 1, maxLength: 15 }),
        fc.infiniteStream(fc.nat(1000)),
        (sources, keys) => {
          const graph = new Graph();
          const nodes: Node[] = [];
          for (const list of sources) {
            const inputs = nodes.length
              ? list.map((index) => nodes[index % nodes.length]?.output)
              : [];
            const place = nodes[(keys.next().value ?? 0) % (nodes.length + 1)];
            nodes.push(
              graph.createNode({ opType: "Op", inputs, ...(place ? { before: place } : {}) }),
            );
          }
          const before = [...graph.nodes];
          graph.sort();
          const after = [...graph.nodes];
          expect(new Set(after)).toEqual(new Set(before));
          expect(after).toEqual(greedyOrder(before));
          expect(graph.sort()).toBe(false);
          expectConsistent(graph);
        },
      ),
      { numRuns: 100, seed: 9 },
    );
  });

  it("puts what a subgraph reads before the node that holds it", () => {
    const graph = new Graph();
    const x = graph.addInput("x", { kind: "tensor", dtype: "float32" });
    const body = new Graph();
    graph.createNode({ opType: "If", inputs: [], attributes: { body: graphAttribute(body) } });
    const late = graph.createNode({ opType: "L", inputs: [x] });
    body.setOutputs([late.output]);
    expect(graph.sort()).toBe(true);
    expect([...graph.nodes].map(({ opType }) => opType)).toEqual(["L", "If"]);
  });

  it("names a node of a cycle, and leaves the order as it was", () => {
    const { graph, nodes } = chain();
    nodes[0].setInput(0, nodes[2].output);
    expect(codeOf(() => graph.sort())).toBe("invalid-model");
    expect(opTypes(graph)).toBe("ABC");
    nodes[0].setInput(0, nodes[0].output);
    expect(codeOf(() => graph.sort())).toBe("invalid-model");
    expectConsistent(graph);
  });
});

/** The definition: always the ready node that stands first. */
function greedyOrder(nodes: readonly Node[]): Node[] {
  const left = [...nodes];
  const done = new Set<Node | undefined>([undefined]);
  const order: Node[] = [];
  while (left.length > 0) {
    const at = left.findIndex((node) => node.inputs.every((value) => done.has(value?.producer)));
    const [next] = left.splice(at, 1);
    if (!next) break;
    order.push(next);
    done.add(next);
  }
  return order;
}

describe("values", () => {
  it("can't be renamed to a name that is taken", () => {
    const { x, nodes } = chain();
    expect(codeOf(() => (x.name = "b"))).toBe("invalid-edit");
    x.name = "renamed";
    expect(nodes[0].input(0)?.name).toBe("renamed");
  });

  it("that a node computes can't get a tensor; inputs come back after they were taken off", () => {
    const { graph, x, nodes } = chain();
    expect(codeOf(() => (nodes[0].output.tensor = Tensor.int64([1])))).toBe("invalid-edit");
    nodes[0].setInput(0, undefined);
    graph.setInputs([]);
    expect(graph.value("x")).toBeUndefined();
    graph.setInputs([x]);
    expect(graph.value("x")).toBe(x);
    expectConsistent(graph);
  });

  it("of Constant nodes are constants that can be replaced; others are not", () => {
    const { graph, x } = chain();
    const value = tensorAttribute(Tensor.float32([2], [1, 2]));
    const node = graph.createNode({ opType: "Constant", inputs: [], attributes: { value } });
    expect(constantTensor(node.output)?.dims).toEqual([2]);
    setConstantTensor(node.output, Tensor.float32([1], [3]));
    expect([...(constantTensor(node.output)?.toNumbers() ?? [])]).toEqual([3]);
    expect(constantTensor(x)).toBeUndefined();
    expect(codeOf(() => setConstantTensor(x, Tensor.int64([1])))).toBe("invalid-edit");
  });

  it("refuse a tensor whose data is not of its dims", () => {
    expect(codeOf(() => Tensor.float32([3], [1, 2]))).toBe("invalid-option");
  });
});

describe("attributes", () => {
  it("are read by type; another type is an error, an absent one the fallback", () => {
    const { nodes } = chain();
    nodes[0].setAttribute("axis", { type: "int", value: 2 });
    expect(nodes[0].int("axis")).toBe(2);
    expect(nodes[0].int("missing", 7)).toBe(7);
    expect(nodes[0].ints("missing")).toBeUndefined();
    expect(codeOf(() => nodes[0].float("axis"))).toBe("invalid-model");
    nodes[0].setAttribute("axis", undefined);
    expect(nodes[0].attributes).toEqual([]);
  });
});

/** @file Inlining: the nodes of a body or of a model's own function, put into a graph that is being built. */

import type { NodeBuilder } from "./builder.js";
import { renameNode } from "./edit.js";
import type { Attribute, FunctionBody, GraphBody, Node } from "./types.js";
import { withBodies } from "./validate.js";
import type { Value } from "./value.js";

/** Adds a body's nodes under fresh names, its inputs being `args`; gives its outputs. */
export function inlineBody(g: NodeBuilder, body: GraphBody, args: readonly Value[]): Value[] {
  const names = new Map(body.inputs.map(({ name }, i) => [name, args[i]!.name]));
  for (const [name, tensor] of body.initializers) names.set(name, g.parameter(name, tensor).name);
  addNodes(g, body.nodes, names);
  return body.outputs.map(({ name }) => g.tensor(names.get(name) ?? name));
}

/** Adds the nodes of a function for the node that calls it; undefined for inputs that are left out. */
export function inlineFunction(g: NodeBuilder, body: FunctionBody, call: Node): Value[] {
  const names = new Map(body.inputs.map((name, i) => [name, call.inputs[i] ?? ""]));
  const defaults = new Map<string, Attribute>();
  addNodes(
    g,
    body.nodes.map((node) => bindAttributes(node, new Map([...defaults, ...call.attrs]))),
    names,
  );
  return body.outputs.map((name) => g.tensor(names.get(name) ?? name));
}

function addNodes(g: NodeBuilder, nodes: readonly Node[], names: Map<string, string>): void {
  for (const node of nodes) {
    for (const name of node.outputs) if (name !== "") names.set(name, g.fresh(name));
    g.addNode({ ...renameNode(node, (name) => names.get(name) ?? name), name: "" }, { fromFile: true });
  }
}

/** The node with attributes that stand for the caller's replaced by them. */
function bindAttributes(node: Node, given: ReadonlyMap<string, Attribute>): Node {
  const bound = [...node.attrs].flatMap(([name, attr]): [string, Attribute][] => {
    if (attr.type !== "ref") return [[name, attr]];
    const value = given.get(attr.value);
    return value === undefined ? [] : [[name, value]];
  });
  return withBodies({ ...node, attrs: new Map(bound) }, (inner) => ({
    ...inner,
    nodes: inner.nodes.map((part) => bindAttributes(part, given)),
  }));
}

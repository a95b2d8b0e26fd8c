/** @file Checks that a model is whole: names unique and defined, nodes in order, bodies too. */

import { GraphError } from "../errors.js";
import { describeNode, namesIn, orderNodes } from "./scope.js";
import type { Attribute, GraphBody, Model, Node } from "./types.js";

/**
 * Checks a model and puts its nodes in an order in which they can run.
 *
 * @throws GraphError that names the first node or tensor that is wrong.
 */
export function checkModel<M extends Model>(model: M, who: string): M {
  if (model.irVersion < 1)
    throw new GraphError(who, `format version ${model.irVersion} is none; is this an ONNX model?`);
  return checkBody(model, new Set(), who);
}

function checkBody<B extends GraphBody>(body: B, outer: ReadonlySet<string>, who: string): B {
  const names = body.inputs.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new GraphError(who, `two inputs of graph "${body.name}" have one name`);
  const ordered = orderNodes(body, outer, who);
  const own = new Set(namesIn(body));
  for (const { name } of body.outputs) {
    if (own.has(name) || outer.has(name)) continue;
    throw new GraphError(who, `output ${JSON.stringify(name)} of graph "${body.name}" is made by nothing`);
  }
  let inner: ReadonlySet<string> | undefined;
  let changed = false;
  const nodes = ordered.map((node, i) => {
    if (node.opType === "") throw new GraphError(who, `${describeNode(node)} has no operator`);
    if (!hasBodies(node)) {
      changed ||= node !== body.nodes[i];
      return node;
    }
    inner ??= new Set([...outer, ...own]);
    changed = true;
    return withBodies(node, (part) => checkBody(part, inner!, who));
  });
  return changed ? { ...body, nodes } : body;
}

function hasBodies(node: Node): boolean {
  for (const { type } of node.attrs.values()) if (type === "graph" || type === "graphs") return true;
  return false;
}

/** The node with each body in its attributes replaced. */
export function withBodies(node: Node, change: (body: GraphBody) => GraphBody): Node {
  if (!hasBodies(node)) return node;
  const replace = (attr: Attribute): Attribute => {
    if (attr.type === "graph") return { ...attr, value: change(attr.value) };
    return attr.type === "graphs" ? { ...attr, value: attr.value.map(change) } : attr;
  };
  return { ...node, attrs: new Map([...node.attrs].map(([name, attr]) => [name, replace(attr)])) };
}

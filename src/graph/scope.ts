/** @file Names in a graph: which tensors a node reads, who makes a tensor, an order in which nodes can run. */

import { didYouMean, GraphError, listNames } from "../errors.js";
import type { GraphBody, Node } from "./types.js";

/** `MatMul "dense/MatMul" (model.ts:12)`: a node as messages name it. */
export function describeNode(node: Node): string {
  const label = node.name !== "" ? node.name : (node.outputs.find((name) => name !== "") ?? "");
  return `${node.opType} ${JSON.stringify(label)}${node.at === undefined ? "" : ` (${node.at})`}`;
}

/** The bodies in a node's attributes: branches of an If, the body of a Loop or Scan. */
export function bodiesOf(node: Node): GraphBody[] {
  const bodies: GraphBody[] = [];
  for (const attr of node.attrs.values()) {
    if (attr.type === "graph") bodies.push(attr.value);
    else if (attr.type === "graphs") bodies.push(...attr.value);
  }
  return bodies;
}

/** All tensors a node reads from its own scope, those that its bodies capture included. */
export function readsOf(node: Node): string[] {
  const reads = node.inputs.filter((name) => name !== "");
  for (const body of bodiesOf(node)) reads.push(...capturesOf(body));
  return reads;
}

/** Tensors that a body reads from the scopes around it. */
export function capturesOf(body: GraphBody): Set<string> {
  const own = new Set(namesIn(body));
  const captures = new Set<string>();
  const read = (name: string) => {
    if (name !== "" && !own.has(name)) captures.add(name);
  };
  for (const node of body.nodes) for (const name of readsOf(node)) read(name);
  for (const { name } of body.outputs) read(name);
  return captures;
}

/** Names of constants of a body, sparse ones included. */
export function constantNames(body: GraphBody): string[] {
  const sparse = body.more?.sparseInitializer ?? [];
  return [...body.initializers.keys(), ...sparse.map(({ values }) => values?.name ?? "")];
}

/** Every tensor that a body defines in its own scope. */
export function* namesIn(body: GraphBody): Generator<string> {
  for (const { name } of body.inputs) yield name;
  yield* constantNames(body);
  for (const { outputs } of body.nodes) for (const name of outputs) if (name !== "") yield name;
}

/** Those names, and all that bodies inside it define. */
export function* allNamesIn(body: GraphBody): Generator<string> {
  yield* namesIn(body);
  for (const node of body.nodes) for (const inner of bodiesOf(node)) yield* allNamesIn(inner);
}

/**
 * The nodes in an order in which each comes after those it reads; stable where they already are.
 *
 * @throws GraphError for a cycle, a tensor made twice, or one that nothing makes.
 */
export function orderNodes(body: GraphBody, outer: ReadonlySet<string>, who: string): readonly Node[] {
  const given = new Set([...outer, ...body.inputs.map(({ name }) => name), ...constantNames(body)]);
  const maker = makersOf(body, who);
  const done = new Set<Node>();
  const order: Node[] = [];
  const open = new Set<Node>();
  const visit = (first: Node) => {
    // depth first with a stack of our own: graphs can be deeper than the engine's
    const stack: { node: Node; reads: string[]; next: number }[] = [];
    const enter = (node: Node) => {
      open.add(node);
      stack.push({ node, reads: readsOf(node), next: 0 });
    };
    enter(first);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === top.reads.length) {
        stack.pop();
        open.delete(top.node);
        done.add(top.node);
        order.push(top.node);
        continue;
      }
      const name = top.reads[top.next++]!;
      const source = maker.get(name);
      if (source === undefined) {
        if (!given.has(name)) throw missing(name, top.node, [...given, ...maker.keys()], who);
      } else if (open.has(source)) {
        throw new GraphError(who, `tensor ${JSON.stringify(name)} depends on itself through ${describeNode(top.node)}`);
      } else if (!done.has(source)) enter(source);
    }
  };
  for (const node of body.nodes) if (!done.has(node)) visit(node);
  return order;
}

function makersOf(body: GraphBody, who: string): Map<string, Node> {
  const makers = new Map<string, Node>();
  const fixed = new Set([...body.inputs.map(({ name }) => name), ...constantNames(body)]);
  for (const node of body.nodes) {
    for (const name of node.outputs) {
      if (name === "") continue;
      const other = makers.get(name);
      if (other !== undefined || fixed.has(name)) {
        const first = other === undefined ? "an input or initializer" : describeNode(other);
        throw new GraphError(
          who,
          `tensor ${JSON.stringify(name)} is made twice: by ${first} and by ${describeNode(node)}`,
        );
      }
      makers.set(name, node);
    }
  }
  return makers;
}

function missing(name: string, node: Node, known: readonly string[], who: string): GraphError {
  return new GraphError(
    who,
    `${describeNode(node)} reads tensor ${JSON.stringify(name)}, which nothing makes${didYouMean(name, known.slice(0, 5000))}`,
  );
}

/** @throws GraphError where `names` asks for a tensor that the body lacks. */
export function requireNames(body: GraphBody, names: Iterable<string>, who: string): void {
  const known = new Set(namesIn(body));
  for (const name of names) {
    if (known.has(name)) continue;
    const near = didYouMean(name, [...known].slice(0, 5000));
    const shown = near === "" ? `; it has ${listNames([...known].slice(-50).reverse())}` : near;
    throw new GraphError(who, `no tensor ${JSON.stringify(name)} in the graph${shown}`);
  }
}

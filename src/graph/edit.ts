/** @file Changes of one model: cut, prune, rename. */

import { didYouMean, GraphError } from "../errors.js";
import { Namer } from "./names.js";
import { allNamesIn, bodiesOf, namesIn, readsOf, requireNames } from "./scope.js";
import type { GraphBody, Model, Node, ValueInfo } from "./types.js";
import { withBodies } from "./validate.js";

export function cutModel(model: Model, names: readonly string[]): Model {
  if (names.length === 0) throw new GraphError("Graph.cutAt", "name at least one tensor");
  requireNames(model, names, "Graph.cutAt");
  return pruneModel({ ...model, outputs: names.map((name) => infoOf(model, name)) });
}

/** What a model says of a tensor. */
export function infoOf(model: GraphBody, name: string): ValueInfo {
  const same = (info: ValueInfo) => info.name === name;
  const known = model.outputs.find(same) ?? model.inputs.find(same) ?? model.valueInfo.get(name);
  if (known !== undefined) return known;
  const weight = model.initializers.get(name);
  return { name, dtype: weight?.dtype, shape: weight?.shape };
}

export function pruneModel(model: Model): Model {
  const body = pruneBody(model);
  const used = new Set<string>();
  const use = (nodes: readonly Node[]) => {
    for (const node of nodes) {
      const key = `${node.domain}:${node.opType}`;
      if (!used.has(key)) {
        used.add(key);
        for (const f of model.functions) if (f.domain === node.domain && f.name === node.opType) use(f.nodes);
      }
      for (const part of bodiesOf(node)) use(part.nodes);
    }
  };
  use(body.nodes);
  return { ...model, ...body, functions: model.functions.filter(({ domain, name }) => used.has(`${domain}:${name}`)) };
}

/** Drops nodes and constants that no output needs. */
export function pruneBody<B extends GraphBody>(body: B): B {
  const needed = new Set(body.outputs.map(({ name }) => name));
  const nodes: Node[] = [];
  for (let i = body.nodes.length - 1; i >= 0; i--) {
    const node = body.nodes[i]!;
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of readsOf(node)) needed.add(name);
    nodes.push(node);
  }
  nodes.reverse();
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  return {
    ...body,
    nodes,
    initializers: new Map([...body.initializers].filter(([name]) => needed.has(name))),
    defaults: body.defaults.filter(({ name }) => needed.has(name)),
    valueInfo: new Map([...body.valueInfo].filter(([name]) => made.has(name))),
  };
}

export function renameModel(model: Model, names: Readonly<Record<string, string>>): Model {
  const pairs = new Map(Object.entries(names));
  requireNames(model, pairs.keys(), "Graph.rename");
  const taken = new Set(namesIn(model));
  for (const from of pairs.keys()) taken.delete(from);
  for (const to of pairs.values()) {
    if (to === "" || taken.has(to)) {
      throw new GraphError(
        "Graph.rename",
        `the name ${JSON.stringify(to)} is ${to === "" ? "empty" : "taken"}; choose another`,
      );
    }
    taken.add(to);
  }
  return renameBody(makeWay(model, new Set(pairs.values())), (name) => pairs.get(name) ?? name);
}

export function weightsToInputs(model: Model, names: readonly string[]): Model {
  const wanted = new Set(names);
  const inputs = names.map((name): ValueInfo => {
    const weight = model.initializers.get(name);
    if (weight !== undefined) return { name, dtype: weight.dtype, shape: weight.shape };
    const near = didYouMean(name, model.initializers.keys());
    throw new GraphError("Graph.feedWeights", `no weight ${JSON.stringify(name)} in the graph${near}`);
  });
  return {
    ...model,
    inputs: [...model.inputs, ...inputs],
    defaults: model.defaults.filter(({ name }) => !wanted.has(name)),
    initializers: new Map([...model.initializers].filter(([name]) => !wanted.has(name))),
  };
}

/** Gives other names to what bodies inside `body` call by one of `taken`: there it would hide the tensor of that name. */
export function makeWay<B extends GraphBody>(body: B, taken: ReadonlySet<string>): B {
  const namer = new Namer([...taken, ...allNamesIn(body)]);
  const within = <T extends GraphBody>(outer: T): T => {
    const nodes = outer.nodes.map((node) =>
      withBodies(node, (inner) => {
        const hiding = new Set([...namesIn(inner)].filter((name) => taken.has(name)));
        const moved = new Map([...hiding].map((name) => [name, namer.fresh(name)]));
        return within(moved.size === 0 ? inner : renameBody(inner, (name) => moved.get(name) ?? name));
      }),
    );
    return { ...outer, nodes };
  };
  return within(body);
}

/** Renames the tensors of a body, and where bodies inside it capture them. Names that bodies define themselves stay. */
export function renameBody<B extends GraphBody>(body: B, rename: (name: string) => string): B {
  const info = (value: ValueInfo): ValueInfo => {
    const name = rename(value.name);
    return name === value.name ? value : { ...value, name };
  };
  const renamed: B = {
    ...body,
    nodes: body.nodes.map((node) => renameNode(node, rename)),
    inputs: body.inputs.map(info),
    outputs: body.outputs.map(info),
    defaults: body.defaults.map(info),
    initializers: new Map([...body.initializers].map(([name, tensor]) => [rename(name), tensor])),
    valueInfo: new Map([...body.valueInfo.values()].map(info).map((value) => [value.name, value])),
  };
  return renamed;
}

export function renameNode(node: Node, rename: (name: string) => string): Node {
  const name = (tensor: string) => (tensor === "" ? "" : rename(tensor));
  const changed = { ...node, inputs: node.inputs.map(name), outputs: node.outputs.map(name) };
  return withBodies(changed, (inner) => {
    const own = new Set(namesIn(inner));
    return renameBody(inner, (tensor) => (own.has(tensor) ? tensor : rename(tensor)));
  });
}

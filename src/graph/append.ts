/** @file Appending: outputs of one model feed inputs of another. */

import { GraphError, listNames } from "../errors.js";
import { makeWay, renameBody } from "./edit.js";
import { Namer } from "./names.js";
import { raiseOpset } from "./opset.js";
import { namesIn } from "./scope.js";
import type { Model, Node } from "./types.js";

export interface AppendOptions {
  /** Input of the second graph -> tensor of the first. Default: same names, or the only output to the only input. */
  readonly connect?: Readonly<Record<string, string>>;
  /** Put before every tensor name of the second graph, its outputs excepted; names that clash get a number otherwise. */
  readonly prefix?: string;
  /** Tensors of the first graph that stay outputs; default none. */
  readonly keep?: readonly string[];
}

const who = "Graph.append";

export function appendModel(first: Model, second: Model, options: AppendOptions = {}): Model {
  const [a, b] = sameOpsets(first, second);
  const connect = options.connect ?? defaultConnections(a, b);
  const known = new Set(namesIn(a));
  for (const [input, source] of Object.entries(connect)) {
    if (!b.inputs.some(({ name }) => name === input) && !b.defaults.some(({ name }) => name === input)) {
      throw new GraphError(
        who,
        `the second graph has no input ${JSON.stringify(input)}; its inputs are ${namesOf(b.inputs)}`,
      );
    }
    if (!known.has(source)) {
      throw new GraphError(
        who,
        `the first graph has no tensor ${JSON.stringify(source)}; its outputs are ${namesOf(a.outputs)}`,
      );
    }
  }
  const moved = moveNames(a, b, connect, options.prefix ?? "");
  const fed = new Set(Object.values(connect));
  const kept = (options.keep ?? []).map((name) => {
    const output = a.outputs.find((info) => info.name === name);
    if (output === undefined)
      throw new GraphError(who, `keep: ${JSON.stringify(name)} is no output of the first graph`);
    return output;
  });
  return {
    ...a,
    name: b.name,
    nodes: [...a.nodes, ...withoutTakenNames(moved.nodes, a.nodes)],
    inputs: [...a.inputs, ...moved.inputs.filter(({ name }) => !fed.has(name))],
    defaults: [...a.defaults, ...moved.defaults.filter(({ name }) => !fed.has(name))],
    outputs: [...kept, ...moved.outputs],
    initializers: new Map([...a.initializers, ...[...moved.initializers].filter(([name]) => !fed.has(name))]),
    valueInfo: new Map([
      ...a.valueInfo,
      ...a.outputs
        .filter(({ name }) => !kept.some((info) => info.name === name))
        .map((info) => [info.name, info] as const),
      ...moved.valueInfo,
    ]),
    functions: mergeFunctions(a, b),
    metadata: new Map([...a.metadata, ...b.metadata]),
  };
}

/** Both models at the higher version of each operator set. */
function sameOpsets(first: Model, second: Model): [Model, Model] {
  for (const [domain, version] of second.opsets) {
    const other = first.opsets.get(domain);
    if (domain !== "" && other !== undefined && other !== version) {
      throw new GraphError(
        who,
        `the graphs use versions ${other} and ${version} of operators "${domain}"; export both with one`,
      );
    }
  }
  const version = Math.max(first.opsets.get("") ?? 0, second.opsets.get("") ?? 0);
  const [a, b] = version === 0 ? [first, second] : [raiseOpset(first, version, who), raiseOpset(second, version, who)];
  const opsets = new Map([...a.opsets, ...b.opsets]);
  const irVersion = Math.max(a.irVersion, b.irVersion);
  return [{ ...a, opsets, irVersion }, b];
}

function defaultConnections(a: Model, b: Model): Record<string, string> {
  const same = b.inputs.filter(({ name }) => a.outputs.some((output) => output.name === name));
  if (same.length > 0) return Object.fromEntries(same.map(({ name }) => [name, name]));
  if (a.outputs.length === 1 && b.inputs.length === 1) return { [b.inputs[0]!.name]: a.outputs[0]!.name };
  throw new GraphError(
    who,
    `no output of the first graph (${namesOf(a.outputs)}) has the name of an input of the second (${namesOf(b.inputs)}); set connect`,
  );
}

function moveNames(a: Model, b: Model, connect: Readonly<Record<string, string>>, prefix: string): Model {
  const namer = Namer.for(a);
  const renamed = new Map(Object.entries(connect));
  const outputs = new Set(b.outputs.map(({ name }) => name));
  // outputs come first: they keep their names where they can
  for (const name of [...outputs, ...namesIn(b)]) {
    if (renamed.has(name)) continue;
    renamed.set(name, namer.fresh(outputs.has(name) ? name : prefix + name));
  }
  const apart = makeWay(b, new Set([...namesIn(a), ...renamed.values()]));
  return renameBody(apart, (name) => renamed.get(name) ?? name);
}

/** Node names are labels, but no two may be the same: those that clash are dropped. */
function withoutTakenNames(nodes: readonly Node[], others: readonly Node[]): Node[] {
  const taken = new Set(others.map(({ name }) => name));
  return nodes.map((node) => (taken.has(node.name) ? { ...node, name: "" } : node));
}

function mergeFunctions(a: Model, b: Model): Model["functions"] {
  const clash = b.functions.find((f) =>
    a.functions.some((other) => other.domain === f.domain && other.name === f.name),
  );
  if (clash !== undefined) throw new GraphError(who, `both graphs define the function "${clash.domain}.${clash.name}"`);
  return [...a.functions, ...b.functions];
}

function namesOf(infos: readonly { readonly name: string }[]): string {
  return listNames(infos.map(({ name }) => name));
}

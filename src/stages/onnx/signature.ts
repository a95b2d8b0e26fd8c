/** @file What a model takes and gives when it is cut at certain tensors. */

import { DeepframeError, GraphError, listNames, messageOf, type Who } from "../../errors.js";
import { Graph } from "../../graph/graph.js";
import { readsOf } from "../../graph/scope.js";
import type { ValueInfo } from "../../graph/types.js";
import { inferShapes } from "../../ops/infer.js";
import { formatShape } from "../../tensor/shape.js";
import type { Asset } from "../../util/asset.js";

/** A model cut at the tensors that are fetched. */
export interface Signature {
  /** What a session is opened of: the model itself where nothing is cut off. */
  readonly source: Asset | Graph;
  /** Inputs that the fetched tensors depend on. */
  readonly inputs: readonly ValueInfo[];
  /** The fetched tensors, with dtype and shape as far as they can be told without running. */
  readonly outputs: readonly ValueInfo[];
}

/** Cut models by content and fetches: stages are opened once per worker and more, and cutting copies the weights. */
const known = new Map<string, Signature>();
const mostKnown = 16;

/** @throws GraphError where the model cannot be read or has no such tensor. */
export function signatureOf(model: Asset, tensors: readonly string[], who: Who): Signature {
  const key = JSON.stringify([model.sha256, tensors]);
  const found = known.get(key) ?? makeSignature(model, tensors, who);
  known.delete(key);
  known.set(key, found);
  if (known.size > mostKnown) known.delete(known.keys().next().value!);
  return found;
}

function makeSignature(model: Asset, tensors: readonly string[], who: Who): Signature {
  try {
    const whole = Graph.fromBytes(model.bytes);
    const names = whole.outputs.map(({ name }) => name);
    const isWhole = names.length === tensors.length && tensors.every((name) => names.includes(name));
    const cut = isWhole ? whole : whole.cutAt(tensors);
    const read = new Set([...cut.nodes.flatMap(readsOf), ...tensors]);
    const inputs = cut.inputs.filter(({ name }) => read.has(name));
    const told = cut.outputs.every(isTold) ? cut : inferShapes(cut);
    const outputs = tensors.map((tensor) => told.outputs.find(({ name }) => name === tensor)!);
    // an input that nothing reads any more would still have to be fed
    return { source: isWhole && inputs.length === cut.inputs.length ? model : cut.with({ inputs }), inputs, outputs };
  } catch (cause) {
    if (!(cause instanceof DeepframeError)) throw cause;
    throw new GraphError(who, messageOf(cause).replace(/^[\w.]+: /, ""), { ...cause.fields, cause });
  }
}

/** `"x" float32 [batch, 3], "mask" bool [batch]` */
export function describeValues(values: readonly ValueInfo[]): string {
  return values.map(describeValue).join(", ");
}

export function describeValue({ name, dtype, shape }: ValueInfo): string {
  return `"${name}" ${dtype ?? "of unknown dtype"}${shape === undefined ? "" : ` ${formatShape(shape)}`}`;
}

/** @throws GraphError naming the inputs there are. */
export function requireInput(inputs: readonly ValueInfo[], name: string, who: Who): ValueInfo {
  const found = inputs.find((input) => input.name === name);
  if (found !== undefined) return found;
  const names = listNames(inputs.map((input) => input.name));
  throw new GraphError(who, `the model has no input "${name}" (it takes ${names}); set feeds`, { input: name });
}

function isTold({ dtype, shape }: ValueInfo): boolean {
  return dtype !== undefined && (shape?.every((dim) => dim !== "?") ?? false);
}

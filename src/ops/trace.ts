/** @file trace: a TypeScript function over symbolic tensors becomes a graph. */

import { GraphError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Operand, Value } from "../graph/value.js";
import type { DType } from "../tensor/dtype.js";
import { type OpTable, shapeRules } from "./infer.js";

/** What an input looks like: a shape alone is of float32. */
export type InputSpec = readonly Dim[] | { readonly dtype?: DType; readonly shape?: readonly Dim[] };

export interface TraceOptions {
  /** Name of the graph. */
  readonly name?: string;
  /** Operators beside ONNX's own. */
  readonly ops?: OpTable;
}

/**
 * Turns a function over symbolic tensors into a graph: its inputs are those of `inputs`, its outputs the keys of what it
 * returns. Shapes are checked while tracing. Without `inputs` the function's own names are taken, of float32 and any shape:
 * nothing can be checked then, and some gradients need at least the number of dimensions.
 *
 * @throws ShapeError that names the operator and the line that called it.
 * @example
 * const graph = trace(({ x }, g) => ({ y: x.matmul(g.parameter("w", w)).add(b).relu() }), { x: ["batch", 4] }); // b: Tensor
 */
export function trace<const I extends Readonly<Record<string, InputSpec>>>(
  fn: (inputs: { readonly [K in keyof I]: Value }, g: GraphBuilder) => Readonly<Record<string, Operand>>,
  inputs?: I,
  { name = "graph", ops }: TraceOptions = {},
): Graph {
  const g = new GraphBuilder({ rules: shapeRules(ops), positions: true });
  if (inputs === undefined) return g.finish(checked(fn(openInputs(g), g)), name);
  const values = Object.entries<InputSpec>(inputs).map(([key, spec]) => {
    const { dtype = "float32", shape }: { dtype?: DType; shape?: readonly Dim[] } = isShape(spec)
      ? { shape: spec }
      : spec;
    return [key, g.input(key, dtype, shape)];
  });
  // keyed as `inputs` is
  return g.finish(checked(fn(Object.fromEntries(values) as { readonly [K in keyof I]: Value }, g)), name);
}

/**
 * Continues a graph: `fn` reads its tensors by name and what it returns becomes further outputs.
 *
 * @example extend(graph, (t) => ({ penalty: t("grad/x").square().reduceSum() }))
 */
export function extend(
  graph: Graph,
  fn: (tensor: (name: string) => Value, g: GraphBuilder) => Readonly<Record<string, Operand>>,
  { ops }: Pick<TraceOptions, "ops"> = {},
): Graph {
  const g = GraphBuilder.of(graph, { rules: shapeRules(ops), positions: true });
  const added = checked(fn((name) => g.tensor(name), g));
  const kept = Object.fromEntries(graph.outputs.map(({ name }) => [name, g.tensor(name)]));
  return g.finish({ ...kept, ...added });
}

/** Inputs of float32 and any shape, declared as the function asks for them. */
function openInputs<T extends object>(g: GraphBuilder): T {
  const made = new Map<string, Value>();
  return new Proxy({} as T, {
    get(_, name) {
      if (typeof name !== "string") return undefined;
      const value = made.get(name) ?? g.input(name, "float32");
      made.set(name, value);
      return value;
    },
  });
}

function isShape(spec: InputSpec): spec is readonly Dim[] {
  return Array.isArray(spec);
}

function checked<T extends object>(outputs: T): T {
  if (typeof outputs === "object" && outputs !== null && !("then" in outputs)) return outputs;
  throw new GraphError("trace", "the function must return an object of tensors, as in ({ y: x.relu() })");
}

/** @file GraphBuilder: every operator as a function of a graph being built, and as a method of its tensors. */

import { type BuilderOptions, type Expand, NodeBuilder } from "./builder.js";
import type { Graph } from "./graph.js";
import { ElementwiseOperators } from "./operators/elementwise.js";
import { NetworkOperators } from "./operators/network.js";
import { ReduceOperators } from "./operators/reduce.js";
import { ShapeOperators } from "./operators/shape.js";
import { SymbolicTensor } from "./value.js";

/** Names of the methods that build operators. */
export type OperatorName = Exclude<keyof NetworkOperators, keyof NodeBuilder | "toInts" | "range">;

/**
 * Builds a graph node by node. Operators are methods, with tensors or numbers as operands.
 *
 * @throws ShapeError where shapes do not fit, with the line that asked for it.
 * @example
 * const g = new GraphBuilder();
 * const x = g.input("x", "float32", ["batch", 2]);
 * const graph = g.finish({ y: g.reduceSum(g.mul(x, 2), { axes: [1] }) });
 */
export class GraphBuilder extends NetworkOperators {
  /** Continues a graph: its tensors are read by name with `tensor`. */
  static of(
    graph: Graph,
    options?: BuilderOptions & {
      readonly expand?: (g: GraphBuilder, ...args: Parameters<Expand>) => ReturnType<Expand>;
    },
  ): GraphBuilder {
    const builder = new GraphBuilder(options);
    const expand = options?.expand;
    builder.adopt(graph, expand === undefined ? undefined : (node) => expand(builder, node));
    return builder;
  }

  /** A builder for a body of If, Loop or Scan, which may read tensors of this one. */
  bodyBuilder(): GraphBuilder {
    return new GraphBuilder(this.inner());
  }
}

// x.add(y) is g.add(x, y), in the graph of the operand that lies deepest
for (const family of [ElementwiseOperators, ReduceOperators, ShapeOperators, NetworkOperators]) {
  const table = family === ElementwiseOperators ? [Object.getPrototypeOf(family.prototype) as object] : [];
  for (const prototype of [...table, family.prototype]) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (name === "constructor") continue;
      Object.defineProperty(SymbolicTensor.prototype, name, {
        configurable: true,
        value(this: SymbolicTensor, ...args: unknown[]) {
          const builder = NodeBuilder.deepest([this, ...args]) as unknown as Record<
            string,
            (...args: unknown[]) => unknown
          >;
          return builder[name]!(this, ...args);
        },
      });
    }
  }
}

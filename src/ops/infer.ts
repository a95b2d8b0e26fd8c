/** @file Shape inference: the operators' shape rules applied to nodes and whole graphs. */

import { DeepframeError, ShapeError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { ShapeRules } from "../graph/known.js";
import { describeNode } from "../graph/scope.js";
import type { ValueInfo } from "../graph/types.js";
import type { OpRecord } from "./op.js";
import { operators } from "./registry.js";

/** Records by domain and type. */
export type OpTable = ReadonlyMap<string, OpRecord>;

export function tableOf(records: Iterable<OpRecord>): OpTable {
  return new Map([...records].map((record) => [`${record.domain}:${record.type}`, record]));
}

/** The operators of this library. */
export const standardOps: OpTable = tableOf(operators);

/** Shape rules for a builder. */
export function shapeRules(table: OpTable = standardOps): ShapeRules {
  return {
    infer(node, lookup, { strict, opset }) {
      const record = table.get(`${node.domain}:${node.opType}`);
      if (record === undefined) return undefined;
      const inputs = node.inputs.map(lookup);
      try {
        return record.infer(inputs, { node, opset, lookup });
      } catch (error) {
        // a file's own graph is the runtime's to judge; what is built here must be right
        if (!strict) return undefined;
        if (!(error instanceof DeepframeError)) throw error;
        const reason = error.message.replace(/^\w+: /, "");
        throw new ShapeError(describeNode(node), reason, { cause: error });
      }
    },
  };
}

/**
 * The graph with dtype and shape of every tensor that can be told, names of sizes kept.
 *
 * @example inferShapes(graph).valueInfo.get("features")?.shape // ["N", 1280]
 */
export function inferShapes(graph: Graph, table: OpTable = standardOps): Graph {
  const builder = GraphBuilder.of(graph, { rules: shapeRules(table) });
  const told = (info: ValueInfo): ValueInfo => {
    const { dtype, shape } = builder.tensor(info.name);
    const merged = { ...info, dtype: info.dtype ?? dtype, shape: betterShape(info.shape, shape) };
    return merged;
  };
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const names = graph.nodes.flatMap((node) => node.outputs).filter((name) => name !== "" && !outputs.has(name));
  const infos = names.map((name) => told(graph.valueInfo.get(name) ?? { name, dtype: undefined, shape: undefined }));
  const valueInfo = new Map(infos.filter(({ dtype }) => dtype !== undefined).map((info) => [info.name, info]));
  return graph.with({ valueInfo, outputs: graph.outputs.map(told) });
}

function betterShape(given: ValueInfo["shape"], inferred: ValueInfo["shape"]): ValueInfo["shape"] {
  if (given === undefined || inferred === undefined || given.length !== inferred.length) return given ?? inferred;
  return given.map((dim, i) => (dim === "?" ? inferred[i]! : dim));
}

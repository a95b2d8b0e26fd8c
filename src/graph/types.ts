/** @file What a graph consists of, as plain immutable values. */

import type { ElementType } from "./element-type.js";
import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  ValueInfoProto,
} from "./proto/onnx_pb.js";
import type { StoredTensor } from "./stored-tensor.js";

/** A size: a number, a name shared by all sizes that are equal (`"batch"`), or `"?"` where nothing is known. */
export type Dim = number | string;

/** What is known of a tensor: `dtype` and `shape` are undefined where nothing is. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: ElementType | undefined;
  readonly shape: readonly Dim[] | undefined;
  /** Parts of the file's message that have no field here (documentation, sequences, maps); written back as they were. */
  readonly more?: ValueInfoProto;
}

/** One attribute of a node. Whole numbers beyond 2^53 are bigints. */
export type Attribute = (
  | { readonly type: "float"; readonly value: number }
  | { readonly type: "int"; readonly value: number | bigint }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "tensor"; readonly value: StoredTensor }
  | { readonly type: "graph"; readonly value: GraphBody }
  | { readonly type: "floats"; readonly value: readonly number[] }
  | { readonly type: "ints"; readonly value: readonly (number | bigint)[] }
  | { readonly type: "strings"; readonly value: readonly string[] }
  | { readonly type: "tensors"; readonly value: readonly StoredTensor[] }
  | { readonly type: "graphs"; readonly value: readonly GraphBody[] }
  /** Inside a function: the value is the caller's attribute of that name. */
  | { readonly type: "ref"; readonly value: string }
  /** A sparse tensor, a type, or text that is not UTF-8: kept as the file has it. */
  | { readonly type: "other"; readonly value: undefined }
) & { readonly more?: AttributeProto };

/** An operator applied to named tensors. An input or output that is left out has the empty name. */
export interface Node {
  readonly opType: string;
  /** Empty for the operators of ONNX itself. */
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: ReadonlyMap<string, Attribute>;
  /** `file:line` of the code that made the node; not written to files. */
  readonly at?: string | undefined;
  readonly more?: NodeProto;
}

/** Nodes with their inputs, outputs and constants: a model's main graph, or the body of an If, Loop or Scan. */
export interface GraphBody {
  readonly name: string;
  /** In an order in which they can run. */
  readonly nodes: readonly Node[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Weights and other constants, by name. */
  readonly initializers: ReadonlyMap<string, StoredTensor>;
  /** Inputs that have an initializer as their default. */
  readonly defaults: readonly ValueInfo[];
  /** What is known of intermediate tensors, by name. */
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
  readonly more?: GraphProto;
}

/** A function that a model brings along: an operator defined by nodes. */
export interface FunctionBody {
  readonly name: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly Node[];
  readonly opsets: ReadonlyMap<string, number>;
  readonly more: FunctionProto;
}

/** Everything in an ONNX file. */
export interface Model extends GraphBody {
  readonly irVersion: number;
  /** Version of each operator set in use, by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly functions: readonly FunctionBody[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly moreOfModel?: ModelProto;
}

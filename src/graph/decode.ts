/** @file Decoding: the messages of an ONNX file to graph values. */

import { create, fromBinary } from "@bufbuild/protobuf";
import { GraphError, messageOf } from "../errors.js";
import { elementTypeOf } from "./element-type.js";
import { exact, wholeNumber } from "./numbers.js";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  type TensorShapeProto,
  type ValueInfoProto,
} from "./proto/onnx_pb.js";
import { StoredTensor } from "./stored-tensor.js";
import type { Attribute, Dim, FunctionBody, GraphBody, Model, Node, ValueInfo } from "./types.js";

/** Bytes of a tensor whose data lies outside the file. */
export type ExternalData = (tensor: TensorProto) => Uint8Array;

/** Parses a file's bytes. @throws GraphError where they are cut off, nested too deeply or no ONNX model. */
export function parseModel(bytes: Uint8Array): ModelProto {
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new GraphError("Graph.load", `the bytes are no ONNX model or are cut off (${messageOf(cause)})`, { cause });
  }
  if (proto.graph === undefined) throw new GraphError("Graph.load", "the bytes hold no graph; is this an ONNX model?");
  return proto;
}

/** All tensors of a model, at every depth. */
export function* tensorsOf(model: ModelProto): Generator<TensorProto> {
  if (model.graph !== undefined) yield* tensorsOfGraph(model.graph);
  for (const { node } of model.functions) yield* tensorsOfNodes(node);
}

function* tensorsOfGraph(graph: GraphProto): Generator<TensorProto> {
  yield* graph.initializer;
  yield* tensorsOfNodes(graph.node);
}

function* tensorsOfNodes(nodes: readonly NodeProto[]): Generator<TensorProto> {
  for (const { attribute } of nodes) {
    for (const { t, tensors, g, graphs } of attribute) {
      if (t !== undefined) yield t;
      yield* tensors;
      if (g !== undefined) yield* tensorsOfGraph(g);
      for (const graph of graphs) yield* tensorsOfGraph(graph);
    }
  }
}

export function decodeModel(proto: ModelProto, external: ExternalData): Model {
  const moreOfModel = create(ModelProtoSchema);
  Object.assign(moreOfModel, proto);
  moreOfModel.graph = undefined;
  moreOfModel.opsetImport = [];
  moreOfModel.functions = [];
  moreOfModel.metadataProps = [];
  const opsets = opsetsOf(proto.opsetImport);
  // files older than the third version of the format name no operator set
  if (opsets.size === 0) opsets.set("", 1);
  return {
    ...decodeGraph(proto.graph!, external),
    irVersion: wholeNumber(proto.irVersion, "Graph.load"),
    opsets,
    functions: proto.functions.map((body) => decodeFunction(body, external)),
    metadata: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
    moreOfModel,
  };
}

function opsetsOf(imports: ModelProto["opsetImport"]): Map<string, number> {
  return new Map(
    imports.map(({ domain, version }) => [domain === "ai.onnx" ? "" : domain, wholeNumber(version, "Graph.load")]),
  );
}

function decodeGraph(proto: GraphProto, external: ExternalData): GraphBody {
  const initializers = new Map<string, StoredTensor>();
  for (const tensor of proto.initializer) {
    if (initializers.has(tensor.name))
      throw new GraphError("Graph.load", `two initializers are named "${tensor.name}"`);
    initializers.set(tensor.name, decodeTensor(tensor, external));
  }
  const inputs = proto.input.map(decodeValueInfo);
  return {
    name: proto.name,
    nodes: proto.node.map((node) => decodeNode(node, external)),
    inputs: inputs.filter(({ name }) => !initializers.has(name)),
    outputs: proto.output.map(decodeValueInfo),
    initializers,
    defaults: inputs.filter(({ name }) => initializers.has(name)),
    valueInfo: new Map(proto.valueInfo.map((info) => [info.name, decodeValueInfo(info)])),
    ...moreOfGraph(proto),
  };
}

function moreOfGraph(proto: GraphProto): { more?: GraphProto } {
  const { docString, quantizationAnnotation, sparseInitializer, metadataProps, $unknown } = proto;
  const extras = quantizationAnnotation.length + sparseInitializer.length + metadataProps.length;
  if (docString === "" && extras === 0 && $unknown === undefined) return {};
  const more = create(GraphProtoSchema, { docString, quantizationAnnotation, sparseInitializer, metadataProps });
  if ($unknown !== undefined) more.$unknown = $unknown;
  return { more };
}

function decodeFunction(proto: FunctionProto, external: ExternalData): FunctionBody {
  const more = create(FunctionProtoSchema);
  Object.assign(more, proto);
  more.node = [];
  more.opsetImport = [];
  return {
    name: proto.name,
    domain: proto.domain,
    inputs: proto.input,
    outputs: proto.output,
    nodes: proto.node.map((node) => decodeNode(node, external)),
    opsets: opsetsOf(proto.opsetImport),
    more,
  };
}

function decodeNode(proto: NodeProto, external: ExternalData): Node {
  const { opType, name, input, output, docString, overload, metadataProps, deviceConfigurations, $unknown } = proto;
  const attrs = new Map(proto.attribute.map((attr) => [attr.name, decodeAttribute(attr, external)]));
  const domain = proto.domain === "ai.onnx" ? "" : proto.domain;
  const node = { opType, domain, name, inputs: input, outputs: output, attrs };
  const extras = metadataProps.length + deviceConfigurations.length;
  if (docString === "" && overload === "" && extras === 0 && $unknown === undefined) return node;
  const more = create(NodeProtoSchema, { docString, overload, metadataProps, deviceConfigurations });
  if ($unknown !== undefined) more.$unknown = $unknown;
  return { ...node, more };
}

/** Kinds of attributes by their code in files. */
export const attributeTypes = [
  undefined,
  "float",
  "int",
  "string",
  "tensor",
  "graph",
  "floats",
  "ints",
  "strings",
  "tensors",
  "graphs",
] as const;

function decodeAttribute(proto: AttributeProto, external: ExternalData): Attribute {
  const attribute = attributeValue(proto, external);
  if (attribute.type === "other" || attribute.type === "ref") return { ...attribute, more: proto };
  const { docString, $unknown } = proto;
  if (docString === "" && $unknown === undefined) return attribute;
  const more = create(AttributeProtoSchema, { docString });
  if ($unknown !== undefined) more.$unknown = $unknown;
  return { ...attribute, more };
}

function attributeValue(proto: AttributeProto, external: ExternalData): Attribute {
  if (proto.refAttrName !== "") return { type: "ref", value: proto.refAttrName };
  switch (attributeTypes[proto.type] ?? typeByContent(proto)) {
    case "float":
      return { type: "float", value: proto.f ?? 0 };
    case "int":
      return { type: "int", value: exact(proto.i ?? 0n) };
    case "string": {
      const value = utf8(proto.s ?? new Uint8Array(0));
      return value === undefined ? { type: "other", value } : { type: "string", value };
    }
    case "tensor":
      if (proto.t !== undefined) return { type: "tensor", value: decodeTensor(proto.t, external) };
      break;
    case "graph":
      if (proto.g !== undefined) return { type: "graph", value: decodeGraph(proto.g, external) };
      break;
    case "floats":
      return { type: "floats", value: proto.floats };
    case "ints":
      return { type: "ints", value: proto.ints.map(exact) };
    case "strings": {
      const value = proto.strings.map(utf8);
      if (value.every((text) => text !== undefined)) return { type: "strings", value };
      break;
    }
    case "tensors":
      return { type: "tensors", value: proto.tensors.map((tensor) => decodeTensor(tensor, external)) };
    case "graphs":
      return { type: "graphs", value: proto.graphs.map((graph) => decodeGraph(graph, external)) };
  }
  return { type: "other", value: undefined };
}

/** Files of the format's first version do not say an attribute's type. */
function typeByContent(proto: AttributeProto): (typeof attributeTypes)[number] {
  if (proto.type !== 0) return undefined;
  if (proto.f !== undefined) return "float";
  if (proto.i !== undefined) return "int";
  if (proto.s !== undefined) return "string";
  if (proto.t !== undefined) return "tensor";
  if (proto.g !== undefined) return "graph";
  if (proto.floats.length > 0) return "floats";
  if (proto.ints.length > 0) return "ints";
  return proto.strings.length > 0 ? "strings" : undefined;
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function decodeTensor(proto: TensorProto, external: ExternalData): StoredTensor {
  const who = `Graph.load: tensor "${proto.name}"`;
  return StoredTensor.fromProto(proto, who, proto.dataLocation === 1 ? external(proto) : undefined);
}

export function decodeValueInfo(proto: ValueInfoProto): ValueInfo {
  const { name, type, docString, metadataProps, $unknown } = proto;
  const tensor = type?.value.case === "tensorType" ? type.value.value : undefined;
  const dtype = tensor === undefined || tensor.elemType === 0 ? undefined : elementTypeOf(tensor.elemType);
  const info: ValueInfo = { name, dtype, shape: tensor?.shape === undefined ? undefined : decodeShape(tensor.shape) };
  const denotations =
    type !== undefined && (type.denotation !== "" || tensor?.shape?.dim.some((d) => d.denotation !== ""));
  const otherType = type !== undefined && type.value.case !== undefined && tensor === undefined;
  const plain = docString === "" && metadataProps.length === 0 && $unknown === undefined;
  return plain && !denotations && !otherType ? info : { ...info, more: proto };
}

function decodeShape(proto: TensorShapeProto): Dim[] {
  return proto.dim.map(({ value }) => {
    if (value.case === "dimValue") {
      const size = wholeNumber(value.value, "Graph.load");
      return size < 0 ? "?" : size;
    }
    return value.case === "dimParam" && value.value !== "" ? value.value : "?";
  });
}

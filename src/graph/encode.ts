/** @file Encoding: graph values to the messages and bytes of an ONNX file. */

import { create, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { GraphError, messageOf } from "../errors.js";
import { version } from "../util/version.js";
import { attributeTypes, decodeValueInfo } from "./decode.js";
import { codeOf } from "./element-type.js";
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
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type TypeProto,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./proto/onnx_pb.js";
import type { StoredTensor } from "./stored-tensor.js";
import type { Attribute, Dim, FunctionBody, GraphBody, Model, Node, ValueInfo } from "./types.js";

/** Largest file that protobuf readers accept. */
const limit = 2 ** 31 - 1;

/** Weights of at least so many bytes are pieces of their own. */
const large = 4096;

/** Gives the message of a weight; by default with its data inside. */
export type WriteTensor = (name: string, tensor: StoredTensor) => TensorProto;

const inside: WriteTensor = (name, tensor) => tensor.toProto(name);

/** @throws GraphError for models of 2 GiB or more, which the format cannot hold in one file. */
export function encodeModel(model: Model, write = inside): Uint8Array {
  const chunks = encodeChunks(model, write);
  const bytes = new Uint8Array(lengthOf(chunks));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * The file in pieces, large weights as they lie in memory: they come last, in fields written by hand, since the library's
 * buffer grows and shifts what it holds.
 *
 * @throws GraphError for models of 2 GiB or more.
 */
export function encodeChunks(model: Model, write = inside): Uint8Array[] {
  let chunks: Uint8Array[];
  try {
    const graph = [
      toBinary(GraphProtoSchema, graphProto({ ...model, initializers: new Map() })),
      ...[...model.initializers].flatMap(([name, tensor]) =>
        field(GraphProtoSchema, "initializer", tensorChunks(write(name, tensor))),
      ),
    ];
    chunks = [toBinary(ModelProtoSchema, modelProto(model)), ...field(ModelProtoSchema, "graph", graph)];
  } catch (cause) {
    throw new GraphError("Graph.toBytes", `the model cannot be written (${messageOf(cause)})`, { cause });
  }
  const length = lengthOf(chunks);
  if (length > limit) {
    throw new GraphError(
      "Graph.toBytes",
      `the model takes ${length} bytes, an ONNX file holds at most ${limit}; use save with externalData`,
    );
  }
  return chunks;
}

function tensorChunks(proto: TensorProto): Uint8Array[] {
  const { rawData } = proto;
  if (rawData === undefined || rawData.length < large) return [toBinary(TensorProtoSchema, proto)];
  const rest = toBinary(TensorProtoSchema, { ...proto, rawData: undefined });
  return [rest, ...field(TensorProtoSchema, "raw_data", [rawData])];
}

/** A field that holds bytes or a message: its number and length, then the content. */
function field(schema: GenMessage<Message>, name: string, content: readonly Uint8Array[]): Uint8Array[] {
  const { number } = schema.fields.find((each) => each.name === name)!;
  const head = new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(lengthOf(content));
  return [head.finish(), ...content];
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, { length }) => sum + length, 0);
}

/** Without its graph. */
function modelProto(model: Model): ModelProto {
  const proto = create(ModelProtoSchema);
  if (model.moreOfModel === undefined) Object.assign(proto, { producerName: "deepframe", producerVersion: version });
  else Object.assign(proto, model.moreOfModel);
  proto.irVersion = BigInt(model.irVersion);
  proto.opsetImport = opsetImports(model.opsets);
  proto.functions = model.functions.map(functionProto);
  proto.metadataProps = [...model.metadata].map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
  return proto;
}

function opsetImports(opsets: ReadonlyMap<string, number>): ModelProto["opsetImport"] {
  return [...opsets].map(([domain, version]) => create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }));
}

function graphProto(body: GraphBody): GraphProto {
  const proto = create(GraphProtoSchema);
  if (body.more !== undefined) Object.assign(proto, body.more);
  proto.name = body.name;
  proto.node = body.nodes.map(nodeProto);
  proto.initializer = [...body.initializers].map(([name, tensor]) => tensor.toProto(name));
  proto.input = [...body.inputs, ...body.defaults].map(valueInfoProto);
  proto.output = body.outputs.map(valueInfoProto);
  proto.valueInfo = [...body.valueInfo.values()].map(valueInfoProto);
  return proto;
}

function functionProto(body: FunctionBody): FunctionProto {
  const proto = create(FunctionProtoSchema);
  Object.assign(proto, body.more);
  proto.node = body.nodes.map(nodeProto);
  proto.opsetImport = opsetImports(body.opsets);
  return proto;
}

function nodeProto(node: Node): NodeProto {
  const proto = create(NodeProtoSchema);
  if (node.more !== undefined) Object.assign(proto, node.more);
  proto.opType = node.opType;
  proto.domain = node.domain;
  proto.name = node.name;
  proto.input = [...node.inputs];
  proto.output = [...node.outputs];
  proto.attribute = [...node.attrs].map(([name, attr]) => attributeProto(name, attr));
  return proto;
}

function attributeProto(name: string, attr: Attribute): AttributeProto {
  if (attr.type === "ref") return attr.more ?? create(AttributeProtoSchema, { name, refAttrName: attr.value });
  if (attr.type === "other") return attr.more!;
  const proto = create(AttributeProtoSchema);
  if (attr.more !== undefined) Object.assign(proto, attr.more);
  proto.name = name;
  proto.type = attributeTypes.indexOf(attr.type);
  switch (attr.type) {
    case "float":
      proto.f = attr.value;
      break;
    case "int":
      proto.i = BigInt(attr.value);
      break;
    case "string":
      proto.s = new TextEncoder().encode(attr.value);
      break;
    case "tensor":
      proto.t = attr.value.toProto("");
      break;
    case "graph":
      proto.g = graphProto(attr.value);
      break;
    case "floats":
      proto.floats = [...attr.value];
      break;
    case "ints":
      proto.ints = attr.value.map(BigInt);
      break;
    case "strings":
      proto.strings = attr.value.map((text) => new TextEncoder().encode(text));
      break;
    case "tensors":
      proto.tensors = attr.value.map((tensor) => tensor.toProto(""));
      break;
    case "graphs":
      proto.graphs = attr.value.map((inner) => graphProto(inner));
      break;
  }
  return proto;
}

function valueInfoProto(info: ValueInfo): ValueInfoProto {
  const { name, dtype, shape, more } = info;
  const proto = create(ValueInfoProtoSchema, { name });
  const type = typeProto(info);
  if (type !== undefined) proto.type = type;
  if (more === undefined) return proto;
  const before = decodeValueInfo(more);
  const same = before.dtype === dtype && String(before.shape) === String(shape);
  return Object.assign(proto, more, same ? { name } : { name, type });
}

function typeProto({ dtype, shape }: ValueInfo): TypeProto | undefined {
  if (dtype === undefined) return undefined;
  const dims = shape === undefined ? undefined : { dim: shape.map((dim) => ({ value: dimProto(dim) })) };
  const tensor = { elemType: codeOf(dtype), ...(dims === undefined ? {} : { shape: dims }) };
  return create(ValueInfoProtoSchema, { type: { value: { case: "tensorType", value: tensor } } }).type;
}

function dimProto(dim: Dim) {
  if (typeof dim === "number") return { case: "dimValue" as const, value: BigInt(dim) };
  return dim === "?" ? { case: undefined } : { case: "dimParam" as const, value: dim };
}

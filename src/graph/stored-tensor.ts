/** @file StoredTensor: a constant as a file holds it, turned into a Tensor when asked for. */

import { create } from "@bufbuild/protobuf";
import { GraphError } from "../errors.js";
import { fromBytes } from "../tensor/dtype.js";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.js";
import { Tensor } from "../tensor/tensor.js";
import { byteLengthOf, codeOf, type ElementType, elementTypeOf, isDType } from "./element-type.js";
import { wholeNumber } from "./numbers.js";
import { type TensorProto, TensorProtoSchema } from "./proto/onnx_pb.js";

/** Elements as bytes, or as one UTF-8 text per element. */
type Storage = Uint8Array | readonly Uint8Array[];

/**
 * A weight or another constant of a graph. Reading a large file costs nothing for weights that nobody looks at.
 *
 * @throws GraphError from `tensor` where the element type has no typed array (complex, 8-bit floats, 4-bit integers).
 * @example graph.initializers.get("W")?.tensor.shape
 */
export class StoredTensor {
  readonly dtype: ElementType;
  readonly shape: Shape;
  readonly #storage: Storage;
  readonly #more: TensorProto | undefined;
  #tensor: Tensor | undefined;

  constructor(dtype: ElementType, shape: Shape, storage: Storage, more?: TensorProto) {
    this.dtype = dtype;
    this.shape = shape;
    this.#storage = storage;
    this.#more = more;
  }

  static of(tensor: Tensor): StoredTensor {
    const { data } = tensor;
    const storage = Array.isArray(data)
      ? data.map((text) => new TextEncoder().encode(text))
      : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const stored = new StoredTensor(tensor.dtype, tensor.shape, storage);
    stored.#tensor = tensor;
    return stored;
  }

  /** The elements; the bytes are shared where their alignment allows, so treat them as read-only. */
  get tensor(): Tensor {
    this.#tensor ??= this.#read();
    return this.#tensor;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  get byteLength(): number {
    const storage = this.#storage;
    return storage instanceof Uint8Array ? storage.length : storage.reduce((sum, text) => sum + text.length, 0);
  }

  /** The elements' bytes, little-endian, for use in a file; empty for strings. */
  get bytes(): Uint8Array {
    return this.#storage instanceof Uint8Array ? this.#storage : new Uint8Array(0);
  }

  #read(): Tensor {
    const { dtype, shape } = this;
    if (!isDType(dtype)) {
      throw new GraphError(
        "StoredTensor",
        `elements of type ${dtype} have no typed array; cast the tensor in the graph`,
      );
    }
    const storage = this.#storage;
    if (!(storage instanceof Uint8Array)) {
      return new Tensor(
        "string",
        storage.map((text) => new TextDecoder().decode(text)),
        shape,
      );
    }
    return new Tensor(dtype, dtype === "string" ? [] : fromBytes(dtype, storage), shape);
  }

  /** The file's message. */
  toProto(name: string): TensorProto {
    const proto = create(TensorProtoSchema);
    if (this.#more !== undefined) Object.assign(proto, this.#more);
    proto.name = name;
    proto.dims = this.shape.map(BigInt);
    proto.dataType = codeOf(this.dtype);
    if (this.#storage instanceof Uint8Array) proto.rawData = this.#storage;
    else proto.stringData = [...this.#storage];
    return proto;
  }

  /**
   * Reads a message whose data is inside it; `external` holds the bytes of one whose data is elsewhere.
   *
   * @throws GraphError where the data's length is not what dtype and shape ask for.
   */
  static fromProto(proto: TensorProto, who: string, external?: Uint8Array): StoredTensor {
    const dtype = elementTypeOf(proto.dataType);
    const shape = proto.dims.map((dim) => wholeNumber(dim, who));
    if (shape.some((dim) => dim < 0))
      throw new GraphError(who, `a constant's sizes must be at least 0, got ${formatShape(shape)}`);
    if (proto.segment !== undefined)
      throw new GraphError(who, "a tensor in segments cannot be read; save it in one piece");
    if (proto.dataType === 0) throw new GraphError(who, "the tensor has no element type");
    const storage = external ?? storageOf(proto, dtype);
    const wanted = dtype === "string" ? sizeOf(shape) : byteLengthOf(dtype, sizeOf(shape));
    if (wanted !== undefined && storage.length !== wanted) {
      const unit = dtype === "string" ? "strings" : "bytes";
      throw new GraphError(
        who,
        `${dtype} of shape ${formatShape(shape)} takes ${wanted} ${unit}, the file holds ${storage.length}`,
      );
    }
    return new StoredTensor(dtype, shape, storage, remainder(proto));
  }
}

function storageOf(proto: TensorProto, dtype: ElementType): Storage {
  if (dtype === "string") return proto.stringData;
  if (proto.rawData !== undefined && proto.rawData.length > 0) return proto.rawData;
  return bytesOf(typedData(proto, dtype));
}

function typedData(proto: TensorProto, dtype: ElementType): ArrayBufferView {
  switch (dtype) {
    case "float32":
    case "complex64":
      return new Float32Array(proto.floatData);
    case "float64":
    case "complex128":
      return new Float64Array(proto.doubleData);
    case "int64":
      return new BigInt64Array(proto.int64Data);
    case "uint64":
      return new BigUint64Array(proto.uint64Data);
    case "uint32":
      return Uint32Array.from(proto.uint64Data, Number);
    case "int32":
      return new Int32Array(proto.int32Data);
    case "int16":
    case "uint16":
    case "float16":
    case "bfloat16":
      return new Uint16Array(proto.int32Data);
    default:
      return new Uint8Array(proto.int32Data);
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function remainder(proto: TensorProto): TensorProto | undefined {
  if (proto.docString === "" && proto.metadataProps.length === 0 && proto.$unknown === undefined) return undefined;
  const { docString, metadataProps } = proto;
  const more = create(TensorProtoSchema, { docString, metadataProps });
  if (proto.$unknown !== undefined) more.$unknown = proto.$unknown;
  return more;
}

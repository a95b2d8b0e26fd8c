/** @file Writing a model to a file, on request with its weights in a second file beside it. */

import { open, rename, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { create } from "@bufbuild/protobuf";
import { encodeModel } from "./encode.js";
import { StringStringEntryProtoSchema, type TensorProto } from "./proto/onnx_pb.js";
import type { StoredTensor } from "./stored-tensor.js";
import type { Model } from "./types.js";

export interface SaveOptions {
  /**
   * Puts the weights in `<path>.data`: for models of 2 GiB and more, and for readers that map files into memory.
   * Default false.
   */
  readonly externalData?: boolean;
}

/** Weights below this many bytes stay in the model's own file: shapes and axes are read while loading. */
const small = 1024;
/** Where weights begin, in bytes, so that they can be mapped into memory. */
const alignment = 4096;

/** Writes beside the target first and renames, so that a file is whole or not there. */
export async function saveModel(model: Model, path: string, { externalData = false }: SaveOptions = {}): Promise<void> {
  const dataPath = `${path}.data`;
  const temporary = (target: string) => `${target}.${process.pid}.tmp`;
  const placed: { tensor: StoredTensor; offset: number }[] = [];
  let end = 0;
  const write = (name: string, tensor: StoredTensor): TensorProto => {
    const proto = tensor.toProto(name);
    if (!externalData || tensor.bytes.length < small) return proto;
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + tensor.bytes.length;
    placed.push({ tensor, offset });
    const entries = { location: basename(dataPath), offset: String(offset), length: String(tensor.bytes.length) };
    proto.externalData = Object.entries(entries).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    proto.dataLocation = 1;
    proto.rawData = undefined;
    return proto;
  };
  const bytes = encodeModel(model, write);
  try {
    if (placed.length > 0) {
      const file = await open(temporary(dataPath), "w");
      try {
        for (const { tensor, offset } of placed) await file.write(tensor.bytes, 0, tensor.bytes.length, offset);
      } finally {
        await file.close();
      }
      await rename(temporary(dataPath), dataPath);
    }
    await writeFile(temporary(path), bytes);
    await rename(temporary(path), path);
  } finally {
    await Promise.all([path, dataPath].map((target) => rm(temporary(target), { force: true })));
  }
}

/** @file Tensors whose data lies in other files beside the model. */

import { type FileHandle, open, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import { GraphError } from "../errors.js";
import type { ExternalData } from "./decode.js";
import type { TensorProto } from "./proto/onnx_pb.js";

/** For models given as bytes: there is no folder to look in. */
export const noExternalData: ExternalData = (tensor) => {
  const { location } = placeOf(tensor);
  throw new GraphError(
    "Graph.fromBytes",
    `the data of tensor "${tensor.name}" lies in the file "${location}"; use Graph.load with the model's path`,
  );
};

/**
 * Reads the outside data of `tensors` from the folder of the model at `path`.
 *
 * @throws GraphError where a file lies outside the model's folder, is missing or too short.
 */
export async function readExternalData(path: string, tensors: Iterable<TensorProto>): Promise<ExternalData> {
  const folder = await realpath(dirname(path));
  const files = new Map<string, OpenFile>();
  const parts = new Map<string, Uint8Array>();
  try {
    for (const tensor of tensors) {
      if (tensor.dataLocation !== 1) continue;
      const place = placeOf(tensor);
      const key = keyOf(place);
      if (parts.has(key)) continue;
      const file = files.get(place.location) ?? (await openInside(folder, place.location, tensor.name));
      files.set(place.location, file);
      parts.set(key, await readPart(file, place, tensor.name));
    }
  } finally {
    await Promise.all([...files.values()].map(({ handle }) => handle.close()));
  }
  return (tensor) => parts.get(keyOf(placeOf(tensor)))!;
}

interface Place {
  readonly location: string;
  readonly offset: number;
  readonly length: number | undefined;
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly size: number;
  /** Bytes handed out so far: parts that overlap must not add up to more than the file holds. */
  taken: number;
}

function placeOf(tensor: TensorProto): Place {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const length = entries.get("length");
  return {
    location: entries.get("location") ?? "",
    offset: Number(entries.get("offset") ?? 0),
    length: length === undefined ? undefined : Number(length),
  };
}

function keyOf({ location, offset, length }: Place): string {
  return JSON.stringify([location, offset, length]);
}

async function openInside(folder: string, location: string, tensor: string): Promise<OpenFile> {
  const who = `Graph.load: tensor "${tensor}"`;
  const outside = `its data file "${location}" lies outside the model's folder; copy it beside the model`;
  if (location === "" || leaves(location)) throw new GraphError(who, outside);
  let target: string;
  try {
    target = await realpath(join(folder, location));
  } catch (cause) {
    throw new GraphError(who, `its data file "${location}" is missing from the model's folder`, { cause });
  }
  if (leaves(relative(folder, target))) throw new GraphError(who, outside);
  const handle = await open(target);
  const stat = await handle.stat();
  if (stat.isFile()) return { handle, size: stat.size, taken: 0 };
  await handle.close();
  throw new GraphError(who, `its data file "${location}" is no regular file`);
}

function leaves(path: string): boolean {
  return isAbsolute(path) || path.split(/[\\/]/).includes("..");
}

async function readPart(file: OpenFile, place: Place, tensor: string): Promise<Uint8Array> {
  const { offset } = place;
  const length = place.length ?? file.size - offset;
  const who = `Graph.load: tensor "${tensor}"`;
  if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0)) {
    throw new GraphError(who, `its place in "${place.location}" is no range of bytes`);
  }
  if (offset + length > file.size) {
    throw new GraphError(
      who,
      `its data ends at byte ${offset + length} of "${place.location}", which holds ${file.size} bytes`,
    );
  }
  file.taken += length;
  if (file.taken > file.size) throw new GraphError(who, `its data in "${place.location}" overlaps another tensor's`);
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.handle.read(bytes, done, Math.min(length - done, 2 ** 30), offset + done);
    if (bytesRead === 0) throw new GraphError(who, `"${place.location}" became shorter while it was read`);
    done += bytesRead;
  }
  return bytes;
}

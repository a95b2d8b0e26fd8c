/** @file Files sent to the server: each once per content, in checked pieces. */

import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { EngineError } from "../../errors.js";
import type { Client } from "./client.js";
import { type AddArtifactsRequest, AddArtifactsRequestSchema } from "./proto/spark_connect_pb.js";
import { retrying } from "./retry.js";

export interface Artifact {
  /** Kind and file name, as in `pyfiles/a.py`, `files/b.zip`, `cache/HASH`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Whether the server can be asked if it has it already. */
  readonly isCached: boolean;
}

const pieceBytes = 1 << 20;

/** Sends what the server does not have yet. @throws EngineError where it arrived damaged twice. */
export async function upload(client: Client, artifacts: readonly Artifact[], signal?: AbortSignal): Promise<void> {
  const cached = artifacts.filter(({ isCached }) => isCached).map(({ name }) => name);
  const there = cached.length === 0 ? new Set<string>() : await client.haveArtifacts(cached);
  let missing = [...new Map(artifacts.map((artifact) => [artifact.name, artifact])).values()].filter(
    ({ name }) => !there.has(name),
  );
  for (let attempt = 0; missing.length > 0; attempt++) {
    if (attempt === 2) {
      throw new EngineError("Spark", `the server received ${missing[0]!.name} damaged twice; check the network`);
    }
    const send = () => client.channel.upload(requests(client, missing), 3_600_000, signal);
    const { artifacts: received } = await retrying(client.policy, send, signal).catch(async (error) => {
      signal?.throwIfAborted();
      throw await client.explain(error);
    });
    const intact = new Set(received.filter(({ isCrcSuccessful }) => isCrcSuccessful).map(({ name }) => name));
    missing = missing.filter(({ name }) => !intact.has(name));
  }
}

async function* requests(client: Client, artifacts: readonly Artifact[]): AsyncGenerator<AddArtifactsRequest> {
  for (const { name, bytes } of artifacts) {
    const first = chunk(bytes.subarray(0, pieceBytes));
    if (bytes.length <= pieceBytes) {
      const batch = { artifacts: [{ name, data: first }] };
      yield create(AddArtifactsRequestSchema, { ...client.sender, payload: { case: "batch", value: batch } });
      continue;
    }
    const begin = {
      name,
      totalBytes: BigInt(bytes.length),
      numChunks: BigInt(Math.ceil(bytes.length / pieceBytes)),
      initialChunk: first,
    };
    yield create(AddArtifactsRequestSchema, { ...client.sender, payload: { case: "beginChunk", value: begin } });
    for (let at = pieceBytes; at < bytes.length; at += pieceBytes) {
      const value = chunk(bytes.subarray(at, at + pieceBytes));
      yield create(AddArtifactsRequestSchema, { ...client.sender, payload: { case: "chunk", value } });
    }
  }
}

function chunk(data: Uint8Array) {
  return { data, crc: BigInt(crc32(data)) };
}

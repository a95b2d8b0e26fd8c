/** @file Rows of this process as a relation: sent along as Arrow, or through the server's cache where they are many. */

import { createHash } from "node:crypto";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import * as arrow from "apache-arrow";
import { toArrowSchema } from "../../data/arrow-types.js";
import type { LocalPlan } from "../../data/plan.js";
import { recastBatch } from "../../worker/recast.js";
import { type Artifact, upload } from "./artifacts.js";
import type { Client } from "./client.js";
import { LocalRelationSchema, type RelationSchema } from "./proto/spark_connect_pb.js";
import { schemaToJson, sparkSchema } from "./types.js";

/** Bytes up to which rows travel within the plan, each time it runs. */
const inlineBytes = 1 << 20;
/** Bytes of one piece in the server's cache. */
const pieceBytes = 16 << 20;

type Relation = MessageInitShape<typeof RelationSchema>;

/** The relation of local rows. @param chunked whether the server takes rows in pieces (Spark 4.1 and later) */
export async function localRelation(client: Client, plan: LocalPlan, chunked: boolean): Promise<Relation> {
  const schema = schemaToJson(plan.schema);
  const pieces = piecesOf(plan);
  const size = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  if (pieces.length === 1 && size <= inlineBytes) {
    const input: Relation = { relType: { case: "localRelation", value: { data: pieces[0]!, schema } } };
    // so few rows are one task's work, and one partition's rows can be told by their numbers
    return { relType: { case: "repartition", value: { input, numPartitions: 1, shuffle: false } } };
  }
  if (!chunked) {
    const data = ipc(plan, batchesOf(plan));
    const whole = artifactOf(toBinary(LocalRelationSchema, create(LocalRelationSchema, { data, schema })));
    await upload(client, [whole.artifact]);
    return { relType: { case: "cachedLocalRelation", value: { hash: whole.hash } } };
  }
  const parts = [new TextEncoder().encode(schema), ...pieces].map(artifactOf);
  await upload(
    client,
    parts.map(({ artifact }) => artifact),
  );
  const [schemaHash, ...dataHashes] = parts.map(({ hash }) => hash);
  return { relType: { case: "chunkedCachedLocalRelation", value: { dataHashes, schemaHash: schemaHash! } } };
}

function artifactOf(bytes: Uint8Array): { hash: string; artifact: Artifact } {
  const hash = createHash("sha256").update(bytes).digest("hex");
  return { hash, artifact: { name: `cache/${hash}`, bytes, isCached: true } };
}

/** The rows in Spark's form, as Arrow streams of bounded size. */
function piecesOf(plan: LocalPlan): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let held: arrow.RecordBatch[] = [];
  let bytes = 0;
  for (const batch of batchesOf(plan)) {
    const size = byteLength(batch.data);
    if (held.length > 0 && bytes + size > pieceBytes) {
      pieces.push(ipc(plan, held));
      held = [];
      bytes = 0;
    }
    held.push(batch);
    bytes += size;
  }
  if (held.length > 0 || pieces.length === 0) pieces.push(ipc(plan, held));
  return pieces;
}

function* batchesOf(plan: LocalPlan): Generator<arrow.RecordBatch, void, undefined> {
  const to = sparkSchema(plan.schema, "createDataFrame");
  for (const batch of plan.batches) {
    const recast = recastBatch(batch, plan.schema, to, "createDataFrame");
    const count = Math.max(1, Math.ceil(byteLength(recast.data) / pieceBytes));
    const rows = Math.max(1, Math.ceil(recast.numRows / count));
    for (let from = 0; from < recast.numRows; from += rows) yield recast.slice(from, from + rows);
  }
}

function ipc(plan: LocalPlan, batches: Iterable<arrow.RecordBatch>): Uint8Array {
  const schema = toArrowSchema(sparkSchema(plan.schema));
  const writer = new arrow.RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(new arrow.RecordBatch(schema, batch.data));
  writer.finish();
  return writer.toUint8Array(true);
}

function byteLength(data: arrow.Data): number {
  return data.byteLength;
}

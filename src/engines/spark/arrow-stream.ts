/** @file Arrow batches out of the server's responses, one after the other; pieces of large ones are put together. */

import * as arrow from "apache-arrow";
import { EngineError } from "../../errors.js";
import type { Response } from "./execute.js";

/** Record batches of a result; other responses go to `other`. */
export async function* arrowBatches(
  responses: AsyncIterable<Response>,
  other: (response: Response) => void,
): AsyncGenerator<arrow.RecordBatch, void, undefined> {
  let rows = 0;
  let pieces: Uint8Array[] = [];
  for await (const response of responses) {
    if (response.case !== "arrowBatch") {
      other(response);
      continue;
    }
    const { data, rowCount, startOffset, chunkIndex = 0n, numChunksInBatch = 1n } = response.value;
    if (startOffset !== undefined && Number(startOffset) !== rows) {
      throw new EngineError("Spark", `the server sent row ${startOffset} where row ${rows} was due; run it again`);
    }
    if (Number(chunkIndex) !== pieces.length) {
      throw new EngineError("Spark", `the server sent piece ${chunkIndex} of a batch out of turn; run it again`);
    }
    pieces.push(data);
    if (pieces.length < Number(numChunksInBatch)) continue;
    const bytes = joined(pieces);
    pieces = [];
    let found = 0;
    for (const batch of arrow.RecordBatchReader.from(bytes)) {
      found += batch.numRows;
      if (batch.numRows > 0) yield batch;
    }
    if (found !== Number(rowCount)) {
      throw new EngineError("Spark", `the server promised ${rowCount} rows, but sent ${found}; run it again`);
    }
    rows += found;
  }
}

/** One array whose place in memory suits every number type. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (pieces.length === 1 && first!.byteOffset % 8 === 0) return first!;
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

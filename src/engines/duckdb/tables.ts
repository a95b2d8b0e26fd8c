/** @file Rows on their way into SQL: read as they come where that is safe, else put into temporary tables, which may spill to disk. */

import type * as arrow from "apache-arrow";
import type { Database, ScratchTable } from "./database.js";
import type { Described } from "./described.js";
import type { Feed, FeedColumns } from "./feed.js";

/** Something that SQL can read, and that must be let go of afterwards. */
export interface Source {
  /** A table in SQL. */
  readonly sql: string;
  /** What went wrong behind SQL's back, the cause of the query's failure. */
  error(): unknown;
  release(): Promise<void>;
}

/** Bytes of rows that are inserted with one statement. */
const groupBytes = 1 << 23;

/**
 * Queries that read rows while they come hold a thread of libuv's pool while they wait, of which there are four by
 * default and which whoever makes the rows needs too; so only two may wait at a time.
 */
let freeWaits = 2;

export function ofBatches(
  database: Database,
  described: Described,
  batches: readonly arrow.RecordBatch[],
): Promise<Source> {
  return columnsOf(database, described).then((columns) =>
    sourceOf(database, database.feeds.ofBatches(columns, batches)),
  );
}

/**
 * Batches that are read while they come; undefined where too many queries wait already.
 *
 * @param start begins to make the batches, until the signal aborts
 */
export async function streaming(
  database: Database,
  described: Described,
  start: (signal: AbortSignal) => AsyncIterable<arrow.RecordBatch>,
): Promise<Source | undefined> {
  if (freeWaits === 0) return undefined;
  freeWaits--;
  let feed: Feed;
  try {
    feed = database.feeds.live(await columnsOf(database, described));
  } catch (error) {
    freeWaits++;
    throw error;
  }
  const stop = new AbortController();
  const pump = async () => {
    for await (const batch of start(stop.signal)) {
      await feed.push(batch);
      if (feed.ended) return;
    }
  };
  const pumping = pump().then(
    () => feed.end(),
    (error) => feed.end(error),
  );
  return {
    sql: feed.sql,
    error: () => (stop.signal.aborted ? undefined : feed.error),
    async release() {
      stop.abort(new Error("the query has ended"));
      database.feeds.remove(feed);
      await pumping;
      freeWaits++;
    },
  };
}

/** A temporary table with the batches' rows in their order. On failure nothing is left. */
export async function fillTable(
  database: Database,
  described: Described,
  batches: AsyncIterable<arrow.RecordBatch>,
): Promise<ScratchTable> {
  const table = database.newTable();
  await database.run(`CREATE TABLE ${table} AS SELECT * FROM ${described.emptySql}`);
  const columns = await columnsOf(database, described);
  try {
    let group: arrow.RecordBatch[] = [];
    let bytes = 0;
    // one group is inserted while the next one is gathered
    let inserting = Promise.resolve();
    for await (const batch of batches) {
      group.push(batch);
      bytes += batch.data.byteLength;
      if (bytes < groupBytes) continue;
      await inserting;
      inserting = insert(database, table, columns, group);
      inserting.catch(() => {});
      group = [];
      bytes = 0;
    }
    await inserting;
    await insert(database, table, columns, group);
    return table;
  } catch (error) {
    await database.dropTable(table).catch(() => {});
    throw error;
  }
}

async function insert(
  database: Database,
  table: ScratchTable,
  columns: FeedColumns,
  batches: readonly arrow.RecordBatch[],
): Promise<void> {
  if (batches.length === 0) return;
  const feed = database.feeds.ofBatches(columns, batches);
  try {
    await database.run(`INSERT INTO ${table} SELECT * FROM ${feed.sql}`);
  } finally {
    database.feeds.remove(feed);
  }
}

function sourceOf(database: Database, feed: Feed): Source {
  return {
    sql: feed.sql,
    error: () => undefined,
    async release() {
      database.feeds.remove(feed);
    },
  };
}

async function columnsOf(database: Database, described: Described): Promise<FeedColumns> {
  const connection = await database.connect();
  try {
    const prepared = await database.during(() => connection.prepare(`SELECT * FROM ${described.emptySql}`));
    return {
      names: described.columns.map(({ name }) => name),
      types: described.columns.map((_, i) => prepared.columnType(i)),
    };
  } finally {
    database.release(connection);
  }
}

/** @file The engines that conformance tests run on: one line each. */

import { afterAll, test } from "vitest";
import type { DataFrame } from "../src/data/dataframe.js";
import type { Row } from "../src/data/rows.js";
import { Session, type SessionOptions } from "../src/session.js";
import { noSpark, sparkUrl } from "./spark.js";

export interface TestEngine {
  readonly name: string;
  /** The engine's one session for all tests of a file, opened when first asked for. */
  readonly session: () => Promise<Session>;
  /** A DataFrame of these rows. */
  readonly frame: (rows: readonly Row[], schema?: Readonly<Record<string, string>>) => Promise<DataFrame>;
}

export const engines: readonly TestEngine[] = [
  engine("duckdb", async () => "duckdb:"),
  ...(noSpark ? [] : [engine("spark", sparkUrl)]),
];

if (noSpark) test.skip(`on spark: ${noSpark}`, () => {});

function engine(name: string, url: () => Promise<string>, options: SessionOptions = {}): TestEngine {
  let opened: Promise<Session> | undefined;
  const session = () => {
    opened ??= url().then((found) => Session.open(found, options));
    return opened;
  };
  afterAll(async () => {
    await (await opened)?.close();
    opened = undefined;
  });
  return { name, session, frame: async (rows, schema) => (await session()).createDataFrame(rows, schema) };
}

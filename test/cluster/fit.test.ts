/** @file A fit on a cluster whose workers and executors are killed on the way ends where one on DuckDB does. */

import { afterAll, describe, expect, test } from "vitest";
import { LinearRegression, LogisticRegression, Session } from "../../src/index.js";
import { noSpark } from "../spark.js";
import { kinds, processesBelow } from "./processes.js";
import { ownServer, type SparkServer } from "./server.js";

const rows = 30_000;
const x = (j: number) => `sin(id * 0.7 * ${j})`;
const label = `CAST(${x(1)} - 2 * ${x(2)} + ${x(3)} + 2 * sin(id * 12.9898) > 0 AS INT)`;
const select = (array: string) => `SELECT ${label} AS label, ${array} AS features FROM`;

describe.skipIf(noSpark)(`a fit on a cluster whose parts fail${noSpark ? ` (${noSpark})` : ""}`, () => {
  let server: SparkServer | undefined;
  afterAll(() => server?.stop());

  test("counts every row once in every pass", async () => {
    server = await ownServer();
    const { pid, url } = server;
    const estimator = new LogisticRegression({ regParam: 0.001, tol: 1e-10 });
    await using embedded = await Session.open();
    const here = await estimator.fit(embedded.sql(`${select(`[${[1, 2, 3].map(x)}]`)} range(${rows}) AS t(id)`));

    const killed: string[] = [];
    const victims = ["a node worker", "an executor", "a Python worker"] as const;
    let killing = Promise.resolve();
    const onProgress = ({ task, done }: { readonly task: string; readonly done: number }) => {
      const kind = task === "LogisticRegression.fit" && done > 0 ? victims[killed.length] : undefined;
      if (kind === undefined) return;
      killed.push(kind);
      killing = killing.then(async () => {
        const [victim] = kinds[kind](await processesBelow(pid));
        if (victim !== undefined) process.kill(victim.pid, "SIGKILL");
      });
    };
    await using cluster = await Session.open(url, { onProgress });
    const df = cluster.sql(`${select(`array(${[1, 2, 3].map(x)})`)} range(0, ${rows}, 1, 4)`);
    const there = await estimator.fit(df);
    await killing;
    expect(killed).toEqual(victims);
    here.coefficients.forEach((value, i) => {
      expect(there.coefficients[i]).toBeCloseTo(value, 9);
    });
    const linear = new LinearRegression({ labelCol: "label" });
    const expected = await linear.fit(embedded.sql(`${select(`[${[1, 2, 3].map(x)}]`)} range(${rows}) AS t(id)`));
    expect((await linear.fit(df)).intercept).toBeCloseTo(expected.intercept, 9);
  }, 600_000);
});

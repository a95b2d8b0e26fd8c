/** @file How the worker comes to the executors: which node runs it, and that it is shipped once. */

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Session, type SessionOptions } from "../../src/index.js";
import { Times } from "../fixtures/stages.js";
import { noSpark, sparkUrl } from "../spark.js";
import { until } from "./processes.js";
import { tcpProxy } from "./tcp-proxy.js";

describe.skipIf(noSpark)(`the worker on executors${noSpark ? ` (${noSpark})` : ""}`, () => {
  const doubled = async (url: string, options: SessionOptions = {}) => {
    const session = await Session.open(url, options);
    try {
      const df = session.sql("SELECT id, CAST(id AS DOUBLE) AS x FROM range(0, 4, 1, 2)");
      return await df.withStage(new Times({ inputCol: "x", outputCol: "y" })).values("y");
    } finally {
      await session.close();
    }
  };

  test("runs in this process's node, sent along", async () => {
    expect(await doubled(await sparkUrl(), { worker: "ship" })).toEqual([0, 2, 4, 6]);
  });

  test("runs in a node of the executors by its path, and says where that is none", async () => {
    expect(await doubled(await sparkUrl(), { worker: { node: process.execPath } })).toEqual([0, 2, 4, 6]);
    await expect(doubled(await sparkUrl(), { worker: { node: "/opt/none/node" } })).rejects.toThrow(
      /^Spark: cannot start \/opt\/none\/node on \S+ \(No such file or directory\); pass \{ worker: \{ node: ... \} \} with the path of a node there$/,
    );
  });

  test("takes what rows and names say for text, whatever it says", async () => {
    const trace = join(tmpdir(), `deepframe-evaluated-${randomUUID()}`);
    const texts = [
      `__import__("os").system("touch ${trace}")`,
      `cos\nsystem\n(S'touch ${trace}'\ntR.`,
      `"}); require("node:fs").writeFileSync(\`${trace}\`, ""); ({"`,
      `$(touch ${trace}); \`touch ${trace}\` '\\' \u2028 {} %s`,
    ];
    const session = await Session.open(await sparkUrl());
    try {
      for (const name of texts) {
        const rows = texts.map((text, x) => ({ x, [name]: text }));
        const doubled = session
          .createDataFrame(rows)
          .withStage(new Times({ inputCol: "x", outputCol: `${name} doubled` }));
        expect(await doubled.collect()).toEqual(rows.map((row) => ({ ...row, [`${name} doubled`]: 2 * row.x })));
      }
    } finally {
      await session.close();
    }
    expect(existsSync(trace)).toBe(false);
  });

  test("executors are asked when a session opens; closing does not wait for their answer", async () => {
    const proxy = await tcpProxy(Number(/:(\d+)$/.exec(await sparkUrl())![1]));
    const session = await Session.open(`sc://127.0.0.1:${proxy.port}/;user_id=${randomUUID()}`);
    // the shim alone has as many bytes
    await until(async () => (proxy.sent > 10_000 ? true : undefined), "the question");
    const closing = performance.now();
    await session.close();
    expect(performance.now() - closing).toBeLessThan(5000);
    proxy.shut();
  });

  test("is shipped by the first session alone", async () => {
    const proxy = await tcpProxy(Number(/:(\d+)$/.exec(await sparkUrl())![1]));
    // a user without sessions before
    const url = `sc://127.0.0.1:${proxy.port}/;user_id=${randomUUID()}`;
    expect(await doubled(url)).toEqual([0, 2, 4, 6]);
    expect(proxy.sent).toBeGreaterThan(10_000_000);
    const before = proxy.sent;
    expect(await doubled(url)).toEqual([0, 2, 4, 6]);
    expect(proxy.sent - before).toBeLessThan(100_000);
    proxy.shut();
  });
});

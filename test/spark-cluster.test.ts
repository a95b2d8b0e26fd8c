/** @file Failures of workers on a real cluster of separate executor processes. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { Session } from "../src/session.js";
import { Times, Wait } from "./fixtures/stages.js";
import { noSpark, sparkUrl } from "./spark.js";

const run = promisify(execFile);
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe.skipIf(noSpark)(`on a cluster${noSpark ? ` (${noSpark})` : ""}`, () => {
  let opened: Promise<Session> | undefined;
  const open = () => {
    opened ??= sparkUrl().then((url) => Session.open(url));
    return opened;
  };
  afterAll(async () => (await opened)?.close());

  test("every row comes exactly once where a worker is killed in the middle", async () => {
    const session = await open();
    const df = session
      .sql("SELECT id, CAST(id AS DOUBLE) AS x FROM range(0, 200000, 1, 8)")
      .withStage(new Times({ inputCol: "x", outputCol: "y" }))
      .withStage(new Wait({ milliseconds: 300 }));
    const seen = df.collect();
    let killed = 0;
    for (let i = 0; i < 600 && killed === 0; i++) {
      await pause(100);
      const { stdout } = await run("pgrep", ["-f", "deepframe_worker_.*/executor.js"]).catch(() => ({ stdout: "" }));
      const [first] = stdout.split("\n").filter((line) => line !== "");
      if (first === undefined) continue;
      process.kill(Number(first), "SIGKILL");
      killed++;
    }
    expect(killed).toBe(1);
    const ids = (await seen).map(({ id }) => Number(id));
    expect(ids.length).toBe(200_000);
    expect(new Set(ids).size).toBe(200_000);
  }, 300_000);
});

/** @file What must hold whatever fails: a cluster of this file's own, whose parts it kills. */

import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { Session } from "../../src/index.js";
import { Poison, Times, Wait } from "../fixtures/stages.js";
import { noSpark } from "../spark.js";
import { kinds, nodeWorkers, processesBelow, until } from "./processes.js";
import { ownServer, type SparkServer } from "./server.js";
import { tcpProxy } from "./tcp-proxy.js";

const rows = 200_000;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe.skipIf(noSpark)(`a cluster whose parts fail${noSpark ? ` (${noSpark})` : ""}`, () => {
  let starting: Promise<SparkServer> | undefined;
  const server = () => {
    starting ??= ownServer({ conf: { "spark.ui.enabled": true, "spark.ui.port": 0 } });
    return starting;
  };
  let opened: Promise<Session> | undefined;
  const open = (): Promise<Session> => {
    opened ??= server().then(({ url }) => Session.open(url));
    return opened;
  };
  afterAll(async () => {
    await (await opened)?.close();
    await (await starting)?.stop();
  });

  const numbers = (session: Session, partitions: number) =>
    session.sql(`SELECT id, CAST(id AS DOUBLE) AS x FROM range(0, ${rows}, 1, ${partitions})`);
  const slow = (session: Session, partitions = 8) =>
    numbers(session, partitions)
      .withStage(new Times({ inputCol: "x", outputCol: "y" }))
      .withStage(new Wait({ milliseconds: 200 }));
  const expectAll = (found: readonly Readonly<Record<string, unknown>>[]) => {
    expect(found.length).toBe(rows);
    expect(new Set(found.map(({ id }) => Number(id))).size).toBe(rows);
    expect(found.every(({ id, x, y }) => Number(id) === x && y === 2 * (x as number))).toBe(true);
  };

  test.each(Object.entries(kinds))(
    "gives every row exactly once where %s is killed in the middle",
    async (_name, victims) => {
      const { pid } = await server();
      const seen = slow(await open()).collect();
      const victim = await until(async () => {
        const processes = await processesBelow(pid);
        return kinds["a node worker"](processes).length > 0 ? victims(processes)[0] : undefined;
      }, "a worker to kill");
      await pause(600);
      process.kill(victim.pid, "SIGKILL");
      expectAll(await seen);
    },
    300_000,
  );

  test("names the row that kills its worker, with the worker's last lines", async () => {
    const poisoned = numbers(await open(), 4).withStage(new Poison({ inputCol: "x", deadly: 123_456 }));
    const error = await poisoned.collect().then(
      () => undefined,
      (failure) => failure,
    );
    const last = Array.from({ length: 50 }, (_, i) => `line ${i + 11} before the end`);
    expect(error?.message).toBe(
      `Spark: the worker process was killed by signal 9 each time it came to the row with id 123456, x 123456.0; its last lines:\n${last.join("\n")}`,
    );
    expect(error).toMatchObject({ name: "EngineError", code: "WORKER_DIED" });
    expect(error.fields).toEqual({ exit: -9, key: { id: 123_456, x: 123_456 }, log: last });
  }, 300_000);

  test("a bad row is told by its values, since its number says nothing", async () => {
    const bad = numbers(await open(), 4)
      .withColumn("x", "CASE WHEN id = 180000 THEN NULL ELSE x END")
      .withStage(new Times({ inputCol: "x", outputCol: "y", handleInvalid: "error" }));
    const error = await bad.collect().catch((failure) => failure);
    expect(error.message).toBe('Times: the row with id 180000, x null of column "x" is null');
    expect(error.fields).toMatchObject({ key: { id: 180_000, x: null } });
  });

  test("does not lose a running query where the server is away for a while", async () => {
    const door = await tcpProxy((await server()).port);
    const session = await Session.open(`sc://127.0.0.1:${door.port}`);
    const found: Record<string, unknown>[] = [];
    let breaks = 0;
    for await (const batch of slow(session).batches()) {
      for (const row of batch.toArray()) found.push(row.toJSON());
      if (breaks < 2) {
        breaks++;
        door.shut();
        await pause(1500);
        await door.open();
      }
    }
    expectAll(found);
    expect(breaks).toBe(2);
    await session.close();
    door.shut();
  }, 300_000);

  test("a partition of 1 GB goes through the worker piece by piece", async () => {
    const { pid } = await server();
    const session = await open();
    // 102,400 rows of 10 kB in one partition: 1 GB
    const large = session
      .sql(
        "SELECT id, CAST(id AS DOUBLE) AS x, repeat(CAST(id % 10 AS STRING), 10000) AS text FROM range(0, 102400, 1, 1)",
      )
      .withStage(new Times({ inputCol: "x", outputCol: "y" }));
    const peaks = new Map<string, number>();
    const watch = setInterval(async () => {
      const processes = await processesBelow(pid);
      for (const kind of ["a node worker", "a Python worker"] as const) {
        for (const { pid } of kinds[kind](processes)) {
          const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
          const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
          peaks.set(kind, Math.max(peak, peaks.get(kind) ?? 0));
        }
      }
    }, 200);
    const [found] = await large.agg({ n: "count(*)", size: "sum(length(text))", y: "sum(y)" }).collect();
    clearInterval(watch);
    expect(found).toEqual({ n: 102_400, size: 1_024_000_000, y: 102_400 * 102_399 });
    // a few batches of 8 MiB over what both take when they have nothing to do
    expect(peaks.get("a node worker")).toBeLessThan(300);
    expect(peaks.get("a Python worker")).toBeLessThan(250);
  }, 300_000);

  test("Ctrl-C ends the cluster's job", async () => {
    const { url, log } = await server();
    const [, port] = /service 'SparkUI' on port (\d+)/.exec(await readFile(log, "utf8"))!;
    const ui = `http://127.0.0.1:${port}`;
    const applications = (await (await fetch(`${ui}/api/v1/applications`)).json()) as { id: string }[];
    const jobs = async () =>
      (
        (await (
          await fetch(`${ui}/api/v1/applications/${applications[0]!.id}/jobs?status=running`)
        ).json()) as unknown[]
      ).length;
    const module = new URL("../../src/index.js", import.meta.url);
    const program = `
      const { Session } = await import(${JSON.stringify(module)});
      const session = await Session.open(${JSON.stringify(url)});
      await session.sql("SELECT count(*) FROM range(1000000000000) WHERE sin(id) > 2").collect();`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
    const ended = new Promise((resolve) => child.on("exit", (_code, signal) => resolve(signal)));
    await until(async () => ((await jobs()) > 0 ? true : undefined), "the job's start");
    child.kill("SIGINT");
    expect(await ended).toBe("SIGINT");
    await until(async () => ((await jobs()) === 0 ? true : undefined), "the job's end", 10);
  });

  test("says that all slots are taken", async () => {
    const session = await open();
    const stop = new AbortController();
    const busy = session
      .sql("SELECT count(*) FROM range(0, 1000000000000, 1, 2) WHERE sin(id) > 2")
      .collect({ signal: stop.signal })
      .catch(() => {});
    await pause(1000);
    const other = await Session.open((await server()).url, { slotTimeout: 1500 });
    const failure = await numbers(other, 2)
      .withStage(new Times({ inputCol: "x", outputCol: "y" }))
      .collect()
      .catch((error) => error);
    expect(failure.code).toBe("NO_SLOTS");
    expect(failure.message).toBe(
      "Spark: no executor took a task within 1.5 s: all slots are taken, or no executor could be started; see Spark's own page of the application, or pass a longer slotTimeout",
    );
    await other.close();
    stop.abort();
    await busy;
  });

  test("leaves no node process behind once the session is closed", async () => {
    const { pid } = await server();
    await slow(await open(), 2)
      .agg({ sum: "sum(y)" })
      .collect();
    expect((await nodeWorkers(pid)).length).toBeGreaterThan(0);
    await (await opened)?.close();
    opened = undefined;
    await until(
      async () => ((await nodeWorkers(pid)).length === 0 ? true : undefined),
      "the last node worker's end",
      30,
    );
  });

  test("says that a server that was restarted has lost the session, and that its Python lacks pyarrow", async () => {
    const { url, port, stop } = await server();
    const session = await Session.open(url);
    await session.createDataFrame([{ a: 1 }]).createOrReplaceTempView("mine");
    const mine = session.table("mine");
    await mine.count();
    await stop();
    const bare = join(await mkdtemp(join(tmpdir(), "deepframe-python-")), "venv");
    await promisify(execFile)("python3", ["-m", "venv", "--without-pip", bare]);
    starting = ownServer({ port, env: { PYSPARK_PYTHON: join(bare, "bin", "python") } });
    await server();
    const message = `Spark: the server at 127.0.0.1:${port} was restarted or gave the session up, and what was in it is gone; open a new session`;
    await expect(mine.collect()).rejects.toMatchObject({ code: "SESSION_LOST", message });
    await session.close();
    await (await opened)?.close();
    opened = undefined;
    // this one's executors have a Python with nothing in it, which SQL does without
    expect(await (await open()).sql("SELECT count(*) AS n FROM range(10)").collect()).toEqual([{ n: 10 }]);
    await expect(slow(await open()).collect()).rejects.toThrow(
      "Spark: Python on the executors lacks pyarrow, which stages need there; install it on every node",
    );
    await rm(dirname(bare), { recursive: true });
  }, 300_000);
});

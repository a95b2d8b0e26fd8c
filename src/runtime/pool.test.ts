/** @file Tests of the pool: results, errors, crashes, cancelling, limits, and that it lets the process end. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";

import { EngineError, ShapeError } from "../errors.js";
import { Pool, type PoolOptions } from "./pool.js";
import type { Task } from "./task.js";

const module = new URL("../../test/fixtures/pool-tasks.js", import.meta.url);
const task = (name: string, message?: unknown, more: Partial<Task> = {}): Task => ({
  module,
  export: name,
  message,
  ...more,
});

const open: Pool[] = [];
function newPool(options: PoolOptions = {}): Pool {
  const pool = new Pool({ size: 2, ...options });
  open.push(pool);
  return pool;
}
afterEach(() => Promise.all(open.splice(0).map((pool) => pool.close())));

describe("a pool", () => {
  test("runs exported functions and moves the buffers they name", async () => {
    const pool = newPool();
    expect(await pool.run(task("add", [2, 3]))).toBe(5);
    expect(await pool.run<Float32Array>(task("fill", 3))).toEqual(new Float32Array([7, 7, 7]));
    const moved = new Uint8Array(8);
    await pool.run(task("add", [moved, 1], { transfer: [moved.buffer] }));
    expect(moved.byteLength).toBe(0);
  });

  test("starts threads only when tasks need them", async () => {
    const pool = newPool();
    expect(pool.load.threads).toBe(0);
    await pool.run(task("add", [1, 1]));
    await pool.run(task("add", [1, 1]));
    expect(pool.load.threads).toBe(1);
    const indexes = await Promise.all([pool.run(task("wait", 50)), pool.run(task("wait", 50))]);
    expect(indexes.sort()).toEqual([0, 1]);
  });

  test("says what the module exports when the function is not among it", async () => {
    await expect(newPool().run(task("ad"))).rejects.toThrow(
      `Pool: ${module.href} exports no function "ad" (it has "add", "crash", "deaf", "fail", "fill", "mark", "marks", "untilAborted", … and 2 more)`,
    );
  });

  test("refuses limits that make no sense", () => {
    expect(() => new Pool({ size: 0 })).toThrow("Pool: size must be a whole number of at least 1, got 0");
  });

  test("fails what is not done when it closes, and everything after", async () => {
    const pool = newPool({ size: 1 });
    const running = pool.run(task("wait", 5000));
    const queued = pool.run(task("add", [1, 1]));
    await sleep(50);
    const closing = pool.close();
    await expect(running).rejects.toThrow("Pool: closed; its tasks were not finished");
    await expect(queued).rejects.toThrow("Pool: closed; its tasks were not finished");
    await closing;
    await expect(pool.run(task("add", [1, 1]))).rejects.toThrow("Pool: closed; its tasks were not finished");
    expect(pool.load).toEqual({ tasks: 0, bytes: 0, threads: 0 });
  });
});

describe("errors of tasks", () => {
  test("keep class, code, fields, message, stack and cause", async () => {
    const error = await newPool()
      .run(task("fail", "shape"))
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ShapeError);
    const shape = error as ShapeError;
    expect([shape.name, shape.code, shape.message]).toEqual([
      "ShapeError",
      "SHAPE_INPUT",
      "Dense(32): expected [2], got [3]",
    ]);
    expect(shape.fields.got).toEqual([3]);
    expect(shape.fields.call).toContain("function fail");
    expect(shape.stack).toContain("fixtures/pool-tasks.js");
    expect(shape.cause).toBeInstanceOf(TypeError);
    expect((shape.cause as Error).message).toBe("the cause");
  });

  test("may be of the language's classes or no errors at all", async () => {
    const pool = newPool();
    await expect(pool.run(task("fail", "type"))).rejects.toThrow(new TypeError("not a number"));
    await expect(pool.run(task("fail", "text"))).rejects.toThrow("plain text");
    await expect(pool.run(task("fail", "uncloneable"))).rejects.toThrow("could not be cloned");
    await expect(pool.run(task("add", [() => {}, 1]))).rejects.toThrow("could not be cloned");
    expect(await pool.run(task("add", [1, 2]))).toBe(3);
  });
});

describe("a thread that crashes", () => {
  test("fails its task with exit code and last lines, and is replaced", async () => {
    const pool = newPool({ size: 1 });
    const crashed = pool.run(task("crash", "exit"));
    const next = pool.run(task("add", [1, 2]));
    const error = (await crashed.catch((error: unknown) => error)) as EngineError;
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toBe(
      'Pool: the thread running "crash" ended with exit code 3; its last lines:\nabout to fail\nreally',
    );
    expect([error.code, error.fields.exitCode]).toEqual(["THREAD_CRASHED", 3]);
    expect(await next).toBe(3);
  });

  test("says what it did not catch", async () => {
    await expect(newPool().run(task("crash", "throw"))).rejects.toThrow(
      'Pool: the thread running "crash" ended with exit code 1: nobody caught this',
    );
  });
});

describe("cancelling", () => {
  test("drops a queued task", async () => {
    const pool = newPool({ size: 1 });
    const running = pool.run(task("wait", 100));
    const abort = new AbortController();
    const queued = pool.run(task("mark", "dropped"), { signal: abort.signal });
    abort.abort(new Error("not any more"));
    await expect(queued).rejects.toThrow("not any more");
    await running;
    expect(await pool.run(task("marks"))).toEqual([]);
    await expect(pool.run(task("marks"), { signal: abort.signal })).rejects.toThrow("not any more");
  });

  test("tells a running task and does not wait for it", async () => {
    const pool = newPool({ size: 1 });
    const abort = new AbortController();
    const running = pool.run(task("untilAborted", "heard"), { signal: abort.signal });
    await sleep(100);
    abort.abort();
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(await pool.run(task("marks"))).toEqual(["heard"]);
  });

  test("gives up a thread that does not listen", async () => {
    const pool = newPool({ size: 1, grace: 50 });
    await pool.run(task("mark", "old thread"));
    const abort = new AbortController();
    const running = pool.run(task("deaf", 60_000), { signal: abort.signal });
    await sleep(20);
    abort.abort();
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(await pool.run(task("marks"))).toEqual([]);
  });
});

describe("backpressure", () => {
  test("bounds the bytes taken in, and lets a task that is larger go alone", async () => {
    const pool = newPool({ maxTasks: 100, maxBytes: 100 });
    const most = { bytes: 0, tasks: 0 };
    const results: Promise<number>[] = [];
    for (const bytes of [60, 40, 1, 500, 30, 30, 30, 30]) {
      const job = await pool.submit<number>(task("wait", 10, { bytes }));
      results.push(job.result);
      const { load } = pool;
      most.bytes = Math.max(most.bytes, load.bytes > 100 ? load.bytes / load.tasks : load.bytes);
      expect(load.bytes <= 100 || load.tasks === 1).toBe(true);
    }
    await Promise.all(results);
    expect(most.bytes).toBe(500);
    expect(pool.load).toMatchObject({ tasks: 0, bytes: 0 });
  });

  test("bounds the tasks taken in", async () => {
    const pool = newPool({ maxTasks: 3 });
    const results: Promise<number>[] = [];
    for (let i = 0; i < 12; i++) {
      results.push((await pool.submit<number>(task("wait", 5))).result);
      expect(pool.load.tasks).toBeLessThanOrEqual(3);
    }
    await Promise.all(results);
  });
});

describe("keys", () => {
  test("keep tasks on the threads that know them, up to the replicas allowed", async () => {
    const pool = newPool();
    await pool.run(task("where", undefined, { key: "model", replicas: 1 }));
    const alone = await Promise.all([1, 2, 3].map(() => pool.run(task("wait", 20, { key: "model", replicas: 1 }))));
    expect(alone).toEqual([0, 0, 0]);
    const spread = await Promise.all([1, 2].map(() => pool.run(task("wait", 50, { key: "model" }))));
    expect(spread.sort()).toEqual([0, 1]);
  });

  test("are forgotten by a task in every thread that knew them", async () => {
    const pool = newPool();
    await Promise.all([1, 2].map(() => pool.run(task("wait", 50, { key: "model" }))));
    pool.forget("model", task("mark", "released"));
    const marks = await Promise.all(["a", "b"].map((key) => pool.run(task("marks", undefined, { key }))));
    expect(marks[0]).toEqual(["released"]);
  });
});

describe("the process", () => {
  const run = promisify(execFile);
  const source = (body: string) => `
    import { Pool } from ${JSON.stringify(new URL("./pool.js", import.meta.url).href)};
    const pool = new Pool({ size: 2 });
    const module = new URL(${JSON.stringify(module.href)});
    ${body}`;

  test("ends by itself once the pool is idle, and not before its tasks are done", async () => {
    const script = source(`
      console.log(await pool.run({ module, export: "add", message: [1, 2] }));
      pool.run({ module, export: "wait", message: 300 }).then(() => console.log("waited"));`);
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { timeout: 20_000 });
    expect(stdout).toBe("3\nwaited\n");
  });

  test("may have flags that threads cannot have of their own", async () => {
    const script = source(`console.log(await pool.run({ module, export: "add", message: [1, 2] }));`);
    const file = join(await mkdtemp(join(tmpdir(), "deepframe-test-")), "script.mjs");
    await writeFile(file, script);
    const flags = ["--max-old-space-size=500", "--expose-gc"];
    const options = { timeout: 20_000 };
    expect((await run(process.execPath, [...flags, file], options)).stdout).toBe("3\n");
    const given = [...flags, "--input-type=module", "-e", script];
    expect((await run(process.execPath, given, options)).stdout).toBe("3\n");
    await rm(dirname(file), { recursive: true });
  });

  test("may exit while a thread decodes pictures", async () => {
    const script = source(`
      const decoder = new URL("decode-task.js", module);
      pool.run({ module: decoder, export: "decodeForever" }).catch(() => {});
      setTimeout(() => process.exit(7), 500);`);
    const result = run(process.execPath, ["--input-type=module", "-e", script], { timeout: 20_000 });
    await expect(result).rejects.toMatchObject({ code: 7, stderr: "" });
  });
});

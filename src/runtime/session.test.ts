/** @file Tests of sessions and run: dtypes, checks, caching, devices, cancelling, profiling, the event loop. */

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, describe, expect, test } from "vitest";

import { identity, model, node, powers, value, weight } from "../../test/fixtures/tiny-onnx.js";
import { sharedData } from "../../test/shared-data.js";
import { EngineError, GraphError, ShapeError } from "../errors.js";
import type { DataOf, DType } from "../tensor/dtype.js";
import { Tensor } from "../tensor/tensor.js";
import { Asset } from "../util/asset.js";
import { readAsset } from "./load-asset.js";
import type { OperatorTime } from "./profile.js";
import { run } from "./run.js";
import { openSession } from "./session.js";
import { closePool, configurePool, sharedPool } from "./shared-pool.js";

configurePool({ size: 2, grace: 60_000 });
afterAll(closePool);

const x = new Tensor("float32", new Float32Array([1, 2, 3]), [1, 3]);
/** x + y, x - y */
const twoInputs = model({
  nodes: [node("Add", ["x", "y"], ["sum"]), node("Sub", ["x", "y"], ["difference"])],
  inputs: [value("x", "float32", ["batch", 3]), value("y", "float32", [undefined, 3])],
  outputs: [value("sum", "float32", ["batch", 3]), value("difference", "float32", ["batch", 3])],
});

async function loads(): Promise<number> {
  const module = new URL("./loaded.js", import.meta.url);
  const counts = [0, 1].map((index) =>
    sharedPool().run<number>({ module, export: "countLoads", message: undefined, key: `count ${index}`, replicas: 1 }),
  );
  return Math.max(...(await Promise.all(counts)));
}

describe("run", () => {
  const examples: { readonly [D in Exclude<DType, "bfloat16">]: DataOf[D] } = {
    float32: new Float32Array([1.5, -2, Number.NaN]),
    float64: new Float64Array([1e300, -2, 0]),
    float16: new Uint16Array([0x3c00, 0xc000, 0]),
    int8: new Int8Array([1, -2, 127]),
    uint8: new Uint8Array([1, 2, 255]),
    int16: new Int16Array([1, -2, 32767]),
    uint16: new Uint16Array([1, 2, 65535]),
    int32: new Int32Array([1, -2, 3]),
    uint32: new Uint32Array([1, 2, 2 ** 32 - 1]),
    int64: new BigInt64Array([1n, -2n, 2n ** 62n]),
    uint64: new BigUint64Array([1n, 2n, 2n ** 64n - 1n]),
    bool: new Uint8Array([1, 0, 1]),
    string: ["a", "", "é€"],
  };
  test.each(Object.keys(examples) as (keyof typeof examples)[])("passes %s tensors unchanged", async (dtype) => {
    const { y } = await run(identity(dtype), { x: new Tensor<DType>(dtype, examples[dtype], [1, 3]) });
    expect(y).toEqual(new Tensor<DType>(dtype, examples[dtype], [1, 3]));
  });

  test("says that bfloat16 cannot be passed", async () => {
    await expect(run(identity("bfloat16"), {}, { name: "identity" })).rejects.toThrow(
      "identity: cannot be loaded: Unsupported data type: 16 (bfloat16); put a Cast to or from float32 into the graph",
    );
  });

  test("passes empty and scalar tensors, and views of larger arrays", async () => {
    const bytes = identity("float32");
    expect((await run(bytes, { x: Tensor.zeros("float32", [0, 3]) })).y).toEqual(Tensor.zeros("float32", [0, 3]));
    const small = Buffer.from([1, 2, 3]);
    expect((await run(identity("uint8"), { x: new Tensor("uint8", small, [1, 3]) })).y?.toNumbers()).toEqual([1, 2, 3]);
    expect(small.buffer.byteLength).toBeGreaterThan(0);
    const view = new Float32Array(100).map((_, i) => i).subarray(10, 13);
    expect((await run(bytes, { x: new Tensor("float32", view, [1, 3]) })).y?.toNumbers()).toEqual([10, 11, 12]);
    expect((await run(identity("float32", []), { x: Tensor.scalar(5) })).y).toEqual(Tensor.scalar(5));
  });

  test("returns what is fetched", async () => {
    const { sum, ...others } = await run(twoInputs, { x, y: x }, { fetches: ["sum"] });
    expect([sum?.toNumbers(), others]).toEqual([[2, 4, 6], {}]);
    expect(Object.keys(await run(twoInputs, { x, y: x }))).toEqual(["sum", "difference"]);
  });

  test("takes graphs, assets and tensors in shared memory", async () => {
    const bytes = identity("float32");
    expect((await run({ toChunks: () => [bytes.subarray(0, 20), bytes.subarray(20)] }, { x })).y).toEqual(x);
    expect((await run(new Asset(bytes), { x })).y).toEqual(x);
    const shared = new Float32Array(new SharedArrayBuffer(12)).fill(3);
    expect((await run(bytes, { x: new Tensor("float32", shared, [1, 3]) })).y?.toNumbers()).toEqual([3, 3, 3]);
  });

  test("moves the feeds' buffers when told to, else leaves them", async () => {
    const large = new Tensor("float32", new Float32Array(30_000), [10_000, 3]);
    await run(identity("float32"), { x: large });
    expect(large.data.length).toBe(30_000);
    await run(identity("float32"), { x: large }, { transfer: true });
    expect(large.data.length).toBe(0);
  });

  test("loads equal content once, whatever object it comes from", async () => {
    await run(powers(3), { x: Tensor.zeros("float32", [2, 2]) });
    const before = await loads();
    const copies = [powers(3), powers(3), powers(3)];
    for (const bytes of copies) await run(bytes, { x: Tensor.zeros("float32", [2, 2]) });
    expect(await loads()).toBe(before);
  });
});

describe("feeds that do not fit fail before the runtime sees them", () => {
  const cases: [string, Record<string, Tensor>, string][] = [
    [
      "a missing input",
      { x },
      'sums: input "y" is not fed; the model takes "x" float32 [batch, 3], "y" float32 [?, 3]',
    ],
    [
      "an unknown name",
      { x, y: x, yy: x },
      'sums: no input "yy"; did you mean "y"? the model takes "x" float32 [batch, 3], "y" float32 [?, 3]',
    ],
    [
      "another dtype",
      { x, y: Tensor.zeros("int64", [1, 3]) },
      'sums: input "y" must be float32 [?, 3], got int64 [1, 3]',
    ],
    [
      "another size",
      { x: Tensor.zeros("float32", [2, 4]), y: x },
      'sums: input "x" must be float32 [batch, 3], got float32 [2, 4]',
    ],
    [
      "another rank",
      { x: Tensor.zeros("float32", [3]), y: x },
      'sums: input "x" must be float32 [batch, 3], got float32 [3]',
    ],
  ];
  test.each(cases)("%s", async (_, feeds, message) => {
    await expect(run(twoInputs, feeds, { name: "sums" })).rejects.toThrow(message);
  });

  test("with the classes that callers look for", async () => {
    await expect(run(twoInputs, { x })).rejects.toBeInstanceOf(GraphError);
    await expect(run(twoInputs, { x, y: Tensor.zeros("bool", [1, 3]) })).rejects.toBeInstanceOf(ShapeError);
    await expect(run(twoInputs, { x, y: x }, { name: "sums", fetches: ["sums"] })).rejects.toThrow(
      'sums: no output "sums" (it has "sum", "difference"); did you mean "sum"?',
    );
  });
});

describe("a session", () => {
  test("knows the model's inputs and outputs and runs until it is closed", async () => {
    const session = await openSession(twoInputs, { name: "sums" });
    expect([session.name, session.device]).toEqual(["sums", "cpu"]);
    expect(session.inputs).toEqual([
      { name: "x", dtype: "float32", shape: ["batch", 3] },
      { name: "y", dtype: "float32", shape: [undefined, 3] },
    ]);
    expect(session.outputs.map(({ name }) => name)).toEqual(["sum", "difference"]);
    const runs = await Promise.all(Array.from({ length: 10 }, () => session.run({ x, y: x })));
    expect(runs.map(({ difference }) => difference?.toNumbers())).toEqual(Array(10).fill([0, 0, 0]));
    await session.close();
    await expect(session.run({ x, y: x })).rejects.toThrow("sums: the session is closed");
  });

  test("fails with the model's name when the runtime refuses or fails", async () => {
    await expect(openSession(new Uint8Array([1, 2, 3]), { name: "broken" })).rejects.toThrow(
      "broken: cannot be loaded: Failed to load model because protobuf parsing failed.",
    );
    await expect(openSession("/nowhere/model.onnx")).rejects.toThrow('openSession: no model at "/nowhere/model.onnx"');
    const failing = run(powers(2), { x: Tensor.zeros("float32", [2, 3]) }, { name: "powers" });
    await expect(failing).rejects.toThrow(/^powers: failed to run: .*MatMul dimension mismatch/s);
  });

  test("finds external data beside the file, or takes it as assets", async () => {
    const folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
    try {
      const bytes = model({
        nodes: [node("Mul", ["x", "w"], ["y"])],
        inputs: [value("x", "float32", ["n", 3])],
        outputs: [value("y", "float32", ["n", 3])],
        weights: [weight("w", [3], { file: "w.bin" })],
      });
      const data = new Uint8Array(new Float32Array([10, 20, 30]).buffer);
      await writeFile(join(folder, "model.onnx"), bytes);
      await writeFile(join(folder, "w.bin"), data);
      expect((await run(join(folder, "model.onnx"), { x })).y?.toNumbers()).toEqual([10, 40, 90]);
      const assets = { model: await readAsset(join(folder, "model.onnx")), externalData: { "w.bin": new Asset(data) } };
      expect((await run(assets, { x })).y?.toNumbers()).toEqual([10, 40, 90]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("can be opened inside a task of the pool", async () => {
    const module = new URL("../../test/fixtures/session-task.js", import.meta.url);
    const message = new Asset(twoInputs);
    expect(await sharedPool().run({ module, export: "sumOfOnes", message })).toEqual([2, 2, 2]);
  });
});

describe("devices", () => {
  test("that are missing fail with the reason and what exists", async () => {
    const error = (await run(identity("float32"), { x }, { name: "net", device: "coreml" }).catch((e) => e)) as Error;
    if (process.platform === "darwin") return;
    expect(error).toBeInstanceOf(EngineError);
    expect(error.message).toMatch(
      /^net: device "coreml" cannot be used: ONNX Runtime has no such device on \w+ \w+; this machine has "cpu"/,
    );
  });

  test.skipIf(process.platform !== "linux")("say what CUDA lacks (Linux only)", async () => {
    const result = run(identity("float32"), { x }, { name: "net", device: "cuda" });
    await result.catch((error: Error) => expect(error.message).toContain('device "cuda" cannot be used: '));
  });

  test("fall back from auto to the CPU with one warning", async () => {
    const warnings: string[] = [];
    const listen = (warning: Error) => void warnings.push(warning.message);
    process.on("warning", listen);
    const first = await openSession(identity("float32"), { device: "auto" });
    const second = await openSession(identity("int64"), { device: "auto" });
    await sleep(20);
    process.off("warning", listen);
    expect(first.device).toBe(second.device);
    const fellBack = warnings.filter((text) => text.startsWith('device "auto" uses the CPU here ('));
    expect(fellBack.length).toBe(first.device === "cpu" ? 1 : 0);
  });
});

describe("a heavy run", () => {
  const heavy = powers(20);
  const matrix = Tensor.zeros("float32", [900, 900]);
  afterEach(() => closePool());

  test("does not block the main thread", async () => {
    await run(heavy, { x: Tensor.zeros("float32", [2, 2]) });
    // On a shared machine other processes stop this one too, now and then; a run that blocks would do so every time
    const gaps: number[] = [];
    while (gaps.length < 8 && !gaps.some((gap) => gap < 20)) {
      const start = performance.now();
      gaps.push(await largestGap(() => run(heavy, { x: matrix })));
      expect(performance.now() - start).toBeGreaterThan(100);
    }
    expect(Math.min(...gaps)).toBeLessThan(20);
  });

  test("frees its caller at once when aborted", async () => {
    await run(heavy, { x: Tensor.zeros("float32", [2, 2]) });
    const abort = new AbortController();
    const running = run(heavy, { x: matrix }, { signal: abort.signal });
    await sleep(50);
    const start = performance.now();
    abort.abort();
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    expect(performance.now() - start).toBeLessThan(50);
    expect(sharedPool().load.tasks).toBe(1);
  });

  test("does not crash a process that exits meanwhile", async () => {
    const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const script = `
      import { run } from ${url("./run.js")};
      import { Tensor } from ${url("../tensor/tensor.js")};
      import { powers } from ${url("../../test/fixtures/tiny-onnx.js")};
      await run(powers(20), { x: Tensor.zeros("float32", [2, 2]) });
      run(powers(20), { x: Tensor.zeros("float32", [900, 900]) });
      setTimeout(() => process.exit(7), 50);`;
    const result = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    await expect(result).rejects.toMatchObject({ code: 7, stderr: "" });
  });
});

test("profiling gives the time per operator", async () => {
  let operators: readonly OperatorTime[] = [];
  const profile = (times: readonly OperatorTime[]) => {
    operators = times;
  };
  const { y } = await run(powers(3), { x: Tensor.zeros("float32", [50, 50]) }, { profile });
  expect(y?.shape).toEqual([50, 50]);
  expect(operators.map(({ op, calls }) => [op, calls])).toEqual(Array(3).fill(["MatMul", 1]));
  expect(operators.every(({ node, microseconds }) => node.startsWith("MatMul") && microseconds >= 0)).toBe(true);
});

const network = sharedData("models/mobilenet_v2_1.0_224.onnx");
test.skipIf(!network)("memory stays bounded while batch sizes vary (needs shared data)", async () => {
  const session = await openSession(network!);
  const grow = async (sizes: readonly number[]) => {
    for (const n of sizes) await session.run({ input: Tensor.zeros("float32", [n, 224, 224, 3]) }, { transfer: true });
    return process.memoryUsage.rss() / 2 ** 20;
  };
  const before = await grow([8, 3, 5, 1, 7, 2, 6, 4]);
  const after = await grow([5, 7, 3, 8, 1, 6, 2, 4, 6, 8, 5, 3, 7, 2, 1, 4]);
  expect(after - before).toBeLessThan(120);
  await session.close();
});

/** Longest time in ms between two turns of the event loop while `work` is going on. */
async function largestGap(work: () => Promise<unknown>): Promise<number> {
  let last = performance.now();
  let largest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    largest = Math.max(largest, now - last);
    last = now;
  }, 1);
  await work();
  clearInterval(timer);
  return Math.max(largest, performance.now() - last);
}

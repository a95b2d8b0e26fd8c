import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { trainOnce } from "../../test/training-child.js";
import type { Callback } from "./callback.js";
import { CheckpointFolder } from "./checkpoint-folder.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-checkpoints-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const program = new URL("../../test/training-child.js", import.meta.url).pathname;

/** Runs the program; kills it so many milliseconds after its training began. Whether it came to its end. */
async function runFor(checkpoints: string, result: string, milliseconds: number): Promise<boolean> {
  const child = spawn(process.execPath, [program, checkpoints, result], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await Promise.race([ended, new Promise((resolve) => child.stdout.once("data", resolve))]);
  await Promise.race([ended, wait(milliseconds).then(() => child.kill("SIGKILL"))]);
  return (await ended) === 0;
}

describe("checkpoints of a run", () => {
  test("killed at any moment and started again, it ends with the very same weights", { timeout: 120_000 }, async () => {
    const never = await trainOnce();
    const [checkpoints, result] = [join(folder, "killed"), join(folder, "result.json")];
    let kills = 0;
    while (!(await runFor(checkpoints, result, kills < 5 ? 30 + 250 * Math.random() : 100_000))) kills++;
    expect(kills).toBeGreaterThan(2);
    expect(await readFile(result, "utf8")).toBe(never);
    // nothing half written is left
    expect(await readdir(checkpoints)).toHaveLength(2);
  });

  test("an abort saves it, and it goes on later", async () => {
    const checkpointDir = join(folder, "aborted");
    const controller = new AbortController();
    const abort: Callback = {
      name: "abort",
      onProgress: (_logs, run) => {
        if (run.step > 100) controller.abort(new Error("enough"));
      },
    };
    const options = { epochs: 4, checkpointDir, signal: controller.signal };
    await expect(trainOnce({ ...options, callbacks: [abort] })).rejects.toThrow(
      /^test: the fit was aborted at step \d+ \(epoch \d of 4\); what was learned until then is the error's model; fit again to go on from its checkpoint$/,
    );
    expect(await trainOnce({ epochs: 4, checkpointDir, callbacks: [] })).toBe(
      await trainOnce({ epochs: 4, callbacks: [] }),
    );
  });

  test("the newest one that is whole counts, and a new run takes all away", async () => {
    const checkpointDir = join(folder, "newest");
    const whole = await trainOnce({ epochs: 2, checkpointDir, callbacks: [] });
    const [first, second] = (await readdir(checkpointDir)).sort();
    expect([first, second]).toEqual(["checkpoint-0000000063.safetensors", "checkpoint-0000000126.safetensors"]);
    await truncate(join(checkpointDir, second!), 2000);
    await writeFile(join(checkpointDir, "checkpoint-0000000200.safetensors.part-1"), "half");
    expect((await new CheckpointFolder(checkpointDir, "test").newest())!.progress.step).toBe(63);
    expect(await trainOnce({ epochs: 2, checkpointDir, callbacks: [] })).toBe(whole);
    await trainOnce({ epochs: 1, checkpointDir, callbacks: [], resume: false });
    expect(await readdir(checkpointDir)).toEqual([first]);
    // hours of training are not begun anew without a word
    await truncate(join(checkpointDir, first!), 2000);
    await expect(trainOnce({ epochs: 1, checkpointDir, callbacks: [] })).rejects.toThrow(
      `"${join(checkpointDir, first!)}" is no checkpoint of a training run; remove it or set resume: false`,
    );
  });

  test("a folder that cannot be written to is told", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    await expect(trainOnce({ epochs: 1, checkpointDir: file })).rejects.toThrow(
      `test: cannot use checkpointDir "${file}": EEXIST: file already exists, mkdir '${file}'; give a folder that can be written`,
    );
  });
});

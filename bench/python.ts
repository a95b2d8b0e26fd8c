/** @file Python programs to compare with: an environment of pinned packages under .cache/, and scripts that print one JSON line. */

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Why there is no Python here to make environments with; undefined where there is. */
export async function whyNoPython(): Promise<string | undefined> {
  const probe = "import sys, venv, ensurepip; print(sys.version_info >= (3, 10))";
  const found = await run("python3", ["-c", probe]).catch(() => undefined);
  return found?.stdout.trim() === "True" ? undefined : "it needs Python 3.10 or later with venv (command python3)";
}

/** The interpreter of a virtual environment with these packages (`name==version`), made once. */
export async function pythonWith(name: string, packages: readonly string[]): Promise<string> {
  const folder = resolve(".cache", `bench-${name}`);
  const python = join(folder, "bin", "python");
  const done = join(folder, "complete");
  const wanted = `${packages.join("\n")}\n`;
  if ((await readFile(done, "utf8").catch(() => undefined)) === wanted) return python;
  console.log(`installing ${packages.join(" ")} into ${folder}`);
  await run("python3", ["-m", "venv", "--clear", folder]);
  await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], {
    maxBuffer: 1e8,
  });
  await writeFile(done, wanted);
  return python;
}

/** Runs a script of bench/ and reads the JSON on its last line. */
export async function runPython<T>(python: string, script: string, args: readonly string[]): Promise<T> {
  const { stdout } = await run(python, [join("bench", script), ...args], { maxBuffer: 1e8 });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

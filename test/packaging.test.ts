/** @file The package as users get it: packed, installed in an empty folder with install scripts off, used from both languages. */

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

const program = `
import { LogisticRegression, Pipeline, Session, StringIndexer, VectorAssembler, load } from "deepframe";

const session = await Session.open();
const flowers = session.createDataFrame(
  Array.from({ length: 40 }, (_, i) => ({ kind: i % 2 ? "wide" : "long", length: i % 2 ? 1 + i / 100 : 3, width: i % 2 ? 3 : 1 })),
);
const model = await new Pipeline([
  new StringIndexer({ inputCol: "kind", outputCol: "label" }),
  new VectorAssembler({ inputCols: ["length", "width"], outputCol: "features" }),
  new LogisticRegression({ featuresCol: "features", labelCol: "label", regParam: 0.1 }),
]).fit(flowers);
await model.save("kinds.model", { overwrite: true });
await session.close();
const again = await load("kinds.model");
const rows = await again.predictMany([{ length: 3, width: 1 }, { length: 1, width: 3 }]);
console.log(JSON.stringify(rows.map(({ prediction }) => prediction)));
`;

describe("the packed package", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "deepframe-package-"));
    await run("npm", ["pack", "--pack-destination", folder], { cwd: root });
    const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"))!;
    await writeFile(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    await run("npm", ["install", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", `./${tarball}`], {
      cwd: folder,
    });
  }, 240_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test("holds what is built, and nothing of the build's own", async () => {
    const files = await readdir(join(folder, "node_modules/deepframe/dist"));
    expect(files).toContain("index.js");
    expect(files).not.toContain(".tsbuildinfo");
  });

  test("has what its README points to", async () => {
    const readme = await readFile(join(folder, "node_modules/deepframe/README.md"), "utf8");
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, link]) => link!);
    expect(links).toContain("docs/training.md");
    const missing = links.filter((link) => !existsSync(join(folder, "node_modules/deepframe", link)));
    expect(missing).toEqual([]);
  });

  test("tells in its types what each option is for", async () => {
    const dist = join(folder, "node_modules/deepframe/dist");
    const dense = await readFile(join(dist, "nn/layers/dense.d.ts"), "utf8");
    expect(dense).toContain("/** Outputs. Must be a whole number of at least 1. */\n    readonly units: ");
    const stopping = await readFile(join(dist, "train/callbacks/early-stopping.d.ts"), "utf8");
    expect(stopping).toMatch(/\/\*\* .*Default `false`\. \*\/\n {4}readonly restoreBestWeights: /);

    const files = await readdir(dist, { recursive: true });
    const silent: string[] = [];
    for (const file of files.filter((name) =>
      /^(nn\/(layers|losses|metrics)|optim|stages|train)\/.*\.d\.ts$/.test(name),
    )) {
      const lines = (await readFile(join(dist, file), "utf8")).split("\n");
      lines.forEach((line, i) => {
        const option = /^ +(?:readonly )?(\w+): (?:import\("[^"]+"\)\.)?Param</.exec(line)?.[1];
        if (option && !lines[i - 1]!.includes("/** ")) silent.push(`${file}: ${option}`);
      });
    }
    // what every metric has: told where a metric is
    expect(silent).toEqual(["nn/metrics/batch-metric.d.ts: name"]);
  });

  test("works from JavaScript", async () => {
    await writeFile(join(folder, "program.js"), program);
    const { stdout } = await run("node", ["program.js"], { cwd: folder });
    expect(stdout.trim()).toMatch(/^\[(0,1|1,0)\]$/);
  });

  test("works from TypeScript, with strict types", async () => {
    await writeFile(join(folder, "program.ts"), program);
    const strict = {
      module: "nodenext",
      target: "es2023",
      strict: true,
      skipLibCheck: false,
      types: ["node"],
      outDir: "out",
    };
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: strict, include: ["program.ts"] }),
    );
    await symlink(join(root, "node_modules/@types/node"), join(folder, "node_modules/@types/node")).catch(
      () => undefined,
    );
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "."], { cwd: folder }).catch(
      (error) => {
        throw new Error(error.stdout);
      },
    );
    const { stdout } = await run("node", ["out/program.js"], { cwd: folder });
    expect(stdout.trim()).toMatch(/^\[(0,1|1,0)\]$/);
  });

  test("has a command that runs", async () => {
    const { stdout } = await run("npx", ["--no-install", "deepframe", "--help"], { cwd: folder });
    expect(stdout).toContain("Usage: deepframe");
    const inspected = await run("npx", ["--no-install", "deepframe", "inspect", "kinds.model"], { cwd: folder });
    expect(inspected.stdout).toContain("LogisticRegressionModel");
  });
});

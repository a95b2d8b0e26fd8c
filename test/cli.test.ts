/** @file The command line as a person uses it: each command in a process of its own, on real pictures. */

import { execFile, spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { load, Session, StringIndexer } from "../src/index.js";

const main = resolve(import.meta.dirname, "../../dist/cli/main.js");
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-cli-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function deepframe(...args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    execFile(process.execPath, [main, ...args], { cwd: folder }, (error, out, err) => {
      done({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe("deepframe", () => {
  test.each([[], ["quickstart"], ["train"], ["train", "images"], ["predict"], ["inspect"]])(
    "%j --help tells its use",
    async (...command) => {
      const { code, out } = await deepframe(...command, "--help");
      expect([code, out.split("\n")[0]]).toEqual([
        0,
        expect.stringContaining(`Usage: ${["deepframe", ...command].join(" ")}`),
      ]);
    },
  );

  test.each([
    [["trian"], "error: unknown command 'trian'"],
    [["train", "images", "x"], "error: required option '--out <folder>' not specified"],
    [["train", "images", "x", "--out", "m", "--test", "2"], "Expected a fraction between 0 and 1, as in 0.2."],
    [
      ["predict", "m", "x", "--out", "x.parquet.gz"],
      'predict: --out must end in .parquet, .csv or .json, got "x.parquet.gz"',
    ],
    [["predict", "m", "x", "--out", "x.xlsx"], 'predict: --out must end in .parquet, .csv or .json, got "x.xlsx"'],
  ])("%j is used wrongly: exit code 2", async (args, message) => {
    const { code, err } = await deepframe(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  test.each([
    [
      ["inspect", "nothing"],
      'deepframe: inspect: nothing is at "nothing"; give a saved model\'s folder or an .onnx file',
    ],
    [
      ["predict", "nothing", "."],
      'deepframe: load: "nothing" is not a saved model: it has no stage.json; give the folder that save() wrote',
    ],
    [
      ["inspect", process.argv[1]!],
      `deepframe: inspect: "${process.argv[1]}" is neither a saved model's folder nor an ONNX file (`,
    ],
    [["train", "images", "nothing", "--out", "m"], 'nothing"'],
    [["predict", ".", ".", "--engine", "oracle:x"], 'Session.open: no engine for "oracle:x"'],
  ])("%j fails: exit code 1, one line, no stack", async (args, message) => {
    const { code, err } = await deepframe(...args);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});

describe("the way from pictures to predictions", () => {
  beforeAll(async () => {
    const assets = join(
      dirname(createRequire(import.meta.url).resolve("@lobehub/fluent-emoji-3d/package.json")),
      "assets",
    );
    const classes = { faces: 0x1f600, clocks: 0x1f550 };
    for (const [name, first] of Object.entries(classes)) {
      await mkdir(join(folder, "pictures", name), { recursive: true });
      for (let i = 0; i < 12; i++) {
        const file = `${(first + i).toString(16)}.webp`;
        await cp(join(assets, file), join(folder, "pictures", name, file));
      }
    }
  });

  test("train, inspect and predict work on a folder per class", async () => {
    const trained = await deepframe(
      "train",
      "images",
      "pictures",
      "--out",
      "m",
      "--report",
      "report.html",
      "--test",
      "0.25",
    );
    expect(trained).toMatchObject({
      code: 0,
      out: expect.stringMatching(/accuracy {2}100\.0 % of \d+ test pictures\nmodel {5}m\nreport {4}report\.html/),
    });
    expect(trained.err).not.toContain("\r");
    expect(await readFile(join(folder, "report.html"), "utf8")).toContain("<h1>Pictures of pictures</h1>");

    const inspected = await deepframe("inspect", "m");
    expect(inspected).toMatchObject({ code: 0, err: "" });
    for (const part of [
      "PipelineModel",
      "StringIndexerModel",
      "ImageFeaturizer",
      "LogisticRegressionModel",
      "IndexToString",
      "faces",
    ]) {
      expect(inspected.out).toContain(part);
    }

    // a model that was saved through an engine is read through one
    const store = await Session.open();
    await (await load(join(folder, "m"))).save(join(folder, "stored"), { session: store });
    await store.close();
    const stored = await deepframe("inspect", "stored", "--engine", "duckdb:");
    expect(stored).toEqual(inspected);

    const predicted = await deepframe("predict", "stored", "pictures", "--out", "answers.parquet");
    expect(predicted).toMatchObject({ code: 0, out: "predictions written to answers.parquet\n" });
    const session = await Session.open();
    const answers = await session.read
      .parquet(join(folder, "answers.parquet"))
      .select("path", "predictedLabel")
      .collect();
    await session.close();
    expect(answers).toHaveLength(24);
    for (const { path, predictedLabel } of answers) expect(String(path)).toContain(`/${predictedLabel}/`);

    const again = await deepframe("train", "images", "pictures", "--out", "m");
    expect(again).toMatchObject({
      code: 1,
      err: 'deepframe: "m" is there already; choose another path or add --overwrite\n',
    });
    expect((await readdir(folder)).filter((name) => name.includes("tmp"))).toEqual([]);
  });

  test("predict prints the first rows of a table where no file is asked for, and names a missing column", async () => {
    await writeFile(join(folder, "people.csv"), "name,age\nAda,36\n");
    const { code, err } = await deepframe("predict", "m", "people.csv");
    expect([code, err]).toEqual([
      1,
      expect.stringContaining('ImageFeaturizer: no column "image" in the data (it has "name", "age"'),
    ]);
    const printed = await deepframe("predict", "m", "pictures");
    expect(printed).toMatchObject({ code: 0, out: expect.stringContaining("predictedLabel") });
    const one = await deepframe("predict", "m", "pictures/faces/1f600.webp");
    expect(one).toMatchObject({ code: 0, out: expect.stringMatching(/1f600\.webp.*faces/) });
    const some = await deepframe("predict", "m", "pictures/*/*.webp", "--out", "some.csv");
    expect(some.code).toBe(0);
    expect((await readFile(join(folder, "some.csv"), "utf8")).trim().split("\n")).toHaveLength(25);
  });
});

test("Ctrl-C while predictions are written leaves nothing half-written", async () => {
  const stage = new StringIndexer({ inputCol: "b", outputCol: "i" });
  await using session = await Session.open();
  const model = await stage.fit(session.createDataFrame([{ b: "xyz" }]));
  await model.save(join(folder, "index.model"));
  await mkdir(join(folder, "long"));
  await writeFile(join(folder, "long.csv"), `b\n${"xyz\n".repeat(20_000_000)}`);
  const child = spawn(process.execPath, [main, "predict", "index.model", "long.csv", "--out", "long/p.parquet"], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let err = "";
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const ended = new Promise<number | null>((done) => child.once("exit", done));
  while ((await readdir(join(folder, "long"))).length === 0 && child.exitCode === null) await setTimeout(20);
  child.kill("SIGINT");
  expect([await ended, err.trim().split("\n").at(-1)]).toEqual([
    1,
    "deepframe: predict: interrupted; nothing was written",
  ]);
  expect(await readdir(join(folder, "long"))).toEqual([]);
}, 60_000);

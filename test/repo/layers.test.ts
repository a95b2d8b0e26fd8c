/** @file The rules of the house: imports point downward, native libraries have one importer, files stay small. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const src = join(root, "src");

const layers: readonly (readonly string[])[] = [
  ["errors"],
  ["util"],
  ["tensor"],
  ["graph", "data"],
  ["ops"],
  ["autodiff", "runtime"],
  ["nn", "optim", "pipeline"],
  ["train"],
  ["stages"],
  ["worker", "tune"],
  ["engines", "board"],
  ["session", "cli", "index"],
];

/** Native or heavy packages, and the one place that may import each. */
const importers: Record<string, string | readonly string[]> = {
  "onnxruntime-node": "runtime/",
  "@duckdb/node-api": "engines/duckdb/",
  "@duckdb/node-bindings": "engines/duckdb/",
  sharp: "stages/image/",
  koffi: ["stages/image/libjpeg-turbo.ts", "runtime/flush-to-zero.ts"],
  "@bufbuild/protobuf": ["graph/", "engines/spark/"],
  "@huggingface/tokenizers": "stages/text/tokens.ts",
  "@grpc/grpc-js": "engines/spark/channel.ts",
};

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
  .map((file) => ({ file, text: readFileSync(join(src, file), "utf8") }));

function importsOf(text: string): string[] {
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
}

function layerOf(file: string): number {
  const top = file.split("/")[0]!.replace(/\.ts$/, "");
  const layer = layers.findIndex((names) => names.includes(top));
  if (layer < 0) throw new Error(`${file} is in no layer: name its folder in test/repo/layers.test.ts`);
  return layer;
}

describe("the source tree", () => {
  test("imports only from its own folder or a lower layer", () => {
    const wrong: string[] = [];
    for (const { file, text } of files) {
      for (const name of importsOf(text).filter((name) => name.startsWith("."))) {
        const target = relative(src, resolve(src, dirname(file), name));
        const sameFolder = target.split("/")[0] === file.split("/")[0];
        if (
          !sameFolder &&
          layerOf(target.replace(/\.js$/, ".ts")) >= layerOf(file) &&
          layerOf(file) < layers.length - 1
        ) {
          wrong.push(`${file} imports ${target}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test("imports each native library in one place", () => {
    const wrong = files.flatMap(({ file, text }) =>
      importsOf(text)
        .filter((name) => ![importers[name] ?? ""].flat().some((place) => file.startsWith(place)))
        .map((name) => `${file} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  test("has no file past 400 lines, and each begins with its purpose", () => {
    const handWritten = files.filter(({ file }) => !file.includes("/proto/"));
    expect(handWritten.filter(({ text }) => text.split("\n").length > 400).map(({ file }) => file)).toEqual([]);
    expect(handWritten.filter(({ text }) => !/^(#!.*\n)?\/\*\* @file /.test(text)).map(({ file }) => file)).toEqual([]);
  });
});

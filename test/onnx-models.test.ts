/** @file Real models as stages give what onnxruntime in Python gives (test/reference/onnx_model.py). */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

import { Schema } from "../src/data/schema.js";
import { OnnxModel } from "../src/stages/onnx/onnx-model.js";
import { sharedData } from "./shared-data.js";
import { applyStage } from "./stages.js";

interface Reference {
  readonly file: string;
  readonly shape?: readonly number[];
  readonly scale: number;
  readonly shift: number;
  readonly ids: number[][];
  readonly mask: number[][];
  /** The first numbers of each row. */
  readonly first: Readonly<Record<string, number[][]>>;
  readonly argmax: Readonly<Record<string, number[]>>;
}

const file = join(resolve(import.meta.dirname, "../.."), "test/reference/onnx-model.json");
const { models } = JSON.parse(readFileSync(file, "utf8")) as { models: Reference[] };
const pictures = models.filter(({ shape }) => shape !== undefined);

describe.each(pictures.map((each) => [each.file, each] as const))(
  "%s",
  (name, { shape, scale, shift, first, argmax }) => {
    const path = sharedData(name);
    test.skipIf(path === undefined)("gives Python's results", async () => {
      const size = shape!.reduce((a, b) => a * b);
      const rows = [0, 1, 2].map((r) => ({
        x: Float32Array.from({ length: size }, (_, i) => Math.fround(((i * 7919 + r * 104729) % 256) * scale) + shift),
      }));
      const stage = await OnnxModel.load(path!, {
        feeds: { input: "x" },
        fetches: { p: "probabilities", f: "features" },
        argmax: { p: "best" },
      });
      const found = await applyStage(stage, rows, Schema.of({ x: `float[${shape}]` }));
      expect(found.map(({ best }) => best)).toEqual(argmax.probabilities);
      for (const [column, tensor] of Object.entries({ p: "probabilities", f: "features" })) {
        const heads = found.map((row) => [...(row[column] as Float32Array).slice(0, 8)]);
        // float32 sums in another order, over about a thousand terms
        expect(heads).toEqual(first[tensor]!.map((row) => row.map((x) => expect.closeTo(x, 3))));
      }
    });
  },
);

describe("all-MiniLM-L6-v2", () => {
  const reference = models.find(({ ids }) => ids !== undefined)!;
  const path = sharedData(reference.file);
  test.skipIf(path === undefined)("gives Python's results for lists of token ids", async () => {
    const stage = await OnnxModel.load(path!, {
      feeds: { input_ids: "ids", attention_mask: "mask", token_type_ids: "types" },
      fetches: { hidden: "last_hidden_state" },
    });
    const rows = reference.ids.map((ids, i) => ({ ids, mask: reference.mask[i]!, types: ids.map(() => 0) }));
    expect(stage.transformSchema(Schema.of({ ids: "int[4]", mask: "int[4]", types: "int[4]" })).toJSON().hidden).toBe(
      "float[4,384]",
    );
    const found = await stage.predictMany(rows);
    const heads = found.map(({ hidden }) => [...(hidden as Float32Array).slice(0, 8)]);
    expect(heads).toEqual(reference.first.last_hidden_state!.map((row) => row.map((x) => expect.closeTo(x, 3))));
    expect((found[0]!.hidden as Float32Array).length).toBe(4 * 384);
  });
});

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";

import { engines } from "../../../test/engines.js";
import { smallTokenizer, tinyTransformer } from "../../../test/fixtures/text.js";
import { identity } from "../../../test/fixtures/tiny-onnx.js";
import { sharedData } from "../../../test/shared-data.js";
import { Schema } from "../../data/schema.js";
import { Asset } from "../../util/asset.js";
import { SentenceEmbedder } from "./sentence-embedder.js";
import { TextTokenizer } from "./text-tokenizer.js";
import { openTokenizer } from "./tokens.js";

type Reference = Readonly<Record<string, readonly (readonly number[])[]>>;
const reference = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../../test/reference/tokens.json"), "utf8"),
) as { readonly texts: readonly string[]; readonly own: Reference; readonly minilm: Reference };

function expectTokens(tokenizer: Asset, expected: Reference): void {
  const { encode } = openTokenizer(tokenizer, "test");
  for (const [length, tokens] of Object.entries(expected)) {
    for (const [i, text] of reference.texts.entries()) {
      expect(encode(text, Number(length)).ids, `${JSON.stringify(text)} at ${length}`).toEqual(tokens[i]);
    }
  }
}

const minilm = sharedData("minilm");
const files = { model: `${minilm}/all-MiniLM-L6-v2-int8.onnx`, tokenizer: `${minilm}/tokenizer.json` };

describe("tokens equal those of Hugging Face's own library", () => {
  test("for a small vocabulary", () => expectTokens(smallTokenizer, reference.own));

  test.skipIf(!minilm)(`for all-MiniLM-L6-v2${minilm ? "" : " (no minilm here)"}`, () =>
    expectTokens(new Asset(readFileSync(files.tokenizer)), reference.minilm),
  );
});

const tokenizer = new TextTokenizer({ inputCol: "text", tokenizer: smallTokenizer, maxLength: 5 });

describe.each(engines)("TextTokenizer on $name", ({ frame }) => {
  test("pads short texts and cuts long ones between the special tokens", async () => {
    const rows = await tokenizer
      .transform(await frame([{ text: "Rain!" }, { text: "the rain is not sunny" }]))
      .collect();
    expect(
      rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([k, v]) => [k, k === "text" ? v : [...(v as number[])]])),
      ),
    ).toEqual([
      { text: "Rain!", input_ids: [2, 5, 15, 3, 0], attention_mask: [1, 1, 1, 1, 0], token_type_ids: [0, 0, 0, 0, 0] },
      {
        text: "the rain is not sunny",
        input_ids: [2, 4, 5, 11, 3],
        attention_mask: [1, 1, 1, 1, 1],
        token_type_ids: [0, 0, 0, 0, 0],
      },
    ]);
  });

  test("gives null and the reason for a null, where asked to", async () => {
    const lenient = tokenizer.with({ onError: "null" });
    const rows = await lenient.transform(await frame([{ text: "rain" }, { text: null }], { text: "string" })).collect();
    expect(rows[1]).toEqual({
      text: null,
      input_ids: null,
      attention_mask: null,
      token_type_ids: null,
      input_ids_error: "there is no text",
    });
    await expect(tokenizer.transform(await frame([{ text: null }], { text: "string" })).collect()).rejects.toThrow(
      'TextTokenizer: row 0 of column "text": there is no text; fill or drop it, or set onError: "null"',
    );
  });
});

describe("what does not fit", () => {
  test("a column that is missing, or no text", () => {
    expect(() => tokenizer.transformSchema(Schema.of({ words: "string" }))).toThrow(
      'TextTokenizer: no column "text" in the data (it has "words"); set inputCol',
    );
    expect(() => tokenizer.transformSchema(Schema.of({ text: "int" }))).toThrow(
      'TextTokenizer: column "text" must be a string, but is int',
    );
  });

  test("a file that is missing or no tokenizer.json", async () => {
    await expect(TextTokenizer.load("nosuch.json", { inputCol: "text" })).rejects.toThrow(
      'readAsset: cannot read "nosuch.json": ENOENT',
    );
    for (const text of ["{", "{}", "7", "null", '{"model":{}}', '{"model":{"type":"Other"}}']) {
      expect(() => tokenizer.with({ tokenizer: new Asset(Buffer.from(text)) }), text).toThrow(
        "TextTokenizer: tokenizer must be the content of a tokenizer.json (Hugging Face), but it cannot be read: ",
      );
    }
  });

  test("a length without room for the text", () => {
    expect(() => tokenizer.with({ maxLength: 2 })).toThrow(
      "TextTokenizer: maxLength must be more than the 2 tokens that stand around every text, got 2",
    );
  });
});

describe("SentenceEmbedder", () => {
  const embedder = new SentenceEmbedder({
    ...{ inputCol: "text", outputCol: "vector", tokenizer: smallTokenizer, model: tinyTransformer() },
  });

  test("gives the mean over the tokens, padding left out, at length 1", async () => {
    const answers = await embedder.predictMany([{ text: "rain" }, { text: "the rain is sunny" }]);
    for (const [i, ids] of [
      [2, 5, 3],
      [2, 4, 5, 11, 6, 7, 3],
    ].entries()) {
      const mean = ids.reduce((sum, id) => sum + id, 0) / ids.length;
      const norm = Math.hypot(mean, 25 - mean);
      const vector = answers[i]!.vector as Float32Array;
      expect(vector[0]).toBeCloseTo(mean / norm, 6);
      expect(vector[1]).toBeCloseTo((25 - mean) / norm, 6);
    }
  });

  test("names itself where the model is none, or takes no tokens", () => {
    expect(() => embedder.with({ model: new Asset(Buffer.from("no")) })).toThrow(
      "SentenceEmbedder: model: the bytes are no ONNX model or are cut off",
    );
    expect(() => embedder.with({ model: new Asset(identity("float32")) })).toThrow(
      'SentenceEmbedder: model: expected a model with an input "attention_mask", but its inputs are "x"; export it with one',
    );
  });

  test.skipIf(!minilm)(`tells paraphrases from other sentences${minilm ? "" : " (no minilm here)"}`, async () => {
    const stage = await SentenceEmbedder.load(files, { inputCol: "text", outputCol: "vector" });
    const texts = ["A man is eating food.", "Someone is having a meal.", "The stock market fell sharply today."];
    const vectors = (await stage.predictMany(texts.map((text) => ({ text })))).map(
      ({ vector }) => vector as Float32Array,
    );
    const cosine = (a: number, b: number) => vectors[a]!.reduce((sum, x, i) => sum + x * vectors[b]![i]!, 0);
    expect(vectors[0]!.length).toBe(384);
    expect(cosine(0, 1)).toBeGreaterThan(0.5);
    expect(Math.abs(cosine(0, 2))).toBeLessThan(0.12);
  });
});

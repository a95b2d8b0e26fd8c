/** @file TextTokenizer: texts to the token columns that language models read. */

import { tensorColumn, withColumns } from "../../data/columns.js";
import type { Schema } from "../../data/schema.js";
import { tensorOf } from "../../data/types.js";
import { type BatchFunction, type StageContext, Transformer } from "../../pipeline/stage.js";
import { readAsset } from "../../runtime/load-asset.js";
import { columnName, defineParams, type Input } from "../../util/params.js";
import { checkTextParams, readTexts, textParams } from "./text-column.js";

const params = defineParams({
  ...textParams,
  idsCol: columnName("column to add with the numbers of the tokens", { default: "input_ids" }),
  maskCol: columnName("column to add with 1 for tokens and 0 for padding", { default: "attention_mask" }),
  typeIdsCol: columnName("column to add with the segment of each token, 0 for single texts", {
    default: "token_type_ids",
  }),
});

/**
 * Turns texts into tokens by a Hugging Face tokenizer.json: three int tensors of `maxLength`, shorter texts padded at the
 * end, longer ones cut there. The columns are named as the inputs of models that were exported with Transformers. What the file itself says
 * about padding and truncation does not matter.
 *
 * @throws ParamError where the tokenizer is none; SchemaError where the column holds no strings; DataError (code BAD_ROW)
 * for a null, unless `onError` is "null".
 * @example
 * const tokenizer = await TextTokenizer.load("tokenizer.json", { inputCol: "text", maxLength: 64 });
 * tokenizer.transform(reviews).select("input_ids", "attention_mask", "token_type_ids");
 */
export class TextTokenizer extends Transformer<typeof params> {
  static readonly specs = params;

  constructor(values: Input<typeof params>) {
    super(params, values);
    checkTextParams(this.params, this);
  }

  /** A stage of a tokenizer.json. @throws DataError where the file cannot be read. */
  static async load(file: string, values: Omit<Input<typeof params>, "tokenizer">): Promise<TextTokenizer> {
    return new TextTokenizer({ ...values, tokenizer: await readAsset(file) });
  }

  override get readsColumns(): readonly string[] {
    return [this.params.inputCol];
  }

  transformSchema(schema: Schema): Schema {
    const { inputCol, maxLength, idsCol, maskCol, typeIdsCol, onError } = this.params;
    schema.requireString(inputCol, this);
    const type = tensorOf("int", [maxLength]);
    const after = schema
      .with(idsCol, type, this, "idsCol")
      .with(maskCol, type, this, "maskCol")
      .with(typeIdsCol, type, this, "typeIdsCol");
    return onError === "null" ? after.with(`${idsCol}_error`, "string", this, "idsCol") : after;
  }

  open(_schema: Schema, context: StageContext): BatchFunction {
    const { maxLength, idsCol, maskCol, typeIdsCol } = this.params;
    return (batch) => {
      const { tokens, padId, valid, errors } = readTexts(batch, this.params, `${idsCol}_error`, this, context);
      const ids = new Int32Array(batch.numRows * maxLength).fill(padId);
      const mask = new Int32Array(ids.length);
      const types = new Int32Array(ids.length);
      for (const [row, found] of tokens.entries()) {
        if (found === undefined) continue;
        const from = row * maxLength;
        ids.set(found.ids, from);
        mask.fill(1, from, from + found.ids.length);
        types.set(found.types, from);
      }
      const column = (values: Int32Array) => tensorColumn("int", [maxLength], values, valid);
      return withColumns(batch, {
        [idsCol]: column(ids),
        [maskCol]: column(mask),
        [typeIdsCol]: column(types),
        ...errors,
      });
    };
  }
}

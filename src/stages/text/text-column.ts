/** @file A column of texts as tokens, row by row, with what becomes of rows without a text. */

import type { RecordBatch } from "apache-arrow";

import { type Column, stringColumn, type Valid } from "../../data/columns.js";
import { dataOf, stringsOf } from "../../data/read-columns.js";
import { DataError, messageOf, ParamError, type Who } from "../../errors.js";
import type { StageContext } from "../../pipeline/stage.js";
import type { Asset } from "../../util/asset.js";
import { asset, choice, columnName, integer } from "../../util/params.js";
import { openTokenizer, type Tokens } from "./tokens.js";

/** Parameters that every stage on texts has. */
export const textParams = {
  inputCol: columnName("column of texts"),
  tokenizer: asset("the content of a tokenizer.json, Hugging Face's description of a tokenizer"),
  maxLength: integer(
    "tokens of one text at most, those that stand around it included; longer texts are cut at the end",
    {
      default: 128,
      min: 1,
    },
  ),
  onError: choice(
    'what becomes of a row without a text: "fail" ends the job; "null" gives nulls, and the reason in a column that ends in _error',
    ["fail", "null"],
    { default: "fail" },
  ),
};

interface TextParams {
  readonly inputCol: string;
  readonly tokenizer: Asset;
  readonly maxLength: number;
  readonly onError: "fail" | "null";
}

/** Checks what a stage on texts was given. @throws ParamError */
export function checkTextParams({ tokenizer, maxLength }: TextParams, who: Who): void {
  const { specials } = openTokenizer(tokenizer, who);
  if (maxLength > specials) return;
  const message = `maxLength must be more than the ${specials} tokens that stand around every text, got ${maxLength}`;
  throw new ParamError(who, message, { param: "maxLength" });
}

/** What {@link readTexts} found. */
export interface Texts {
  /** Undefined where a row has no text. */
  readonly tokens: readonly (Tokens | undefined)[];
  readonly padId: number;
  readonly valid: Valid;
  readonly errors: Readonly<Record<string, Column>>;
}

/**
 * The tokens of each row of a batch.
 *
 * @param errorCol column of reasons, where onError is "null"
 * @throws DataError (code BAD_ROW) naming the row, where onError is "fail".
 */
export function readTexts(
  batch: RecordBatch,
  { inputCol, tokenizer, maxLength, onError }: TextParams,
  errorCol: string,
  who: Who,
  context: StageContext,
): Texts {
  const { padId, encode } = openTokenizer(tokenizer, who);
  const errors = new Array<string | null>(batch.numRows).fill(null);
  const tokens = stringsOf(dataOf(batch, inputCol)).map((text, row) => {
    try {
      if (text !== null) return encode(text, maxLength);
      throw new DataError("tokens", "there is no text");
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause;
      const reason = messageOf(cause).replace(/^tokens: /, "");
      if (onError === "fail") {
        const message = `row ${row} of column "${inputCol}": ${reason}; fill or drop it, or set onError: "null"`;
        throw new DataError(who, message, { code: "BAD_ROW", row, column: inputCol, cause });
      }
      errors[row] = reason;
      return undefined;
    }
  });
  const bad = errors.filter((error) => error !== null).length;
  if (bad > 0) context.warn(`${bad} of ${batch.numRows} rows have no usable text; see column "${errorCol}"`);
  return {
    tokens,
    padId,
    valid: bad > 0 ? (row) => tokens[row] !== undefined : undefined,
    errors: onError === "null" ? { [errorCol]: stringColumn(errors) } : {},
  };
}

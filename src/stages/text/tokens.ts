/** @file Texts to the token numbers of a Hugging Face tokenizer.json, cut to a length as its own library does. */

import { Tokenizer } from "@huggingface/tokenizers";

import { DataError, messageOf, ParamError, type Who } from "../../errors.js";
import type { Asset } from "../../util/asset.js";

/** What a network is fed of one text, without padding. */
export interface Tokens {
  readonly ids: readonly number[];
  readonly types: readonly number[];
}

/** An opened tokenizer.json. */
export interface TextEncoding {
  /** Fills up texts that are shorter than others. */
  readonly padId: number;
  /** Tokens that stand around every text, such as [CLS] and [SEP]. */
  readonly specials: number;
  /** @throws DataError where the text cannot be told in the vocabulary */
  encode(text: string, maxLength: number): Tokens;
}

// building one of 30,000 words takes 20 to 45 ms, and every pass over data opens its stages anew
const kept = new Map<string, TextEncoding>();

/** @throws ParamError where the bytes are no tokenizer.json */
export function openTokenizer({ bytes, sha256 }: Asset, who: Who): TextEncoding {
  const found = kept.get(sha256) ?? readTokenizer(bytes, who);
  kept.delete(sha256);
  kept.set(sha256, found);
  if (kept.size > 4) kept.delete(kept.keys().next().value!);
  return found;
}

function readTokenizer(bytes: Uint8Array, who: Who): TextEncoding {
  let tokenizer: Encoder;
  let description: Description;
  try {
    // TextDecoder refuses shared memory
    description = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes))) as Description;
    tokenizer = new Tokenizer(description, {}) as Encoder;
  } catch (cause) {
    const message = `tokenizer must be the content of a tokenizer.json (Hugging Face), but it cannot be read: ${messageOf(cause)}`;
    throw new ParamError(who, message, { param: "tokenizer", cause });
  }
  const padId = description.padding?.pad_id ?? tokenizer.token_to_id("[PAD]") ?? tokenizer.token_to_id("<pad>") ?? 0;
  const specials = tokenizer.encode("").ids.length;
  const encode = (text: string, maxLength: number): Tokens => {
    const { ids, token_type_ids: types } = tokenizer.encode(text, { return_token_type_ids: true });
    const unknown = ids.findIndex((id) => !Number.isInteger(id));
    if (unknown >= 0) throw new DataError("tokens", `token ${unknown} of the text is not in the vocabulary`);
    if (ids.length <= maxLength) return { ids, types };
    // what stands around the text stays, the text itself is cut at its end
    const own = tokenizer.encode(text, { add_special_tokens: false }).ids;
    const before = placeOf(own, ids);
    const end = before + maxLength - (ids.length - own.length);
    const cut = (all: readonly number[]) => [...all.slice(0, end), ...all.slice(before + own.length)];
    return { ids: cut(ids), types: cut(types) };
  };
  return { padId, specials, encode };
}

/** What of the library is used; its own declarations lack the extensions that Node's resolution asks for. */
interface Encoder {
  encode(
    text: string,
    options?: { readonly add_special_tokens?: boolean; readonly return_token_type_ids?: boolean },
  ): { readonly ids: readonly number[]; readonly token_type_ids: readonly number[] };
  token_to_id(token: string): number | undefined;
}

interface Description {
  readonly padding?: { readonly pad_id?: number } | null;
}

function placeOf(part: readonly number[], whole: readonly number[]): number {
  let at = 0;
  while (at < whole.length - part.length && !part.every((id, i) => whole[at + i] === id)) at++;
  return at;
}

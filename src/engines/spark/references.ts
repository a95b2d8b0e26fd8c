/** @file Which columns of its inputs a query may look at, told from its words: Spark gives no parse of a text. */

import type { ColumnsOf } from "../../data/optimize.js";
import { render } from "./dialect.js";

/** Comments, strings, quoted names, words and numbers, pipes, any other character. */
const tokens =
  /(?<comment>--[^\n]*|\/\*.*?\*\/)|(?<string>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")|`(?<name>(?:[^`]|``)*)`|(?<word>[\p{L}\p{N}_]+)|(?<other>\|>|\S)/gsu;

/** Words by which a text looks at columns that it does not name. */
const namesNothing = new Set(["natural", "pivot", "unpivot"]);

interface Token {
  readonly kind: "string" | "name" | "word" | "other";
  readonly text: string;
}

/** Every word that is a column's name counts as that column, so that none is missed. */
export const columnsByWords: ColumnsOf = async (query, known) => {
  const found = tokensOf(render(query.sql, (index) => `__in${index}`));
  if (found.some((_, i) => isUnclear(found, i))) return undefined;
  const names = found.flatMap(({ kind, text }) => (kind === "name" || kind === "word" ? text.toLowerCase() : []));
  return new Set(names.filter((name) => known.has(name)));
};

function tokensOf(text: string): Token[] {
  return [...text.matchAll(tokens)].flatMap(({ groups }): Token[] => {
    const { string, name, word, other } = groups!;
    if (string !== undefined) return [{ kind: "string", text: string }];
    if (name !== undefined) return [{ kind: "name", text: name.replaceAll("``", "`") }];
    if (word !== undefined) return [{ kind: "word", text: word }];
    return other === undefined ? [] : [{ kind: "other", text: other }];
  });
}

function isUnclear(found: readonly Token[], at: number): boolean {
  const { kind, text } = found[at]!;
  const before = found[at - 1];
  const after = found[at + 1];
  if (kind === "other" && text === "|>") return true;
  if (kind === "other" && text === "*") return !isProduct(before, after) && !isCount(found, at);
  if (kind !== "word") return false;
  const word = text.toLowerCase();
  if (word === "r") return after?.kind === "string";
  if (word === "all") return before?.text.toLowerCase() === "by";
  if (word === "identifier" || word === "table") return after?.text === "(";
  if (namesNothing.has(word)) return true;
  // a number after BY, or in its list, is a column's place
  return /^\d+$/.test(word) && isInBy(found, at);
}

function isProduct(before: Token | undefined, after: Token | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  if (before.kind === "word" && /^(select|distinct|all)$/i.test(before.text)) return false;
  const endsValue = before.kind !== "other" || before.text === ")" || before.text === "]";
  const beginsValue = after.kind !== "other" || /^[(\-+:?]$/.test(after.text);
  return endsValue && beginsValue && !(after.kind === "word" && /^(from|except)$/i.test(after.text));
}

function isCount(found: readonly Token[], at: number): boolean {
  const [name, open] = [found[at - 2], found[at - 1]];
  return name?.text.toLowerCase() === "count" && open?.text === "(" && found[at + 1]?.text === ")";
}

/** Whether a list of BY stands right before, at the same depth of brackets. */
function isInBy(found: readonly Token[], at: number): boolean {
  const first = found[at - 1]?.text.toLowerCase();
  if (first === "by") return true;
  if (first !== ",") return false;
  for (let i = at - 1, depth = 0; i >= 0; i--) {
    const text = found[i]!.text.toLowerCase();
    if (text === ")") depth++;
    else if (text === "(" && depth-- === 0) return false;
    else if (depth === 0 && text === "by") return true;
  }
  return false;
}

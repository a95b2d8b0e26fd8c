import { describe, expect, test } from "vitest";
import { columnsByWords } from "./references.js";

const known = new Set(["a", "b", "the c", "count"]);
const columns = async (text: string) => {
  const found = await columnsByWords({ sql: { parts: [text] } }, known);
  return found && [...found].sort();
};

describe("the columns that a text of Spark SQL looks at", () => {
  test.each<[string, string[]]>([
    ["SELECT 1 FROM t WHERE A > 3", ["a"]],
    ["`the C` = 'b' -- a\nAND \"b\" /* a */ IS NULL", ["the c"]],
    ["x -> x + b", ["b"]],
    ["a * b * 2 > -1 * (a) * -b", ["a", "b"]],
    ["count(*) OVER (PARTITION BY a, b + 1)", ["a", "b", "count"]],
    ["'it\\'s a' || 'b''a'", []],
    ["ORDER BY a, abs(b, 2)", ["a", "b"]],
    ["b = ANY (SELECT 1) AND a > ALL (SELECT 1)", ["a", "b"]],
  ])("of %s", async (text, expected) => {
    expect(await columns(text)).toEqual(expected);
  });

  test.each([
    "SELECT * FROM t",
    "SELECT DISTINCT * FROM t",
    "SELECT a, * FROM t",
    "struct(*)",
    "t.* = a",
    "IDENTIFIER('a') = 1",
    "a = r'\\' OR b = 'x'",
    "ORDER BY 1",
    "GROUP BY a, 2",
    "ORDER BY ALL",
    "FROM l NATURAL JOIN r",
    "f(TABLE(t))",
    "FROM t |> EXTEND 1",
  ])("cannot be told of %s", async (text) => {
    expect(await columns(text)).toBeUndefined();
  });
});

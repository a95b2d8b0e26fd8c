/** @file Tables for people: wide characters line up, and data cannot steer the terminal. */

import { expect, test } from "vitest";
import { formatTable } from "./show.js";

test("columns line up where characters are wide, joined or accented", () => {
  expect(
    formatTable(
      ["名前", "é"],
      [
        { 名前: "日本", é: "👩‍👧" },
        { 名前: "abcdef", é: "é" },
      ],
      20,
    ),
  ).toBe(["+------+---+", "|  名前|  é|", "+------+---+", "|  日本| 👩‍👧|", "|abcdef|  é|", "+------+---+"].join("\n"));
});

test("cells are cut between characters that a reader sees", () => {
  expect(formatTable(["a"], [{ a: "👩‍👧👩‍👧👩‍👧👩‍👧👩‍👧" }], 4)).toContain("|👩‍👧...|");
});

test("control characters are shown, not sent", () => {
  expect(formatTable(["a\nb"], [{ "a\nb": "\u001b[2J\tx" }], 20)).toBe(
    ["+------+", "|   a b|", "+------+", "|\ufffd[2J x|", "+------+"].join("\n"),
  );
});

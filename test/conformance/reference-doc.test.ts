/** @file docs/REFERENCE.md says what the declarations say. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { referenceDoc } from "./reference-doc.js";

const path = new URL("../../../docs/REFERENCE.md", import.meta.url);

test("docs/REFERENCE.md is up to date; npm run docs:reference writes it", () => {
  const text = referenceDoc();
  if (process.env.UPDATE_DOCS === "1") writeFileSync(path, text);
  expect(existsSync(path) ? readFileSync(path, "utf8") : "").toBe(text);
});

test("all that the page names has a comment, where its name does not say all", () => {
  const [known] = referenceDoc().split("\n## Activations");
  expect(known).toContain("### nn.lstm\n\nLong short-term memory");
  expect(known).not.toMatch(/^### .*\n\n(?!\S)/m);
});

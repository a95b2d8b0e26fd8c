/** @file Tests of the HTML report. */

import { expect, test } from "vitest";
import { renderReport } from "./report.js";

const thumbnail = new Uint8Array([1, 2, 3]);
const page = renderReport({
  title: "Pictures of <cats>",
  facts: [["model", "a & b"]],
  labels: ["cat", "dog<script>alert(1)</script>"],
  confusion: [
    [2, 1],
    [0, 0],
  ],
  perClass: [
    { precision: 1, recall: 2 / 3, f1: 0.8, support: 3 },
    { precision: 0, recall: 0, f1: 0, support: 0 },
  ],
  accuracy: 2 / 3,
  pictures: [
    { path: "a.jpg", label: "cat", predicted: "cat", probability: 0.7, thumbnail },
    {
      path: '"><img onerror=x src=y>',
      label: "cat",
      predicted: "dog<script>alert(1)</script>",
      probability: 0.9,
      thumbnail,
    },
    { path: "c.jpg", label: "cat", predicted: "cat", probability: 0.6, thumbnail },
  ],
});

test("everything from data is escaped", () => {
  expect(page).toContain("Pictures of &lt;cats&gt;");
  expect(page).toContain("<dd>a &amp; b</dd>");
  expect(page).toContain('title="&quot;&gt;&lt;img onerror=x src=y&gt;"');
  expect(page).not.toContain("<script");
});

test("mistakes come first, then the right ones from the least sure", () => {
  const order = [...page.matchAll(/title="([^"]*)"/g)].map((match) => match[1]);
  expect(order).toEqual(["&quot;&gt;&lt;img onerror=x src=y&gt;", "c.jpg", "a.jpg"]);
  expect(page).toContain("<b>66.7 %</b> of 3 test pictures");
});

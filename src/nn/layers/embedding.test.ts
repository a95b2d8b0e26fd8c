import { expect, test } from "vitest";
import * as nn from "../index.js";

test("Embedding takes more numbers than float32 tells apart as whole numbers only", () => {
  const network = (dtype?: "int64") =>
    nn.sequential([nn.input({ shape: [2], ...(dtype && { dtype }) }), nn.embedding(17_000_000, 1)]);
  expect(() => network().summary()).toThrow(
    'Embedding: inputDim is 17000000, but its numbers come as float32, which tells 16777216 apart; give the network\'s input as nn.input({ dtype: "int64" })',
  );
  expect(network("int64").summary()).toContain("17,000,000");
});

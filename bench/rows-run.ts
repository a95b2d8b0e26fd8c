/** @file One run of the rows benchmark: reads, scores, and counts; prints seconds and peak resident bytes. */

import { OnnxModel, Session } from "../src/index.js";

const [data, model] = process.argv.slice(2) as [string, string];
const session = await Session.open();
const onnx = await OnnxModel.load(model, {
  feeds: { x: "x" },
  fetches: { scores: "y" },
  batchSize: 4096,
});
const started = performance.now();
let rows = 0;
for await (const batch of onnx.transform(session.read.parquet(data)).batches()) rows += batch.numRows;
const seconds = (performance.now() - started) / 1000;
await session.close();
console.log(JSON.stringify({ rows, seconds, bytes: process.resourceUsage().maxRSS * 1024 }));

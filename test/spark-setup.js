/**
 * @file Vitest's global set-up for Spark: one server for all test files, started when the first of them asks for it.
 *
 * Tests learn the address of a small HTTP door, or why there is no Spark here. DEEPFRAME_SPARK names a server that runs
 * already (`npm run spark` in another terminal).
 */

import { createServer } from "node:http";
import { installSpark, startSpark, whyNot } from "../scripts/spark-server.js";

let starting;
let door;

export async function setup(project) {
  const running = process.env.DEEPFRAME_SPARK;
  const reason = running ? undefined : await whyNot();
  if (reason !== undefined && process.env.CI) throw new Error(`the Spark suite must run in CI: ${reason}`);
  // installed here, where no test's time runs
  if (!running && reason === undefined) await installSpark(console.error);
  const start = async () => {
    if (running) return running;
    starting ??= startSpark();
    return (await starting).url;
  };
  door = createServer((_request, response) => {
    start().then(
      (url) => response.end(url),
      (error) => response.writeHead(500).end(String(error.stack ?? error)),
    );
  });
  await new Promise((resolve) => door.listen(0, "127.0.0.1", resolve));
  project.provide("spark", { door: `http://127.0.0.1:${door.address().port}`, whyNot: reason });
}

export async function teardown() {
  door?.close();
  await (await starting?.catch(() => undefined))?.stop();
}

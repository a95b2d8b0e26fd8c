/** @file Files that a Spark session lists and lacks: what Spark's copying of sessions may leave, made here by deleting them. */

import { randomUUID } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { upload } from "../../src/engines/spark/artifacts.js";
import { Client } from "../../src/engines/spark/client.js";
import { parseConnection } from "../../src/engines/spark/connection.js";
import { Session } from "../../src/index.js";
import { Times } from "../fixtures/stages.js";
import { noSpark } from "../spark.js";
import { ownServer, type SparkServer } from "./server.js";

describe.skipIf(noSpark)(`a session that lacks files it lists${noSpark ? ` (${noSpark})` : ""}`, () => {
  let server: SparkServer;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "deepframe-absent-"));
    server = await ownServer({ conf: { "spark.driver.extraJavaOptions": `-Djava.io.tmpdir=${folder}` } });
  }, 200_000);
  afterAll(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Files of ours that sessions have, on the server. */
  const files = async () => {
    const all = await readdir(folder, { recursive: true });
    return all.filter((path) => /^artifacts-.*\/(py)?files\/deepframe_/.test(path));
  };
  const count = (session: Session) => session.sql("SELECT count(*) AS n FROM range(0, 10, 1, 2)").values("n");
  const doubled = (session: Session) =>
    session
      .sql("SELECT id, CAST(id AS DOUBLE) AS x FROM range(0, 4, 1, 2)")
      .withStage(new Times({ inputCol: "x", outputCol: "y" }))
      .values("y");

  test("sends again what it has as a copy, before the first rows", async () => {
    const url = `${server.url}/;user_id=${randomUUID()}`;
    const first = await Session.open(url);
    expect(await doubled(first)).toEqual([0, 2, 4, 6]);
    await first.close();
    const before = new Set(await files());
    const copy = await Session.open(url);
    const copied = (await files()).filter((path) => !before.has(path) && path.includes("deepframe_worker_"));
    expect(copied.length).toBe(1);
    await rm(join(folder, copied[0]!));
    expect(await doubled(copy)).toEqual([0, 2, 4, 6]);
    expect(await files()).toContain(copied[0]);
    await copy.close();
  }, 120_000);

  test("sends an empty file for one it does not know, and its own under another name", async () => {
    const worker = (await files()).find((path) => path.includes("deepframe_worker_"))!;
    const url = `${server.url}/;session_id=${randomUUID()}`;
    const client = new Client(parseConnection(url));
    const before = new Set(await files());
    await upload(client, [{ name: `files/${basename(worker)}`, bytes: new Uint8Array(9), isCached: false }]);
    client.channel.close();
    const [sent] = (await files()).filter((path) => !before.has(path));
    await rm(join(folder, sent!));
    const session = await Session.open(url);
    expect(await count(session)).toEqual([10]);
    expect(await doubled(session)).toEqual([0, 2, 4, 6]);
    expect((await files()).map((path) => basename(path))).toContain(
      basename(worker).replace("deepframe_", "deepframe_again_"),
    );
    await session.close();
  }, 120_000);
});

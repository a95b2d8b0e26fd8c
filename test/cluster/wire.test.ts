/** @file What goes wrong between the client and the server: files that arrive damaged, a server that is too old. */

import { randomBytes } from "node:crypto";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { upload } from "../../src/engines/spark/artifacts.js";
import { Client } from "../../src/engines/spark/client.js";
import { parseConnection } from "../../src/engines/spark/connection.js";
import {
  AddArtifactsRequestSchema,
  AnalyzePlanResponseSchema,
} from "../../src/engines/spark/proto/spark_connect_pb.js";
import { Session } from "../../src/index.js";
import { noSpark, sparkUrl } from "../spark.js";
import { type EditingProxy, editingProxy } from "./editing-proxy.js";
import type { Edit } from "./forward.js";

const skipped = noSpark ? ` (${noSpark})` : "";

/** Flips a bit of the first piece of a file in each of so many uploads; a piece keeps its checksum. */
function damaging(uploads: number): { readonly edit: Edit; readonly seen: () => number } {
  let seen = 0;
  const edit: Edit = (path, message) => {
    if (!path.endsWith("/AddArtifacts")) return message;
    const request = fromBinary(AddArtifactsRequestSchema, message);
    const { payload } = request;
    const first =
      payload.case === "batch"
        ? payload.value.artifacts[0]?.data
        : payload.case === "beginChunk"
          ? payload.value.initialChunk
          : undefined;
    if (first === undefined || seen++ >= uploads) return message;
    first.data = Uint8Array.from(first.data);
    first.data[0]! ^= 1;
    return toBinary(AddArtifactsRequestSchema, request);
  };
  return { edit, seen: () => seen };
}

describe.skipIf(noSpark)(`a file that arrives damaged${skipped}`, () => {
  const sizes = [
    ["small", 1000],
    ["in pieces", 3 << 20],
  ] as const;

  const sent = async (bytes: number, damagedUploads: number) => {
    const damage = damaging(damagedUploads);
    const proxy = await editingProxy(await sparkUrl(), { request: damage.edit });
    const client = new Client(parseConnection(proxy.url));
    try {
      await client.version(10_000);
      const name = `files/${randomBytes(8).toString("hex")}.bin`;
      await upload(client, [{ name, bytes: randomBytes(bytes), isCached: false }]);
      return damage.seen();
    } finally {
      await client.close();
      proxy.close();
    }
  };

  test.each(sizes)("is sent once more (%s)", async (_name, bytes) => {
    expect(await sent(bytes, 1)).toBe(2);
  });

  test.each(sizes)("is an error the second time (%s)", async (_name, bytes) => {
    await expect(sent(bytes, 2)).rejects.toThrow(
      /^Spark: the server received files\/[0-9a-f]{16}\.bin damaged twice; check the network$/,
    );
  });
});

describe.skipIf(noSpark)(`a server that is too old${skipped}`, () => {
  const withVersion = async <T>(version: string, use: (proxy: EditingProxy) => Promise<T>): Promise<T> => {
    const response: Edit = (path, message) => {
      if (!path.endsWith("/AnalyzePlan")) return message;
      const answer = fromBinary(AnalyzePlanResponseSchema, message);
      if (answer.result.case !== "sparkVersion") return message;
      answer.result.value.version = version;
      return toBinary(AnalyzePlanResponseSchema, answer);
    };
    const proxy = await editingProxy(await sparkUrl(), { response });
    try {
      return await use(proxy);
    } finally {
      proxy.close();
    }
  };

  test.each(["3.4.4", "3.5.7"])("says so (%s)", async (version) => {
    await withVersion(version, async ({ url }) => {
      await expect(Session.open(url)).rejects.toThrow(
        `Session.open: the server at ${url.slice("sc://".length)} runs Spark ${version}; deepframe needs 4.0 or later`,
      );
    });
  });

  test("4.0.0 is not", async () => {
    await withVersion("4.0.0", async ({ url }) => {
      const session = await Session.open(url);
      expect(await session.sql("SELECT 1 AS one").collect()).toEqual([{ one: 1 }]);
      await session.close();
    });
  });
});

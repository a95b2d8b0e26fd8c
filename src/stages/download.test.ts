/** @file Tests of downloads against a server on this machine: resume, wrong hashes, breaks, two at once. */

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cachedPath, download } from "./download.js";

const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i) % 251));
const sha256 = createHash("sha256").update(content).digest("hex");

let folder: string;
let server: Server;
let url: string;
let requests: (string | undefined)[];
/** How the server answers: all at once, half and then a broken connection, half and then silence, or 404. */
let mode: "whole" | "break" | "stall" | "missing" | "ignoreRange";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-cache-"));
  process.env.DEEPFRAME_CACHE = folder;
  requests = [];
  mode = "whole";
  server = createServer((request, response) => {
    const range = request.headers.range;
    requests.push(range);
    if (mode === "missing") return response.writeHead(404).end();
    const start = mode === "ignoreRange" ? 0 : Number(/bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0);
    const body = content.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, { "content-length": body.length });
    if (mode === "whole" || mode === "ignoreRange") return response.end(body);
    response.write(body.subarray(0, 50_000), () => {
      if (mode === "break") setTimeout(() => response.destroy(), 20);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/a.onnx`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  delete process.env.DEEPFRAME_CACHE;
  await rm(folder, { recursive: true });
});

test("a file is fetched once, then comes from the cache", async () => {
  const path = await download(url, sha256);
  expect(path).toBe(join(folder, sha256, "a.onnx"));
  expect(await readFile(path)).toEqual(content);
  expect(await download(url, sha256)).toBe(path);
  expect(requests).toEqual([undefined]);
});

test("a broken download goes on where it stopped", async () => {
  mode = "break";
  await expect(download(url, sha256)).rejects.toThrow(`download: cannot get ${url} (other side closed); connect`);
  mode = "whole";
  expect(await readFile(await download(url, sha256))).toEqual(content);
  expect(requests).toEqual([undefined, "bytes=50000-"]);
});

test("a server that cannot resume sends everything again", async () => {
  mode = "break";
  await expect(download(url, sha256)).rejects.toThrow("cannot get");
  mode = "ignoreRange";
  expect(await readFile(await download(url, sha256))).toEqual(content);
});

test("a file with another hash is not kept", async () => {
  const other = "0".repeat(64);
  await expect(download(url, other)).rejects.toThrow(`download: ${url} has sha256 ${sha256}, expected ${other};`);
  await expect(stat(cachedPath(url, other))).rejects.toThrow("ENOENT");
  await expect(stat(`${cachedPath(url, other)}.part`)).rejects.toThrow("ENOENT");
});

test("two at once fetch it once, and a lock left behind is taken over", async () => {
  const paths = await Promise.all([download(url, sha256), download(url, sha256)]);
  expect([paths[0] === paths[1], requests.length]).toEqual([true, 1]);
  await rm(paths[0]!);
  const lock = `${paths[0]}.lock`;
  await writeFile(lock, "");
  await utimes(lock, 0, 0);
  expect(await download(url, sha256)).toBe(paths[0]);
  await expect(stat(lock)).rejects.toThrow("ENOENT");
});

test("refusals, silence and an unreachable server say so, and where to put the file", async () => {
  mode = "missing";
  await expect(download(url, sha256)).rejects.toThrow(
    `download: cannot get ${url} (the server answered 404); connect and try again, ` +
      `or put the file at ${JSON.stringify(cachedPath(url, sha256))} yourself`,
  );
  mode = "stall";
  await expect(download(url, sha256, { stallTimeout: 200 })).rejects.toThrow("(no data for 0.2 s)");
  const nobody = "http://127.0.0.1:9/a.onnx";
  await expect(download(nobody, sha256)).rejects.toThrow(`cannot get ${nobody}`);
});

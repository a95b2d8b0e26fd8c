/** @file TLS and tokens, with a real proxy between the client and the server. */

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Session } from "../../src/index.js";
import { noSpark, sparkUrl } from "../spark.js";
import { type TlsProxy, tlsProxy } from "./tls-proxy.js";

const run = promisify(execFile);

describe.skipIf(noSpark)(`a server behind TLS${noSpark ? ` (${noSpark})` : ""}`, () => {
  let proxy: TlsProxy;
  beforeAll(async () => {
    proxy = await tlsProxy(Number(/:(\d+)/.exec((await sparkUrl()).slice("sc:".length))![1]), "open sesame");
  });
  afterAll(async () => {
    await proxy.close();
  });

  /** What a program of its own prints, since certificates are read when a process starts. */
  const program = async (token: string, variables: Record<string, string>) => {
    const module = new URL("../../src/index.js", import.meta.url);
    const url = `sc://localhost:${proxy.port}/;use_ssl=true;token=${encodeURIComponent(token)}`;
    const source = `
      const { Session } = await import(${JSON.stringify(module)});
      try {
        const session = await Session.open(${JSON.stringify(url)});
        const rows = await session.sql("SELECT sum(id) AS total FROM range(200000)").collect();
        await session.close();
        console.log(JSON.stringify(rows));
      } catch (error) {
        console.log(error.code, error.message);
      }`;
    const { GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: _grpc, NODE_EXTRA_CA_CERTS: _node, ...env } = process.env;
    const options = { env: { ...env, ...variables } };
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", source], options);
    return stdout.trim();
  };

  test.each(["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NODE_EXTRA_CA_CERTS"])("is trusted by %s", async (variable) => {
    expect(await program("open sesame", { [variable]: proxy.certificate })).toBe('[{"total":19999900000}]');
  });

  test("says that it refuses a token", async () => {
    expect(await program("wrong", { NODE_EXTRA_CA_CERTS: proxy.certificate })).toBe(
      `UNAUTHENTICATED Spark: the server at localhost:${proxy.port} refuses the token (no); check token`,
    );
  });

  test("says how a certificate comes to be trusted", async () => {
    await expect(Session.open(`sc://localhost:${proxy.port}/;use_ssl=true`)).rejects.toThrow(
      new RegExp(
        `^Spark: no TLS connection with the server at localhost:${proxy.port} \\(.*self-signed certificate.*\\); if the certificate is one of your own, name the file of its authority in GRPC_DEFAULT_SSL_ROOTS_FILE_PATH or NODE_EXTRA_CA_CERTS$`,
      ),
    );
  });

  test("says that a server without TLS has none", async () => {
    await expect(Session.open(`${await sparkUrl()}/;use_ssl=true`)).rejects.toThrow(
      /^Spark: no TLS connection .* it seems to speak without TLS: leave use_ssl out, or check the port$/,
    );
  });
});

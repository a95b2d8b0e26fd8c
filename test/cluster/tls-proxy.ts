/** @file A TLS door in front of a Spark server, as companies have: it ends TLS and asks for a token. */

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import * as http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { forward } from "./forward.js";

const run = promisify(execFile);

export interface TlsProxy {
  readonly port: number;
  /** Path of the certificate that signs itself. */
  readonly certificate: string;
  close(): Promise<void>;
}

/** Calls with this token go through to the server, others are refused with gRPC's status 16. */
export async function tlsProxy(target: number, token: string, host = "localhost"): Promise<TlsProxy> {
  const folder = await mkdtemp(join(tmpdir(), "deepframe-tls-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const name = ["-subj", "/CN=deepframe test", "-addext", `subjectAltName=DNS:${host}`];
  const how = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  await run("openssl", ["req", "-x509", ...how, ...name, "-keyout", key, "-out", certificate]);
  const sessions = new Set<http2.Http2Session>();
  const server = http2.createSecureServer({ key: await readFile(key), cert: await readFile(certificate) });
  const upstream = http2.connect(`http://127.0.0.1:${target}`);
  sessions.add(upstream);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    if (headers.authorization !== `Bearer ${token}`) {
      const refused = { ":status": 200, "content-type": "application/grpc", "grpc-status": "16", "grpc-message": "no" };
      stream.respond(refused, { endStream: true });
      return;
    }
    forward(stream, headers, upstream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    certificate,
    async close() {
      server.close();
      for (const session of sessions) session.destroy();
      await rm(folder, { recursive: true });
    },
  };
}

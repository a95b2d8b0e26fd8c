/** @file A door in front of a Spark server that changes messages, as bad networks and other servers would. */

import * as http2 from "node:http2";
import { type Edits, forward } from "./forward.js";

export interface EditingProxy {
  readonly url: string;
  close(): void;
}

export async function editingProxy(target: string, edits: Edits): Promise<EditingProxy> {
  const upstream = http2.connect(target.replace("sc:", "http:"));
  const sessions = new Set<http2.Http2Session>([upstream]);
  const server = http2.createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream, headers) => forward(stream, headers, upstream, edits));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `sc://127.0.0.1:${(server.address() as { port: number }).port}`,
    close() {
      server.close();
      for (const session of sessions) session.destroy();
    },
  };
}

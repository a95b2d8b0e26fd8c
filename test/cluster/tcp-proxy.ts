/** @file A door in front of a server that can be shut: connections break, new ones are refused until it opens again. */

import { connect, createServer, type Socket } from "node:net";

export interface TcpProxy {
  readonly port: number;
  /** Bytes that clients have sent through it. */
  readonly sent: number;
  /** Breaks every connection and refuses others. */
  shut(): void;
  open(): Promise<void>;
}

export async function tcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => {
      sent += chunk.length;
    });
    client.pipe(upstream).pipe(client);
  });
  let port = 0;
  let sent = 0;
  const open = async () => {
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    ({ port } = server.address() as { port: number });
  };
  await open();
  return {
    port,
    get sent() {
      return sent;
    },
    open,
    shut() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

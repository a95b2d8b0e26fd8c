/** @file A Spark server of a test's own, for tests that kill parts of it. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

export interface SparkServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Path of its log. */
  readonly log: string;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly conf?: Readonly<Record<string, string | number | boolean>>;
}

/** Starts a server with two executors of one core each. */
export async function ownServer(options: ServerOptions = {}): Promise<SparkServer> {
  // the script is not built: tests run from .build/
  const script = pathToFileURL(resolve("scripts/spark-server.js")).href;
  const { startSpark } = (await import(script)) as {
    startSpark(options: ServerOptions): Promise<Omit<SparkServer, "port">>;
  };
  const server = await startSpark(options);
  return { ...server, port: Number(/:(\d+)$/.exec(server.url)![1]) };
}

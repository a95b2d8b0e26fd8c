/** @file What executors need of us, kept on the server for later sessions, so that only the first one ships it. */

import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { version } from "../../util/version.js";
import { type Artifact, upload } from "./artifacts.js";
import type { Executors } from "./bridge/probe-executors.js";
import { CallError, status } from "./channel.js";
import { Client } from "./client.js";
import { CloneSessionRequestSchema } from "./proto/spark_connect_pb.js";
import { retrying } from "./retry.js";

/** Bytes that a depot holds at most: the server and each executor have a copy of them for every session. */
const capacity = 96 << 20;

/** The setting in which a depot notes its files: name to bytes, as JSON. Copies of the session have it too. */
const setting = "deepframe.kept";

/** The setting in which it notes what executors have, as JSON. */
const executorsSetting = "deepframe.executors";

const hour = 3_600_000;

/** Milliseconds until what is put by goes to the server a second time: a first query takes about as long. */
const pauseBefore = 10_000;

type Kept = Readonly<Record<string, number>>;

/** A session of its own holds the files for an hour or two; new sessions begin as copies of it. */
export class Depot {
  readonly #client: Client;
  readonly #kind: string;
  #kept: Kept = {};
  #executors = "";
  readonly #closing = new AbortController();
  #work: Promise<unknown> = Promise.resolve();

  /** @param kind what else tells depots apart: sessions of one kind need about the same files */
  constructor(client: Client, kind: string) {
    this.#client = client;
    this.#kind = kind;
  }

  /**
   * Begins the client's session as a copy of the depot, where the server has one. It must be the session's first call.
   *
   * @param window milliseconds to wait for the server to come up
   */
  async begin(window: number): Promise<void> {
    if (this.#client.connection.isGivenSession) return;
    const [now, before] = [this.#id(0), this.#id(-1)];
    const { sessionId } = this.#client.sender;
    const isCopied =
      (await this.#copy(now, sessionId, window)) ||
      // a session that nobody used for an hour is forgotten for good, so each hour has its own
      ((await this.#copy(before, now, window)) && (await this.#copy(now, sessionId, window)));
    if (!isCopied) return;
    const [kept, executors] = await this.#client.config(setting, executorsSetting);
    this.#kept = parsed(kept);
    this.#executors = executors ?? "";
  }

  /** What an earlier session noted of the executors. */
  get executors(): Executors | undefined {
    return this.#executors === "" ? undefined : (JSON.parse(this.#executors) as Executors);
  }

  /** Notes for later sessions what executors have, or that nobody knows. */
  note(executors: Executors | undefined): void {
    const text = executors === undefined ? "" : JSON.stringify(executors);
    if (text === this.#executors) return;
    this.#executors = text;
    this.#later((depot) => depot.setConfig({ [executorsSetting]: text }));
  }

  /** Whether the session has the file from its beginning. */
  has(name: string): boolean {
    return name in this.#kept;
  }

  /** Puts a file by for later sessions, while others work. */
  keep(artifact: Artifact): void {
    this.#later(async (depot) => {
      const withIt = async () => ({ ...(await keptIn(depot)), [artifact.name]: artifact.bytes.length });
      const size = Object.values(await withIt()).reduce((sum, bytes) => sum + bytes, 0);
      if (size > capacity) return;
      await upload(depot, [artifact]);
      await depot.setConfig({ [setting]: JSON.stringify(await withIt()) });
    });
  }

  /** Does at once what still waits. */
  close(): void {
    this.#closing.abort();
  }

  /** Does something in the depot's session, one after the other, once the first query had the cluster to itself for a while. */
  #later(work: (depot: Client) => Promise<void>): void {
    if (this.#client.connection.isGivenSession) return;
    const inDepot = async () => {
      const depot = new Client({ ...this.#client.connection, sessionId: this.#id(0) }, this.#client.policy);
      try {
        await work(depot);
      } finally {
        // the session stays on the server
        depot.channel.close();
      }
    };
    const pause = sleep(pauseBefore, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {});
    this.#work = Promise.all([this.#work, pause])
      .then(inDepot)
      .catch(() => {});
    this.#client.background(this.#work);
  }

  /** Whether there was such a session to copy. */
  async #copy(from: string, to: string, window: number, again = 3): Promise<boolean> {
    const { sender, channel, policy } = this.#client;
    const request = create(CloneSessionRequestSchema, { ...sender, sessionId: from, newSessionId: to });
    try {
      await retrying({ ...policy, window }, () => channel.call("cloneSession", request, Math.max(window, 60_000)));
      return true;
    } catch (error) {
      // another process added a file meanwhile, which the copy lists and lacks
      if (again > 0 && error instanceof CallError && /^Stream '.*' was not found/.test(error.message)) {
        return await this.#copy(from, to, window, again - 1);
      }
      if (error instanceof CallError && error.status === status.UNAVAILABLE) throw await this.#client.explain(error);
      // no such session, or a server that cannot copy them (before Spark 4.1)
      return false;
    }
  }

  /** The depot of this hour or another, the same for every process of the user. */
  #id(hours: number): string {
    const name = `${version} ${this.#kind} ${this.#client.connection.userId} ${Math.floor(Date.now() / hour) + hours}`;
    const hash = createHash("sha256").update(`deepframe depot ${name}`).digest("hex");
    // as a UUID of version 8, whose bits are the maker's own
    return [
      hash.slice(0, 8),
      hash.slice(8, 12),
      `8${hash.slice(13, 16)}`,
      `8${hash.slice(17, 20)}`,
      hash.slice(20, 32),
    ].join("-");
  }
}

async function keptIn(client: Client): Promise<Kept> {
  const [text] = await client.config(setting);
  return parsed(text);
}

function parsed(text: string | undefined): Kept {
  return text === undefined ? {} : (JSON.parse(text) as Kept);
}

/** @file One session with a Spark Connect server: settings, analysis, running plans, artifacts, interrupts. */

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EngineError } from "../../errors.js";
import { CallError, Channel, status } from "./channel.js";
import type { Connection } from "./connection.js";
import { toEngineError } from "./errors.js";
import {
  AnalyzePlanRequestSchema,
  type AnalyzePlanResponse,
  ArtifactStatusesRequestSchema,
  ConfigRequestSchema,
  FetchErrorDetailsRequestSchema,
  InterruptRequestSchema,
  ReleaseSessionRequestSchema,
} from "./proto/spark_connect_pb.js";
import { defaultPolicy, type RetryPolicy, retrying } from "./retry.js";

const minute = 60_000;

type Analysis = NonNullable<MessageInitShape<typeof AnalyzePlanRequestSchema>["analyze"]>;

type AnswerCase = NonNullable<AnalyzePlanResponse["result"]["case"]>;
type Answer<C extends AnswerCase> = Extract<AnalyzePlanResponse["result"], { case: C }>["value"];

export class Client {
  readonly connection: Connection;
  readonly channel: Channel;
  readonly policy: RetryPolicy;
  /** What every request says of its sender. */
  readonly sender: {
    readonly sessionId: string;
    readonly userContext: { readonly userId: string; readonly userName: string };
    readonly clientType: string;
  };
  readonly #background = new Set<Promise<unknown>>();
  #serverSession: string | undefined;
  #isClosed = false;

  constructor(connection: Connection, policy: RetryPolicy = defaultPolicy) {
    this.connection = connection;
    this.channel = new Channel(connection);
    this.policy = policy;
    this.sender = {
      sessionId: connection.sessionId,
      userContext: { userId: connection.userId, userName: connection.userId },
      clientType: connection.userAgent,
    };
  }

  /** Notes the server's own name of the session, which another server would not have. */
  observe(serverSession: string): void {
    if (serverSession !== "") this.#serverSession ??= serverSession;
  }

  /** A request that a server refuses which does not know the session: one that was restarted would begin an empty one. */
  observed<R extends object>(request: R): R {
    if (this.#serverSession === undefined) return request;
    return Object.assign(request, { clientObservedServerSideSessionId: this.#serverSession });
  }

  /** Spark's answer to a question about a plan. */
  async analyze<C extends AnswerCase>(analyze: Analysis, answer: C, signal?: AbortSignal): Promise<Answer<C>> {
    const request = this.observed(create(AnalyzePlanRequestSchema, { ...this.sender, analyze }));
    const { result } = await this.#try(() => this.channel.call("analyzePlan", request, 60 * minute, signal), signal);
    if (result.case !== answer) throw new EngineError("Spark", `the server did not answer with ${answer}`);
    // the compiler cannot follow a generic case
    return (result as { value: unknown }).value as Answer<C>;
  }

  /** Has Spark keep a relation's rows, or let go of them. */
  async persist(analyze: Extract<Analysis, { case: "persist" | "unpersist" }>): Promise<void> {
    const request = this.observed(create(AnalyzePlanRequestSchema, { ...this.sender, analyze }));
    await this.#try(() => this.channel.call("analyzePlan", request, 60 * minute));
  }

  /** The version of Spark. @param window milliseconds to wait for the server to come up */
  async version(window: number, signal?: AbortSignal): Promise<string> {
    const analyze = { case: "sparkVersion", value: {} } as const;
    const request = create(AnalyzePlanRequestSchema, { ...this.sender, analyze });
    const policy = { ...this.policy, window };
    const ask = () => this.channel.call("analyzePlan", request, Math.max(window, 10_000), signal);
    const { result, serverSideSessionId } = await this.#try(ask, signal, policy);
    this.observe(serverSideSessionId);
    return result.case === "sparkVersion" ? result.value.version : "unknown";
  }

  async setConfig(values: Readonly<Record<string, string>>): Promise<void> {
    const pairs = Object.entries(values).map(([key, value]) => ({ key, value }));
    const operation = { opType: { case: "set", value: { pairs } } } as const;
    const request = create(ConfigRequestSchema, { ...this.sender, operation });
    await this.#try(() => this.channel.call("config", request, 10 * minute));
  }

  /** Values of settings; undefined for those that are not set. */
  async config(...keys: string[]): Promise<(string | undefined)[]> {
    const operation = { opType: { case: "getOption", value: { keys } } } as const;
    const request = create(ConfigRequestSchema, { ...this.sender, operation });
    const { pairs } = await this.#try(() => this.channel.call("config", request, 10 * minute));
    return keys.map((key) => pairs.find((pair) => pair.key === key)?.value);
  }

  /** Ends a query on the cluster. */
  async interrupt(operationId: string): Promise<void> {
    const interrupt = { case: "operationId", value: operationId } as const;
    const request = create(InterruptRequestSchema, { ...this.sender, interruptType: 3, interrupt });
    await this.#try(() => this.channel.call("interrupt", request, minute));
  }

  /** Which of these artifacts the server has. */
  async haveArtifacts(names: readonly string[]): Promise<Set<string>> {
    const request = create(ArtifactStatusesRequestSchema, { ...this.sender, names: [...names] });
    const { statuses } = await this.#try(() => this.channel.call("artifactStatus", request, 10 * minute));
    return new Set(names.filter((name) => statuses[name]?.exists));
  }

  /** Any error of a call as one of ours, with what Spark tells about it. */
  async explain(error: unknown): Promise<unknown> {
    return await toEngineError(error, this.connection.address, async (errorId) => {
      const request = create(FetchErrorDetailsRequestSchema, { ...this.sender, errorId });
      return await this.channel.call("fetchErrorDetails", request, minute);
    });
  }

  /** Work that nobody waits for but close; its failure does no harm. */
  background(work: Promise<unknown>): void {
    const settled = work.catch(() => {}).finally(() => this.#background.delete(settled));
    this.#background.add(settled);
  }

  /** Ends the session on the server too; whatever still runs in it is stopped. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all(this.#background);
    const request = create(ReleaseSessionRequestSchema, this.sender);
    try {
      await this.channel.call("releaseSession", request, 10_000);
    } catch (error) {
      // a server that is gone has let go of the session already
      if (!(error instanceof CallError && error.status === status.UNAVAILABLE)) throw await this.explain(error);
    } finally {
      this.channel.close();
    }
  }

  async #try<T>(operation: () => Promise<T>, signal?: AbortSignal, policy = this.policy): Promise<T> {
    if (this.#isClosed) throw new EngineError("Spark", "the session is closed; open another", { code: "CLOSED" });
    try {
      return await retrying(policy, operation, signal);
    } catch (error) {
      signal?.throwIfAborted();
      throw await this.explain(error);
    }
  }
}

/** @file Runs a plan on the server: a stream that is taken up again where it broke off, until Spark says it is complete. */

import { randomUUID } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { EngineError } from "../../errors.js";
import { CallError } from "./channel.js";
import type { Client } from "./client.js";
import {
  ExecutePlanRequestSchema,
  type ExecutePlanResponse,
  type PlanSchema,
  ReattachExecuteRequestSchema,
  ReleaseExecuteRequestSchema,
} from "./proto/spark_connect_pb.js";
import { Retries, retrying } from "./retry.js";
import { startedQuery, unlessLeaving } from "./signals.js";

/** The responses that hold something. */
export type Response = ExecutePlanResponse["responseType"];

export interface ExecuteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether the server may send large batches in pieces (Spark 4.1 and later). */
  readonly chunked?: boolean | undefined;
}

/**
 * Runs a plan; responses come as the reader takes them. Leaving the iteration or aborting ends the query on the cluster.
 *
 * @throws EngineError where Spark fails, or where the server lost the session, or a query whose rows were partly read.
 */
export async function* execute(
  client: Client,
  plan: MessageInitShape<typeof PlanSchema>,
  { signal, chunked = false }: ExecuteOptions = {},
): AsyncGenerator<Response, void, undefined> {
  signal?.throwIfAborted();
  const operationId = randomUUID();
  const { sender, channel } = client;
  const options: MessageInitShape<typeof ExecutePlanRequestSchema>["requestOptions"] = [
    { requestOption: { case: "reattachOptions", value: { reattachable: true } } },
  ];
  if (chunked) {
    options.push({ requestOption: { case: "resultChunkingOptions", value: { allowArrowBatchChunking: true } } });
  }
  const request = create(ExecutePlanRequestSchema, { ...sender, plan, operationId, requestOptions: options });
  const start = () => channel.stream("executePlan", client.observed(request), signal);
  let lastResponseId: string | undefined;
  const reattach = () => {
    const again = create(ReattachExecuteRequestSchema, { ...sender, operationId });
    if (lastResponseId !== undefined) again.lastResponseId = lastResponseId;
    return channel.stream("reattachExecute", client.observed(again), signal);
  };
  const release = (until?: string) => {
    const released = create(ReleaseExecuteRequestSchema, {
      ...sender,
      operationId,
      release:
        until === undefined
          ? { case: "releaseAll", value: {} }
          : { case: "releaseUntil", value: { responseId: until } },
    });
    client.background(
      retrying({ ...client.policy, window: 10_000 }, () => channel.call("releaseExecute", released, 60_000)),
    );
  };

  const retries = new Retries(client.policy);
  let isComplete = false;
  let isOver = false;
  let open = start;
  const ended = startedQuery(client);
  try {
    while (!isComplete) {
      try {
        for await (const { responseId, responseType, serverSideSessionId } of open()) {
          client.observe(serverSideSessionId);
          retries.succeeded();
          lastResponseId = responseId;
          if (responseType.case === "resultComplete") {
            isComplete = true;
            break;
          }
          if (responseType.case === undefined) continue;
          yield responseType;
          if (responseType.case === "arrowBatch") release(responseId);
        }
        // a stream ends early when it grew long or old: there is more
        open = reattach;
      } catch (error) {
        signal?.throwIfAborted();
        const text = error instanceof CallError ? error.message : "";
        if (text.includes("INVALID_HANDLE.OPERATION_NOT_FOUND")) {
          if (lastResponseId !== undefined) throw lost(error);
          open = start;
          await retries.wait(error, signal, 0);
        } else if (text.includes("INVALID_HANDLE.OPERATION_ALREADY_EXISTS")) {
          open = reattach;
        } else {
          open = reattach;
          await retries.wait(error, signal);
        }
      }
    }
    isOver = true;
  } catch (error) {
    signal?.throwIfAborted();
    await unlessLeaving();
    throw await client.explain(error);
  } finally {
    ended();
    if (!isOver && signal?.aborted) client.background(client.interrupt(operationId));
    release();
  }
}

function lost(cause: unknown): EngineError {
  const message = "the server no longer has the query, whose rows were read in part; run it again";
  return new EngineError("Spark", message, { code: "QUERY_LOST", cause });
}

/** @file The gRPC channel to a Spark Connect server: typed calls, nothing else knows of gRPC. */

import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import type { Connection } from "./connection.js";
import { SparkConnectService } from "./proto/spark_connect_pb.js";

/** Spark's own limit for one message. */
const maxMessage = 128 * 1024 * 1024;

/** A failed call: gRPC's status, and the trailer in which Spark says more. */
export class CallError extends Error {
  readonly status: grpc.status;
  /** `google.rpc.Status` as bytes, where the server sent it. */
  readonly details: Uint8Array | undefined;

  constructor(error: grpc.ServiceError) {
    super(error.details || error.message, { cause: error });
    this.name = "CallError";
    this.status = error.code;
    const [details] = error.metadata?.get("grpc-status-details-bin") ?? [];
    this.details = typeof details === "string" ? undefined : details;
  }
}

export const status = grpc.status;

type Methods = typeof SparkConnectService.method;

/** Calls of one shape by name: request and response messages. */
type Input<M extends keyof Methods> = MessageShape<Methods[M]["input"]>;
type Output<M extends keyof Methods> = MessageShape<Methods[M]["output"]>;

type Unary = Exclude<keyof Methods, "executePlan" | "reattachExecute" | "addArtifacts">;
type ServerStream = "executePlan" | "reattachExecute";

export class Channel {
  readonly #client: grpc.Client;
  readonly #metadata: grpc.Metadata;

  constructor(connection: Connection) {
    const { keepAlive, keepAliveTimeout } = connection;
    this.#client = new grpc.Client(
      connection.address,
      connection.isSecure ? grpc.credentials.createSsl() : grpc.credentials.createInsecure(),
      {
        "grpc.max_receive_message_length": maxMessage,
        "grpc.max_send_message_length": maxMessage,
        "grpc.primary_user_agent": connection.userAgent,
        // retries are ours: only we know which calls may be repeated
        "grpc.enable_retries": 0,
        "grpc.max_reconnect_backoff_ms": 2000,
        "grpc.initial_reconnect_backoff_ms": 100,
        // sessions do not share a connection, so that closing one cannot disturb another
        "grpc.use_local_subchannel_pool": 1,
        ...(keepAlive !== undefined && {
          "grpc.keepalive_time_ms": keepAlive,
          "grpc.keepalive_timeout_ms": keepAliveTimeout,
          "grpc.keepalive_permit_without_calls": 1,
        }),
      },
    );
    this.#metadata = new grpc.Metadata();
    for (const [key, value] of Object.entries(connection.headers)) this.#metadata.set(key, value);
    if (connection.token !== undefined) this.#metadata.set("authorization", `Bearer ${connection.token}`);
  }

  /** One request, one response. @param timeout milliseconds. @throws CallError */
  call<M extends Unary>(method: M, request: Input<M>, timeout: number, signal?: AbortSignal): Promise<Output<M>> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const { path, serialize, deserialize } = codec(method);
      const options = { deadline: Date.now() + timeout };
      const call = this.#client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        this.#metadata,
        options,
        (error, response) => {
          signal?.removeEventListener("abort", abort);
          if (error) reject(signal?.aborted ? signal.reason : new CallError(error));
          else resolve(response as Output<M>);
        },
      );
      const abort = () => call.cancel();
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** One request, a stream of responses that waits for its reader. Ending the iteration cancels the call. */
  async *stream<M extends ServerStream>(
    method: M,
    request: Input<M>,
    signal?: AbortSignal,
  ): AsyncGenerator<Output<M>, void, undefined> {
    signal?.throwIfAborted();
    const { path, serialize, deserialize } = codec(method);
    const call = this.#client.makeServerStreamRequest(path, serialize, deserialize, request, this.#metadata);
    const abort = () => call.cancel();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      for await (const response of call) yield response as Output<M>;
    } catch (error) {
      throw new CallError(error as grpc.ServiceError);
    } finally {
      signal?.removeEventListener("abort", abort);
      // an error that comes after the reader has left is nobody's
      call.on("error", () => {});
      call.cancel();
    }
  }

  /** A stream of requests, one response. */
  upload(
    requests: AsyncIterable<Input<"addArtifacts">>,
    timeout: number,
    signal?: AbortSignal,
  ): Promise<Output<"addArtifacts">> {
    return new Promise((resolve, reject) => {
      const { path, serialize, deserialize } = codec("addArtifacts");
      const options = { deadline: Date.now() + timeout };
      const call = this.#client.makeClientStreamRequest(
        path,
        serialize,
        deserialize,
        this.#metadata,
        options,
        (error, response) => {
          signal?.removeEventListener("abort", abort);
          if (error) reject(signal?.aborted ? signal.reason : new CallError(error));
          else resolve(response as Output<"addArtifacts">);
        },
      );
      const abort = () => call.cancel();
      signal?.addEventListener("abort", abort, { once: true });
      void (async () => {
        try {
          for await (const request of requests) {
            if (!call.write(request)) await drained(call);
          }
          call.end();
        } catch (error) {
          call.cancel();
          reject(error);
        }
      })();
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** Until a stream takes more, or is over. */
function drained(call: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ["drain", "close", "error", "finish"]) call.off(event, done);
      resolve();
    };
    for (const event of ["drain", "close", "error", "finish"]) call.on(event, done);
  });
}

function codec<M extends keyof Methods>(method: M) {
  const { input, output, name } = SparkConnectService.method[method];
  return {
    path: `/${SparkConnectService.typeName}/${name}`,
    serialize: (message: Input<M>) => Buffer.from(toBinary(input as DescMessage, message)),
    deserialize: (bytes: Buffer) => fromBinary(output as DescMessage, bytes) as Output<M>,
  };
}

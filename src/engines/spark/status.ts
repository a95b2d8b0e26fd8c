/** @file What a failed call's trailer says: Spark's error id and class, and when to try again. */

import { fromBinary } from "@bufbuild/protobuf";
import type { CallError } from "./channel.js";
import { ErrorInfoSchema, RetryInfoSchema, StatusSchema } from "./proto/spark_connect_pb.js";

export interface StatusDetails {
  /** The Java exception's class. */
  readonly reason?: string | undefined;
  /** `errorId`, `errorClass`, `sqlState`, `messageParameters`, as far as the server gives them. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryDelay?: number | undefined;
}

export function detailsOf(error: CallError): StatusDetails {
  let reason: string | undefined;
  let metadata: Readonly<Record<string, string>> = {};
  let retryDelay: number | undefined;
  if (error.details === undefined) return { metadata };
  for (const { typeUrl, value } of fromBinary(StatusSchema, error.details).details) {
    if (typeUrl.endsWith("/google.rpc.ErrorInfo")) {
      ({ reason, metadata } = fromBinary(ErrorInfoSchema, value));
    } else if (typeUrl.endsWith("/google.rpc.RetryInfo")) {
      const delay = fromBinary(RetryInfoSchema, value).retryDelay;
      retryDelay = delay ? Number(delay.seconds) * 1000 + delay.nanos / 1e6 : 0;
    }
  }
  return { reason, metadata, retryDelay };
}

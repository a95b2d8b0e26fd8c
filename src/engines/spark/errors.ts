/** @file Spark's errors in our words: error class, SQL state and the whole message, which the status alone cuts off. */

import { DataError, didYouMean, EngineError, listNames, SchemaError, type Who } from "../../errors.js";
import { unpackError } from "../../runtime/wire-error.js";
import { CallError, status } from "./channel.js";
import type { FetchErrorDetailsResponse } from "./proto/spark_connect_pb.js";
import { isTlsFailure } from "./retry.js";
import { detailsOf } from "./status.js";

/** Fields of an EngineError with code `SPARK`. */
export interface SparkErrorFields {
  /** As in `UNRESOLVED_COLUMN.WITH_SUGGESTION`. */
  readonly errorClass?: string | undefined;
  readonly sqlState?: string | undefined;
  readonly parameters: Readonly<Record<string, string>>;
  /** The Java exception's classes, the most special first. */
  readonly classes: readonly string[];
}

/** A failed call as an EngineError; anything else stays as it is. */
export async function toEngineError(
  error: unknown,
  address: string,
  fetchDetails: (errorId: string) => Promise<FetchErrorDetailsResponse>,
): Promise<unknown> {
  if (!(error instanceof CallError)) return error;
  const plain = plainError(error, address);
  if (plain !== undefined) return plain;
  if (/INVALID_HANDLE\.SESSION_(CHANGED|CLOSED|NOT_FOUND)/.test(error.message)) {
    const message = `the server at ${address} was restarted or gave the session up, and what was in it is gone; open a new session`;
    return new EngineError("Spark", message, { code: "SESSION_LOST", cause: error });
  }
  const { metadata, reason } = detailsOf(error);
  const details =
    metadata.errorId === undefined ? undefined : await fetchDetails(metadata.errorId).catch(() => undefined);
  const chain = details ? chainOf(details) : [];
  const thrown = chain.find(({ sparkThrowable }) => sparkThrowable?.errorClass !== undefined)?.sparkThrowable;
  const fields: SparkErrorFields = {
    errorClass: thrown?.errorClass ?? metadata.errorClass,
    sqlState: thrown?.sqlState ?? metadata.sqlState,
    parameters: thrown?.messageParameters ?? {},
    classes: chain[0]?.errorTypeHierarchy ?? (reason ? [reason] : []),
  };
  const messages = chain.map(({ message }) => message.trim());
  const told = messages.filter(
    (text, i) => text !== "" && !messages.slice(0, i).some((before) => before.includes(text)),
  );
  const message = told.length > 0 ? told.join("\ncaused by: ") : error.message;
  return new EngineError("Spark", message, { code: "SPARK", ...fields, cause: error });
}

/** Failures that have nothing to do with the plan. */
function plainError(error: CallError, address: string): EngineError | undefined {
  const fields = { cause: error, address };
  switch (error.status) {
    case status.UNAVAILABLE: {
      if (isTlsFailure(error)) {
        const message = `no TLS connection with the server at ${address} (${firstLine(error.message)}); ${tlsMend(error.message)}`;
        return new EngineError("Spark", message, { code: "TLS", ...fields });
      }
      const message = `cannot reach the server at ${address} (${error.message}); is it running there, and do use_ssl and the port fit?`;
      return new EngineError("Spark", message, { code: "UNREACHABLE", ...fields });
    }
    case status.UNAUTHENTICATED:
    case status.PERMISSION_DENIED:
      if (error.details !== undefined) return undefined;
      return new EngineError("Spark", `the server at ${address} refuses the token (${error.message}); check token`, {
        code: "UNAUTHENTICATED",
        ...fields,
      });
    case status.UNIMPLEMENTED: {
      const message = `the server at ${address} is no Spark Connect server of version 4.0 or later (${error.message})`;
      return new EngineError("Spark", message, { code: "TOO_OLD", ...fields });
    }
    case status.DEADLINE_EXCEEDED:
      return new EngineError("Spark", `the server at ${address} did not answer in time (${error.message})`, {
        code: "TIMEOUT",
        ...fields,
      });
    default:
      return undefined;
  }
}

function tlsMend(text: string): string {
  if (/wrong version number/.test(text)) return "it seems to speak without TLS: leave use_ssl out, or check the port";
  if (/altnames|Hostname/.test(text)) return "connect by a name that its certificate holds";
  if (/expired|not yet valid/.test(text)) return "its certificate needs to be renewed, or a clock is wrong";
  return "if the certificate is one of your own, name the file of its authority in GRPC_DEFAULT_SSL_ROOTS_FILE_PATH or NODE_EXTRA_CA_CERTS";
}

function chainOf({ rootErrorIdx, errors }: FetchErrorDetailsResponse): FetchErrorDetailsResponse["errors"] {
  const chain: FetchErrorDetailsResponse["errors"] = [];
  let index = rootErrorIdx;
  while (index !== undefined && chain.length < errors.length) {
    const error = errors[index];
    if (error === undefined) break;
    chain.push(error);
    index = error.causeIdx;
  }
  return chain;
}

/**
 * Spark's error about a plan as the error of whoever made the plan; others stay as they are.
 *
 * @param columns of the data the query reads, for the message
 * @param path as the user wrote it
 */
export function translate(error: unknown, who: Who, columns: readonly string[] = [], path?: string): unknown {
  if (!(error instanceof EngineError) || error.code !== "SPARK") return error;
  const told = /deepframe-error:(\{.*\})/.exec(error.message)?.[1];
  // what the worker on an executor threw, with Spark's own words as its cause
  if (told !== undefined) return Object.assign(unpackError(JSON.parse(told)), { cause: error });
  const { errorClass = "", parameters, classes } = error.fields as unknown as SparkErrorFields;
  if (/^UNRESOLVED_COLUMN\b|^_LEGACY_ERROR_TEMP_UNRESOLVED/.test(errorClass)) {
    const column = unquoted(parameters.objectName ?? "");
    const message = `no column "${column}" in the data (it has ${listNames(columns)})${didYouMean(column, columns)}`;
    return new SchemaError(who, message, { code: "NO_COLUMN", column, columns, cause: error });
  }
  if (errorClass === "TABLE_OR_VIEW_NOT_FOUND") {
    const table = unquoted(parameters.relationName ?? "");
    const message = `no table or view "${table}"; make one with createOrReplaceTempView`;
    return new SchemaError(who, message, { code: "NO_TABLE", table, cause: error });
  }
  if (errorClass === "PATH_NOT_FOUND") {
    const missing = path ?? (parameters.path ?? "").replace(/^file:/, "");
    const message = `${JSON.stringify(missing)} does not exist where Spark runs`;
    return new DataError(who, message, { code: "NO_FILE", path: missing, cause: error });
  }
  if (errorClass === "PATH_ALREADY_EXISTS") {
    const there = path ?? parameters.outputPath ?? "";
    const message = `${JSON.stringify(there)} exists already; pass { overwrite: true } to replace it`;
    return new DataError(who, message, { code: "EXISTS", path: there, cause: error });
  }
  if (errorClass.startsWith("MALFORMED_RECORD_IN_PARSING") && path !== undefined) {
    const reason = /^caused by: (.*)/m.exec(error.message)?.[1] ?? firstLine(error.message);
    const message = `${JSON.stringify(path)} has what is no JSON (${reason})`;
    return new DataError(who, message, { code: "DATA", path, cause: error });
  }
  const text = firstLine(error.message.replace(/^Spark: /, ""));
  if (errorClass.startsWith("PARSE_SYNTAX_ERROR")) {
    return new SchemaError(who, `cannot read the SQL: ${text}`, { code: "SYNTAX", cause: error });
  }
  const isData =
    /^(CAST_|DIVIDE_BY_ZERO|ARITHMETIC_OVERFLOW|INVALID_ARRAY_INDEX|MALFORMED|FAILED_READ_FILE|CANNOT_PARSE|NUMERIC_)/;
  if (isData.test(errorClass)) return new DataError(who, text, { code: "BAD_ROW", errorClass, cause: error });
  if (classes.some((name) => name.endsWith("AnalysisException"))) {
    return new SchemaError(who, text, { code: "SCHEMA", errorClass, cause: error });
  }
  return error;
}

function unquoted(name: string): string {
  const parts = name.match(/`(?:[^`]|``)*`|[^.`]+/g) ?? [name];
  return parts.map((part) => (part.startsWith("`") ? part.slice(1, -1).replaceAll("``", "`") : part)).join(".");
}

/** Spark shows the query and where in it below the message. */
function firstLine(text: string): string {
  return text.split("\n")[0]!.trim();
}

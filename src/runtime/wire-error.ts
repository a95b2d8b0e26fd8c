/** @file Errors across a thread boundary: class, code, fields, message, stack and cause are kept. */

import * as own from "../errors.js";

/** An error as a value that structured cloning takes. */
export interface WireError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: unknown;
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: WireError | undefined;
}

type ErrorClass = { readonly prototype: Error };

/** Classes that come out as themselves; any other becomes an Error that keeps its name. */
const classes: Readonly<Record<string, ErrorClass>> = {
  DeepframeError: own.DeepframeError,
  ParamError: own.ParamError,
  SchemaError: own.SchemaError,
  ShapeError: own.ShapeError,
  GraphError: own.GraphError,
  DataError: own.DataError,
  EngineError: own.EngineError,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
};

/** Causes nested deeper than this are cut: a chain may be a circle. */
const deepest = 8;

export function packError(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { code, fields } = error as { code?: unknown; fields?: Record<string, unknown> };
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    code: typeof code === "string" || typeof code === "number" ? code : undefined,
    fields: fields && Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, cloneable(value)])),
    cause: error.cause === undefined || depth >= deepest ? undefined : packError(error.cause, depth + 1),
  };
}

/** A native Error whose prototype is the sender's class: constructors would add their "who" a second time. */
export function unpackError(wire: WireError): Error {
  const error = new Error(wire.message, wire.cause && { cause: unpackError(wire.cause) });
  const known = classes[wire.name];
  if (known) Object.setPrototypeOf(error, known.prototype);
  const set = (name: string, value: unknown, enumerable: boolean) =>
    Object.defineProperty(error, name, { value, enumerable, configurable: true, writable: true });
  if (error.name !== wire.name) set("name", wire.name, true);
  if (wire.stack !== undefined) set("stack", wire.stack, false);
  if (wire.code !== undefined) set("code", wire.code, true);
  if (wire.fields !== undefined) set("fields", wire.fields, true);
  return error;
}

function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}

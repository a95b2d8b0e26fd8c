/** @file Error classes and their wording: who, what was expected, what was found, what to do. */

/** Whoever reports the error: a name, or an object whose `name` or class name is shown. */
export type Who = string | { readonly name?: unknown; readonly constructor: { readonly name: string } };

/** Values an error carries as fields, beside its message. `cause` is kept as the error's cause. */
export type ErrorFields = { readonly code?: string; readonly cause?: unknown; readonly [field: string]: unknown };

/**
 * Base of every error that a user can cause. `code` is stable and meant for programs, the message for people.
 *
 * @example
 * try { await model.save("flowers.model"); } catch (error) {
 *   if (error instanceof DeepframeError) console.error(error.code, error.message);
 * }
 */
export class DeepframeError extends Error {
  readonly code: string;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(who: Who, message: string, { code, cause, ...fields }: ErrorFields = {}, defaultCode = "ERROR") {
    super(`${nameOf(who)}: ${message}`, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code ?? defaultCode;
    this.fields = fields;
  }
}

/** A parameter has the wrong type, breaks its limit, is missing or unknown. */
export class ParamError extends DeepframeError {
  constructor(who: Who, message: string, fields?: ErrorFields) {
    super(who, message, fields, "PARAM");
  }
}

/** A column is missing, already there, or has a type the stage cannot use. */
export class SchemaError extends DeepframeError {
  constructor(who: Who, message: string, fields?: ErrorFields) {
    super(who, message, fields, "SCHEMA");
  }
}

/** Tensor shapes or dtypes do not fit. */
export class ShapeError extends DeepframeError {
  constructor(who: Who, message: string, fields?: ErrorFields) {
    super(who, message, fields, "SHAPE");
  }
}

/** An ONNX graph is malformed, unsupported, or lacks what was asked of it. */
export class GraphError extends DeepframeError {
  constructor(who: Who, message: string, fields?: ErrorFields) {
    super(who, message, fields, "GRAPH");
  }
}

/** Data cannot be used: a missing file, a broken picture, a bad row. */
export class DataError extends DeepframeError {
  constructor(who: Who, message: string, fields?: ErrorFields) {
    super(who, message, fields, "DATA");
  }
}

/** An engine, device or worker failed or is not there. */
export class EngineError extends DeepframeError {
  constructor(who: Who, message: string, fields?: ErrorFields) {
    super(who, message, fields, "ENGINE");
  }
}

/**
 * Training ended before its time: its signal was aborted (code "ABORTED", name "AbortError"), or its loss is no longer finite
 * ("NOT_FINITE"). Nothing is lost: `model` is what fit would have given, with the weights learned so far.
 *
 * @example
 * try { model = await classifier.fit(train, { signal }); } catch (error) {
 *   if (!(error instanceof TrainingError)) throw error;
 *   model = error.model;
 * }
 */
export class TrainingError<M = unknown> extends DeepframeError {
  readonly #who: Who;
  readonly #message: string;
  // no field of its own, lest all weights be printed with the error
  readonly #model: M;

  constructor(who: Who, message: string, model: M, fields?: ErrorFields) {
    super(who, message, fields, "TRAINING");
    this.#who = who;
    this.#message = message;
    this.#model = model;
    if (this.code === "ABORTED") this.name = "AbortError";
  }

  get model(): M {
    return this.#model;
  }

  /** The same error with another model, of which this one's is part. */
  of<N>(model: N): TrainingError<N> {
    const { code, cause, fields } = this;
    return new TrainingError(this.#who, this.#message, model, { ...fields, code, cause });
  }
}

/** A bug of ours: the message starts with "internal:". */
export function internal(message: string): Error {
  return new Error(`internal: ${message}; please report it with the steps that led here`);
}

export function nameOf(who: Who): string {
  if (typeof who === "string") return who;
  return typeof who.name === "string" && who.name !== "" ? who.name : who.constructor.name;
}

/** `"a", "b", … and 3 more`: names in double quotes, cut at eight. */
export function listNames(names: Iterable<string>): string {
  const all = [...names];
  if (all.length === 0) return "none";
  const shown = all.slice(0, 8).map((name) => JSON.stringify(name));
  const rest = all.length - shown.length;
  return shown.join(", ") + (rest > 0 ? `, … and ${rest} more` : "");
}

/** `; did you mean "x"?` where one of the names is near, else an empty string. */
export function didYouMean(name: string, names: Iterable<string>): string {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  best ??= [...names].find((candidate) => isPartOf(name, candidate) || isPartOf(candidate, name));
  return best === undefined ? "" : `; did you mean ${JSON.stringify(best)}?`;
}

/** Whether one name is in another, as "path" in "filepath", or is its initials, as "lr" for "learningRate". */
function isPartOf(short: string, long: string): boolean {
  const initials = [...long.matchAll(/^[a-z]|[A-Z]/g)].join("");
  return short.length >= 4
    ? long.toLowerCase().includes(short.toLowerCase())
    : short.length > 1 && short === initials.toLowerCase();
}

/** Message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Letters to change, put in or leave out; two neighbours that changed places count as one. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  let beforeThat = previous;
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? beforeThat[j - 2]! + 1 : Number.POSITIVE_INFINITY;
      current.push(Math.min(substitute, swap, previous[j]! + 1, current[j - 1]! + 1));
    }
    [beforeThat, previous] = [previous, current];
  }
  return previous[b.length]!;
}

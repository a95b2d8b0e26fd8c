/** @file Parameters as data: type, default, limits and a line of doc make the check, the message, the docs and the tests. */

import { listNames } from "../errors.js";
import { Asset } from "./asset.js";

/** One parameter. `Optional` says whether the constructor may be called without it. */
export interface Param<T, Optional extends boolean = boolean> {
  readonly doc: string;
  /** What a value must be, for messages: `a number of at least 0`. */
  readonly expected: string;
  readonly optional: Optional;
  readonly default: T | undefined;
  /** Whether a value fits. */
  accepts(value: unknown): boolean;
  /** What to add to the message about a value that does not fit: `; did you mean "Adam"?`. */
  hint?(value: unknown): string;
  /** Values just past each declared limit; the conformance tests try them all. */
  readonly broken: readonly unknown[];
  /** The value as JSON, where it is none already; assets are collected on the way. */
  encode?(value: T, assets: Map<string, Asset>): unknown;
  decode?(json: unknown, read: ReadStored): T;
}

/** How stored values that are more than JSON are read back. */
export interface ReadStored {
  asset(json: unknown): Asset;
  stage(json: unknown): unknown;
}

// biome-ignore lint/suspicious/noExplicitAny: the value types differ; `checkParams` checks each value by its own declaration
export type ParamSpecs = Readonly<Record<string, Param<any>>>;

type ValueOf<S> = S extends Param<infer T> ? T : never;
type OptionalNames<P> = { [K in keyof P]: P[K] extends { readonly optional: true } ? K : never }[keyof P];

/** Checked parameter values. */
export type Values<P extends ParamSpecs> = { readonly [K in keyof P]: ValueOf<P[K]> };

/**
 * What a constructor takes: parameters without a default are required. Mapped over parts of P, not over names alone, so that
 * editors show for an option what is written beside its declaration.
 */
export type Input<P extends ParamSpecs> = { readonly [K in keyof Omit<P, OptionalNames<P>>]: ValueOf<P[K]> } & {
  readonly [K in keyof Pick<P, OptionalNames<P>>]?: ValueOf<P[K]> | undefined;
};

/** Declares a stage's parameters; the types of its constructor and of `stage.params` follow. */
export function defineParams<const P extends ParamSpecs>(params: P): P {
  return params;
}

interface Options<T> {
  readonly default: T;
}

interface Limits {
  /** Smallest value allowed. */
  readonly min?: number;
  /** Largest value allowed. */
  readonly max?: number;
  /** The value must be greater than this. */
  readonly above?: number;
}

export function columnName(doc: string): Param<string, false>;
export function columnName(doc: string, options: Options<string>): Param<string, true>;
export function columnName(doc: string, options?: Options<string>): Param<string> {
  const accepts = (value: unknown) => typeof value === "string" && value !== "";
  const hint = (value: unknown) => (Array.isArray(value) ? "; join columns with VectorAssembler" : "");
  return { ...param(doc, "a column name", accepts, ["", 7], options), hint };
}

export function columnNames(doc: string): Param<readonly string[], false>;
export function columnNames(doc: string, options: Options<readonly string[]>): Param<readonly string[], true>;
export function columnNames(doc: string, options?: Options<readonly string[]>): Param<readonly string[]> {
  const accepts = (value: unknown) =>
    isList(value, (item) => typeof item === "string" && item !== "") &&
    new Set(value as []).size === (value as []).length;
  return param(doc, "a list of different column names", accepts, ["a", ["a", "a"], [7]], options);
}

/** A number; NaN and the infinities are allowed where `infinite` is set. */
export function number(doc: string, options: NumberLimits & Options<number>): Param<number, true>;
export function number(doc: string, options?: NumberLimits): Param<number, false>;
export function number(doc: string, options: NumberLimits & Partial<Options<number>> = {}): Param<number> {
  if (!options.infinite) return numeric("a number", doc, options, Number.isFinite, ["1", Number.NaN]);
  const isNumber = (value: unknown) => typeof value === "number";
  const base = param(
    doc,
    "a number",
    isNumber,
    ["1"],
    options.default === undefined ? undefined : { default: options.default },
  );
  return { ...base, encode: encodeNumber, decode: Number };
}

export function integer(doc: string, options: Limits & Options<number>): Param<number, true>;
export function integer(doc: string, options?: Limits): Param<number, false>;
export function integer(doc: string, options: Limits & Partial<Options<number>> = {}): Param<number> {
  return numeric("a whole number", doc, options, (value) => Number.isInteger(value), ["1", 0.5]);
}

export function boolean(doc: string, options: Options<boolean>): Param<boolean, true> {
  return param(doc, "true or false", (value) => typeof value === "boolean", ["true", 1], options) as Param<
    boolean,
    true
  >;
}

export function text(doc: string): Param<string, false>;
export function text(doc: string, options: Options<string>): Param<string, true>;
export function text(doc: string, options?: Options<string>): Param<string> {
  return param(doc, "a string", (value) => typeof value === "string", [7], options);
}

export function choice<const T extends string>(doc: string, names: readonly T[]): Param<T, false>;
export function choice<const T extends string>(
  doc: string,
  names: readonly T[],
  options: Options<NoInfer<T>>,
): Param<T, true>;
export function choice<T extends string>(doc: string, names: readonly T[], options?: Options<T>): Param<T> {
  const accepts = (value: unknown) => names.includes(value as T);
  return param(doc, `one of ${listNames(names)}`, accepts, ["no such choice", 7], options);
}

export function strings(doc: string): Param<readonly string[], false>;
export function strings(doc: string, options: Options<readonly string[]>): Param<readonly string[], true>;
export function strings(doc: string, options?: Options<readonly string[]>): Param<readonly string[]> {
  const accepts = (value: unknown) => isList(value, (item) => typeof item === "string");
  return param(doc, "a list of strings", accepts, ["a", [7]], options);
}

/** A list of numbers; infinities are allowed where `infinite` is set. */
export function numbers(doc: string, options?: NumbersLimits): Param<readonly number[], false>;
export function numbers(
  doc: string,
  options: NumbersLimits & Options<readonly number[]>,
): Param<readonly number[], true>;
export function numbers(
  doc: string,
  options: NumbersLimits & Partial<Options<readonly number[]>> = {},
): Param<readonly number[]> {
  const fits = options.infinite ? (value: unknown) => !Number.isNaN(value) : Number.isFinite;
  const accepts = (value: unknown) =>
    isList(
      value,
      (item) => typeof item === "number" && fits(item) && item >= (options.min ?? Number.NEGATIVE_INFINITY),
    ) &&
    (options.length === undefined || (value as []).length === options.length);
  const count = options.length === undefined ? "a list of numbers" : `a list of ${options.length} numbers`;
  const expected = options.min === undefined ? count : `${count} of at least ${options.min}`;
  const given = options.default === undefined ? undefined : { default: options.default };
  const base: Param<readonly number[]> = param(doc, expected, accepts, [1, ["a"], [Number.NaN]], given);
  return {
    ...base,
    encode: (values) => values.map(encodeNumber),
    decode: (json) => (Array.isArray(json) ? json.map(Number) : (json as number[])),
  };
}

/** JSON has no NaN and no infinities: they are stored as strings. */
export function encodeNumber(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

interface NumberLimits extends Limits {
  readonly infinite?: boolean;
}

interface NumbersLimits {
  readonly length?: number;
  readonly min?: number;
  readonly infinite?: boolean;
}

/**
 * Any JSON value that a check accepts.
 *
 * @param expected what it must be, for messages
 */
export function json<T>(doc: string, expected: string, accepts: (value: unknown) => boolean): Param<T, false>;
export function json<T>(
  doc: string,
  expected: string,
  accepts: (value: unknown) => boolean,
  options: Options<T>,
): Param<T, true>;
export function json<T>(
  doc: string,
  expected: string,
  accepts: (value: unknown) => boolean,
  options?: Options<T>,
): Param<T> {
  return param(doc, expected, accepts, [Number.NaN], options);
}

/** Bytes kept as a file of their own beside the JSON, such as an ONNX model. */
export function asset(doc: string): Param<Asset, false> {
  const base = param<Asset>(doc, "an Asset (bytes of a model)", (value) => value instanceof Asset, ["model.onnx"]);
  return {
    ...base,
    optional: false,
    hint(value) {
      const bytes = typeof value === "string" ? `await readFile(${JSON.stringify(value)})` : "bytes";
      return typeof value === "string" || value instanceof Uint8Array ? `; make one with new Asset(${bytes})` : "";
    },
    encode(value, assets) {
      assets.set(value.sha256, value);
      return { $asset: value.sha256 };
    },
    decode: (json, read) => read.asset(json),
  };
}

/** The parameter may be left out; it is undefined then. */
export function optional<T>(spec: Param<T>): Param<T | undefined, true> {
  const { encode, decode } = spec;
  return {
    ...spec,
    optional: true,
    default: undefined,
    ...(encode && { encode: (value, assets) => (value === undefined ? undefined : encode(value, assets)) }),
    ...(decode && { decode: (json, read) => (json === undefined ? undefined : decode(json, read)) }),
  };
}

function numeric(
  kind: string,
  doc: string,
  { min, max, above, default: given }: Limits & Partial<Options<number>>,
  fits: (value: unknown) => boolean,
  broken: unknown[],
): Param<number> {
  const limits = [
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(min === undefined ? [] : [max === undefined ? `of at least ${min}` : `from ${min}`]),
    ...(max === undefined ? [] : [min === undefined ? `of at most ${max}` : `to ${max}`]),
  ].join(" ");
  const accepts = (value: unknown) =>
    fits(value) &&
    (value as number) >= (min ?? Number.NEGATIVE_INFINITY) &&
    (value as number) <= (max ?? Number.POSITIVE_INFINITY) &&
    (above === undefined || (value as number) > above);
  const beyond = [
    ...(min === undefined ? [] : [min - 1]),
    ...(max === undefined ? [] : [max + 1]),
    ...(above === undefined ? [] : [above]),
  ];
  const options = given === undefined ? undefined : { default: given };
  return param(doc, limits === "" ? kind : `${kind} ${limits}`, accepts, [...broken, ...beyond], options);
}

function param<T>(
  doc: string,
  expected: string,
  accepts: (value: unknown) => boolean,
  broken: readonly unknown[],
  options?: Options<T>,
): Param<T> {
  return { doc, expected, accepts, broken, optional: options !== undefined, default: options?.default };
}

function isList(value: unknown, fits: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(fits);
}

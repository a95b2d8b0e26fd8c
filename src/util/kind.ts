/** @file Kind: families of things that are a type and parameters (layers, losses, optimizers), made by functions, known by name. */

import { didYouMean, listNames, ParamError, type Who } from "../errors.js";
import type { Asset } from "./asset.js";
import { checkParams } from "./check-params.js";
import type { Input, Param, ParamSpecs, ReadStored, Values } from "./params.js";
import { isPlain, show } from "./show.js";

/** A type's name and checked parameters. */
export interface Configured {
  readonly type: string;
  readonly params: Readonly<Record<string, unknown>>;
}

type ValueOf<S> = S extends Param<infer T> ? T : never;
type Positional<P extends ParamSpecs, K extends readonly (keyof P)[]> = { -readonly [I in keyof K]: ValueOf<P[K[I]]> };

/** Makes one type of thing: `dense(32, { activation: "relu" })`, or `dense({ units: 32, activation: "relu" })`. */
export interface Maker<T, P extends ParamSpecs = ParamSpecs, K extends readonly (keyof P)[] = readonly []> {
  (...args: [...Positional<P, K>, options?: Omit<Input<P>, K[number]>]): T;
  (options: Input<P>): T;
  /** Without arguments, where every parameter has a default. */
  (...none: Record<never, never> extends Input<P> ? [] : [never]): T;
  /** The type's name, as Keras has it. */
  readonly type: string;
  readonly specs: P;
}

export interface Definition<T, P extends ParamSpecs, K extends readonly (keyof P)[]> {
  readonly type: string;
  /** Other names that find it: `mse` for MeanSquaredError. */
  readonly aliases?: readonly string[];
  readonly specs: P;
  /** Parameters that may be given without their names, in this order. */
  readonly positional: K;
  readonly make: (params: Values<P>) => T;
}

interface AnyMaker<T> {
  readonly type: string;
  readonly specs: ParamSpecs;
  readonly make: (params: object) => T;
}

/** Types that were defined twice: the name says less than the one who defined it last. */
const redefined = new Set<string>();

/** Whether another type of some family had this name before. */
export function isRedefined(type: string): boolean {
  return redefined.has(keyOf(type));
}

/** A name of a type: editors offer those that there are, and those of one's own are taken too. */
export type NameOf<N extends string> = N | (string & {});

/** A family of types, N the names of those it has from the start: defines them, finds them by name, stores them as JSON. */
export class Kind<T extends Configured, N extends string = string> {
  /** As messages call one: `layer`. */
  readonly name: string;
  readonly #types = new Map<string, AnyMaker<T>>();
  readonly #others: Readonly<Record<string, string>>;

  /** @param others what to write for names that elsewhere are types, and here are parameters of one: `amsgrad` */
  constructor(name: string, others: Readonly<Record<string, string>> = {}) {
    this.name = name;
    this.#others = others;
  }

  /** Names of the types there are. */
  get types(): readonly string[] {
    return [...new Set([...this.#types.values()].map(({ type }) => type))];
  }

  /** How each type's parameters are declared; for tests that go through all. */
  specsOf(type: string): ParamSpecs {
    return this.#find(type, `${this.name}s`).specs;
  }

  define<const P extends ParamSpecs, const K extends readonly (keyof P)[]>(
    definition: Definition<T, P, K>,
  ): Maker<T, P, K> {
    const { type, aliases = [], specs, positional, make } = definition;
    const checked = (values: object) => make(checkParams(type, specs, values));
    if (this.#types.has(keyOf(type))) redefined.add(keyOf(type));
    for (const name of [type, ...aliases]) this.#types.set(keyOf(name), { type, specs, make: checked });
    const maker = (...args: readonly unknown[]): T => {
      const named = args.length === 1 && positional.length > 0 && isPlain(args[0]);
      const order: readonly PropertyKey[] = named ? [] : positional;
      if (args.length > order.length + 1) {
        const takes = order.length === 0 ? "its parameters by name" : `${order.map(String).join(", ")} and options`;
        const example = order.length === 0 ? `, as { ${Object.keys(specs).slice(0, 2).join(", ")} }` : "";
        throw new ParamError(type, `takes ${takes}${example}, got ${args.length} arguments`);
      }
      const options = args[order.length] ?? {};
      if (!isPlain(options)) {
        throw new ParamError(
          type,
          `options must be an object, as { ${optionOf(specs, order)}: ... }, got ${show(options)}`,
        );
      }
      return checked({ ...Object.fromEntries(order.map((key, i) => [key, args[i]])), ...options });
    };
    return Object.defineProperties(maker, {
      type: { value: type },
      specs: { value: specs },
      name: { value: type },
    }) as unknown as Maker<T, P, K>;
  }

  /** The thing itself, or the type of that name with its defaults. @throws ParamError for an unknown name. */
  of(given: T | NameOf<N>, who: Who): T {
    return typeof given === "string" ? this.#find(given, who).make({}) : given;
  }

  /** A parameter that takes one of the family, or the name of a type. */
  param(doc: string): Param<T | NameOf<N>, false>;
  param(doc: string, options: { readonly default: T | N }): Param<T | NameOf<N>, true>;
  param(doc: string, options?: { readonly default: T | N }): Param<T | NameOf<N>> {
    const kind = this;
    return {
      doc,
      // told when it is asked: types are still being defined when parameters are declared
      get expected() {
        return `${/^[aeiou]/.test(kind.name) ? "an" : "a"} ${kind.name} or the name of one (${listNames(kind.types)})`;
      },
      optional: options !== undefined,
      default: options?.default,
      accepts: (value) => (typeof value === "string" ? this.#types.has(keyOf(value)) : this.has(value)),
      hint(value) {
        if (typeof value === "string") return kind.#meant(value);
        return isMaker(value) ? "; call it with its parameters" : "";
      },
      broken: [7, "no such thing"],
      encode: (value, assets) => this.encode(value, assets),
      decode: (json, read) => (typeof json === "string" ? json : this.decode(json, read, this.name)),
    };
  }

  /** Whether a value is one of the family. */
  has(value: unknown): value is T {
    return (
      typeof value === "object" &&
      value !== null &&
      "type" in value &&
      "params" in value &&
      this.#types.has(keyOf(String(value.type)))
    );
  }

  /** As JSON; assets are collected on the way. @throws ParamError for a parameter that JSON cannot hold, such as a function. */
  encode(value: T | string, assets: Map<string, Asset>): unknown {
    if (typeof value === "string") return value;
    const { specs } = this.#find(value.type, this.name);
    const params = Object.entries(specs).flatMap(([name, spec]): [string, unknown][] => {
      const given = value.params[name];
      if (given === undefined) return [];
      if (typeof given === "function") {
        throw new ParamError(
          value.type,
          `${name} is a function, which cannot be stored; define a ${this.name} of your own in its place`,
          { param: name },
        );
      }
      return [[name, spec.encode ? spec.encode(given, assets) : given]];
    });
    return { type: value.type, params: Object.fromEntries(params) };
  }

  /** Back from JSON. @throws ParamError where it is none of the family. */
  decode(json: unknown, read: ReadStored, who: Who): T {
    const { type, params = {} } = (json ?? {}) as { type?: unknown; params?: Record<string, unknown> };
    if (typeof type !== "string")
      throw new ParamError(who, `a stored ${this.name} has a type, got ${JSON.stringify(json)}`);
    const { specs, make } = this.#find(type, who);
    const values = Object.entries(params).map(([name, value]): [string, unknown] => {
      const decode = specs[name]?.decode;
      return [name, decode ? decode(value, read) : value];
    });
    return make(Object.fromEntries(values));
  }

  #find(type: string, who: Who): AnyMaker<T> {
    const found = this.#types.get(keyOf(type));
    if (found !== undefined) return found;
    throw new ParamError(who, `no ${this.name} "${type}" (there are ${listNames(this.types)})${this.#meant(type)}`);
  }

  #meant(name: string): string {
    const other = this.#others[keyOf(name)];
    return other === undefined ? didYouMean(name, [...this.types, ...this.#types.keys()]) : `; write ${other}`;
  }
}

/** A function that makes one of some family, where what it makes was meant. */
export function isMaker(value: unknown): value is Maker<unknown> {
  return typeof value === "function" && "specs" in value && "type" in value;
}

/** A parameter to show in messages. */
function optionOf(specs: ParamSpecs, positional: readonly PropertyKey[]): string {
  return Object.keys(specs).find((name) => !positional.includes(name)) ?? "name";
}

/** Names are the same whatever their case and separators: `crossEntropy`, `CrossEntropy`, `cross_entropy`. */
function keyOf(type: string): string {
  return type.toLowerCase().replaceAll(/[-_ ]/g, "");
}

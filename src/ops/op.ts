/** @file defineOp: what is to be known of an ONNX operator, in one record: inputs, attributes, shape rule, gradient rule. */

import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Known } from "../graph/known.js";
import type { StoredTensor } from "../graph/stored-tensor.js";
import type { GraphBody, Node } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import type { Product } from "./product.js";

/** `"x"`, an optional `"bias?"`, or as the last one any number of them: `"...xs"`. */
type Bare<S extends string> = S extends `...${infer N}` ? N : S extends `${infer N}?` ? N : S;

/** What each input stands for: itself, maybe undefined, or a list. */
type Named<I extends readonly string[], T> = {
  readonly [S in I[number] as Bare<S>]: S extends `...${string}`
    ? readonly T[]
    : S extends `${string}?`
      ? T | undefined
      : T;
};

/** A gradient per input; null where the operator is not differentiable in it. */
type Grads<I extends readonly string[]> = {
  readonly [S in I[number] as Bare<S>]: S extends `...${string}`
    ? readonly (Value | null)[] | null
    : S extends `${string}?`
      ? Value | Product | null | undefined
      : Value | Product | null;
};

/** Attributes without a default. */
export interface OptionalAttr<T> {
  readonly optional: string;
  readonly of?: T;
}

type AttrSpec =
  | number
  | string
  | readonly number[]
  | { readonly type: "float"; readonly value: number }
  | OptionalAttr<unknown>;
type AttrSpecs = Readonly<Record<string, AttrSpec>>;

type AttrValue<S> =
  S extends OptionalAttr<infer T>
    ? T | undefined
    : S extends { readonly type: "float" }
      ? number
      : S extends number
        ? number
        : S extends string
          ? string
          : readonly number[];

export type Attrs<A extends AttrSpecs> = { readonly [K in keyof A]: AttrValue<A[K]> };

/** Outputs as `y`, their gradients as `dy`; with several outputs, those that nobody differentiates are undefined. */
type Outputs<O extends readonly string[]> = {
  readonly [K in O[number] as Bare<K>]: K extends `...${string}` ? readonly Value[] : Value;
};
type OutputGrads<O extends readonly string[]> = O extends readonly [infer S extends string]
  ? S extends `...${infer N}`
    ? { readonly [K in `d${N}`]: readonly (Value | undefined)[] }
    : { readonly [K in `d${S}`]: Value }
  : { readonly [K in O[number] as `d${Bare<K>}`]: Value | undefined };

export interface InferContext {
  readonly node: Node;
  readonly opset: number;
  /** What is known of a tensor by name: for bodies that capture some. */
  readonly lookup: (name: string) => Known;
}

export type GradContext<I extends readonly string[], O extends readonly string[], A extends AttrSpecs> = Named<
  I,
  Value
> &
  Outputs<O> &
  OutputGrads<O> & {
    readonly attrs: Attrs<A>;
    readonly node: Node;
    /** Whether the gradient of that input is asked for: a rule may leave out costly ones that are not. */
    readonly wants: (input: Bare<I[number]>) => boolean;
  };

export interface OpSpec<I extends readonly string[], O extends readonly string[], A extends AttrSpecs> {
  /** Name of the operator in ONNX. */
  readonly type: string;
  readonly domain?: string;
  readonly inputs: I;
  /** Default one output, `y`. */
  readonly outputs?: O;
  /** Defaults by name; `ints()`, `int()` and so on where there is none. */
  readonly attrs?: A;
  /** What is known of the outputs from what is known of the inputs. @throws ShapeError where they do not fit. */
  readonly infer: (inputs: Named<I, Known>, attrs: Attrs<A>, context: InferContext) => Known | readonly Known[];
  /** null: no gradient flows through. */
  readonly grad: ((g: GraphBuilder, context: GradContext<I, O, A>) => Grads<I>) | null;
  /** The operator written in others: where it is differentiated this takes its place, and `grad` is not used; undefined: it is. */
  readonly expand?: (
    g: GraphBuilder,
    context: ExpandContext<I, A>,
  ) => Value | readonly (Value | undefined)[] | undefined;
}

export type ExpandContext<I extends readonly string[], A extends AttrSpecs> = Named<I, Value> & {
  readonly attrs: Attrs<A>;
  readonly node: Node;
};

/** An operator's record with its types erased, as the engines use it. */
export interface OpRecord {
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly infer: (inputs: readonly Known[], context: InferContext) => readonly Known[];
  /** Gradients in the order of the node's inputs. */
  readonly grad:
    | ((
        g: GraphBuilder,
        node: Node,
        inputs: readonly Value[],
        outputs: readonly Value[],
        dys: readonly (Value | undefined)[],
        wants: readonly boolean[],
      ) => readonly (Value | Product | null)[])
    | null;
  readonly expand?: (
    g: GraphBuilder,
    node: Node,
    inputs: readonly Value[],
  ) => readonly (Value | undefined)[] | undefined;
}

/** Whether gradients flow through an operator, by a rule or by what it is written in. */
export function isDifferentiable({ grad, expand }: OpRecord): boolean {
  return grad !== null || expand !== undefined;
}

export { float } from "../graph/attributes.js";

export const int = (): OptionalAttr<number> => ({ optional: "int" });
export const ints = (): OptionalAttr<readonly number[]> => ({ optional: "ints" });
export const optionalFloat = (): OptionalAttr<number> => ({ optional: "float" });
export const floats = (): OptionalAttr<readonly number[]> => ({ optional: "floats" });
export const text = (): OptionalAttr<string> => ({ optional: "string" });
export const texts = (): OptionalAttr<readonly string[]> => ({ optional: "strings" });
export const tensor = (): OptionalAttr<StoredTensor> => ({ optional: "tensor" });
export const body = (): OptionalAttr<GraphBody> => ({ optional: "graph" });

/**
 * Declares an operator. Leaving an input out of the gradient does not compile.
 *
 * @example
 * export const neg = defineOp({ type: "Neg", inputs: ["x"], infer: ({ x }) => x, grad: (g, { dy }) => ({ x: g.neg(dy) }) });
 */
export function defineOp<
  const I extends readonly string[],
  const O extends readonly string[] = readonly ["y"],
  const A extends AttrSpecs = Record<never, never>,
>(spec: OpSpec<I, O, A>): OpRecord {
  const outputs = spec.outputs ?? ["y"];
  const { grad, expand } = spec;
  return {
    ...(expand === undefined ? {} : { expand: erasedExpand(spec, expand) }),
    type: spec.type,
    domain: spec.domain ?? "",
    inputs: spec.inputs,
    outputs,
    infer(inputs, context) {
      // the records' types are checked where they are written; here inputs are known by place only
      const named = nameAll(spec.inputs, inputs, context.node.inputs) as Named<I, Known>;
      const known = spec.infer(named, readAttrs(spec.attrs, context.node), context);
      return Array.isArray(known) ? known : [known as Known];
    },
    grad:
      grad === null
        ? null
        : (g, node, inputs, values, dys, wants) => {
            const context = {
              ...nameAll(spec.inputs, inputs, node.inputs),
              ...nameAll(outputs, values, node.outputs),
              ...nameAll(
                outputs.map((name) => (name.startsWith("...") ? `...d${name.slice(3)}` : `d${name}`)),
                dys,
                node.outputs,
              ),
              attrs: readAttrs(spec.attrs, node),
              node,
              wants: (input: string) =>
                spec.inputs.some(
                  (name, i) =>
                    bare(name) === input &&
                    (name.startsWith("...") ? wants.slice(i).includes(true) : wants[i] === true),
                ),
            };
            const grads = grad(g, context as unknown as GradContext<I, O, A>) as Record<
              string,
              Value | Product | null | undefined | readonly (Value | null)[]
            >;
            return node.inputs.map((_, i) => {
              const at = Math.min(i, spec.inputs.length - 1);
              const given = grads[bare(spec.inputs[at]!)] ?? null;
              return Array.isArray(given) ? (given[i - at] ?? null) : (given as Value | Product | null);
            });
          },
  };
}

function erasedExpand<I extends readonly string[], O extends readonly string[], A extends AttrSpecs>(
  { inputs, attrs }: OpSpec<I, O, A>,
  expand: NonNullable<OpSpec<I, O, A>["expand"]>,
): NonNullable<OpRecord["expand"]> {
  return (g, node, values) => {
    const context = { ...nameAll(inputs, values, node.inputs), attrs: readAttrs(attrs, node), node };
    // named by the record's own inputs
    const made = expand(g, context as unknown as ExpandContext<I, A>);
    return made === undefined || Array.isArray(made) ? made : [made as Value];
  };
}

function bare(name: string): string {
  return name.startsWith("...") ? name.slice(3) : name.endsWith("?") ? name.slice(0, -1) : name;
}

function nameAll<T>(specs: readonly string[], values: readonly T[], names: readonly string[]): Record<string, unknown> {
  const given = (i: number) => (names[i] === undefined || names[i] === "" ? undefined : values[i]);
  return Object.fromEntries(specs.map((spec, i) => [bare(spec), spec.startsWith("...") ? values.slice(i) : given(i)]));
}

/** The node's attributes, with the defaults of those it leaves out. */
function readAttrs<A extends AttrSpecs>(specs: A | undefined, node: Node): Attrs<A> {
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(specs ?? {})) {
    const attr = node.attrs.get(name);
    if (attr !== undefined) values[name] = plain(attr.value);
    else if (typeof spec === "object" && "optional" in spec) values[name] = undefined;
    else values[name] = typeof spec === "object" && "value" in spec ? spec.value : spec;
  }
  return values as Attrs<A>;
}

/** Bigints as numbers: those that attributes hold stand for "to the end" and stay far beyond any size. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  return Array.isArray(value) ? value.map(plain) : value;
}

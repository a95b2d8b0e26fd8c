/** @file Numeric checks of gradients: central differences element by element, or along a random direction. */

import { ShapeError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { Tensor } from "../tensor/tensor.js";
import { type GradientOptions, gradient } from "./gradient.js";

type Feeds = Readonly<Record<string, Tensor>>;

export interface CheckOptions extends GradientOptions {
  readonly feeds: Feeds;
  /** Runs a graph; the runtime's `run`. */
  readonly run: (graph: Graph, feeds: Feeds) => Promise<Readonly<Record<string, Tensor>>>;
  /** Distance of the two points a difference is taken of; default 1e-5 for float64, 1e-2 for float32. */
  readonly step?: number;
}

/** How far a gradient is from the differences. */
export interface GradientError {
  readonly name: string;
  /** Largest of |gradient - difference| / (1 + |difference|). */
  readonly error: number;
  /** Where that is: the element's number, and both values. */
  readonly at: number;
  readonly gradient: number;
  readonly difference: number;
}

/**
 * Compares the gradient of a scalar with central differences, element by element; weights count as inputs. Meant for small
 * tensors: it runs the graph twice per element.
 *
 * @example
 * const [w] = await checkGradient(graph, { of: "loss", wrt: ["w"], feeds: { x }, run });
 * if (w.error > 1e-3) console.log(w);
 */
export async function checkGradient(graph: Graph, options: CheckOptions): Promise<GradientError[]> {
  const { of, wrt, run } = options;
  const { open, feeds } = fedWeights(graph, options);
  const found = await run(gradient(open, options), feeds);
  const forward = open.cutAt([of]);
  const errors: GradientError[] = [];
  for (const name of wrt) {
    const x = floats(feeds[name], name);
    const step = options.step ?? (x.data instanceof Float64Array ? 1e-5 : 1e-2);
    let worst: GradientError = { name, error: 0, at: 0, gradient: 0, difference: 0 };
    for (let at = 0; at < x.size; at++) {
      const value = async (shift: number) => {
        const data = x.data.slice();
        data[at] = data[at]! + shift;
        return scalar(await run(forward, { ...feeds, [name]: new Tensor(x.dtype, data, x.shape) }), of);
      };
      const difference = ((await value(step)) - (await value(-step))) / (2 * step);
      const value2 = Number(found[`grad/${name}`]!.data[at]);
      const error = Math.abs(value2 - difference) / (1 + Math.abs(difference));
      if (!(error <= worst.error)) worst = { name, error, at, gradient: value2, difference };
    }
    errors.push(worst);
  }
  return errors;
}

/**
 * Compares along one random direction through all of `wrt` at once: (f(w + h d) - f(w - h d)) / 2h against the sum of
 * gradient times d. Three runs, however many weights.
 */
export async function checkDirection(
  graph: Graph,
  { seed = 1, ...options }: CheckOptions & { readonly seed?: number },
): Promise<{ readonly gradient: number; readonly difference: number; readonly error: number }> {
  const { of, wrt, run, step = 1e-2 } = options;
  const { open, feeds } = fedWeights(graph, options);
  const found = await run(gradient(open, options).cutAt(wrt.map((name) => `grad/${name}`)), feeds);
  const forward = open.cutAt([of]);
  let state = seed;
  const random = () => {
    // a linear congruential generator is random enough for a direction
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  let slope = 0;
  let length = 0;
  const directions = new Map<string, Float64Array>();
  for (const name of wrt) {
    const direction = Float64Array.from(floats(feeds[name], name).data, (value) => random() * (Math.abs(value) + 1e-2));
    for (const d of direction) length += d * d;
    directions.set(name, direction);
  }
  length = Math.sqrt(length);
  for (const [name, direction] of directions) {
    const grad = found[`grad/${name}`]!.data;
    direction.forEach((d, i) => {
      slope += (d / length) * Number(grad[i]);
    });
  }
  const value = async (shift: number) => {
    const moved = wrt.map((name) => {
      const x = floats(feeds[name], name);
      const direction = directions.get(name)!;
      const data = x.data.map((v, i) => v + (shift * direction[i]!) / length);
      return [name, new Tensor(x.dtype, data, x.shape)] as const;
    });
    return scalar(await run(forward, { ...feeds, ...Object.fromEntries(moved) }), of);
  };
  const difference = ((await value(step)) - (await value(-step))) / (2 * step);
  return { gradient: slope, difference, error: Math.abs(slope - difference) / (Math.abs(difference) + 1e-8) };
}

function fedWeights(graph: Graph, { wrt, feeds }: CheckOptions): { open: Graph; feeds: Feeds } {
  const weights = wrt.filter((name) => graph.initializers.has(name));
  const values = weights.map((name) => [name, graph.initializers.get(name)!.tensor] as const);
  return { open: graph.feedWeights(weights), feeds: { ...feeds, ...Object.fromEntries(values) } };
}

function floats(tensor: Tensor | undefined, name: string): Tensor<"float32"> {
  if (tensor?.dtype === "float32") return tensor as Tensor<"float32">;
  // arithmetic on the elements is the same
  if (tensor?.dtype === "float64") return tensor as unknown as Tensor<"float32">;
  const found = tensor === undefined ? "nothing" : `${tensor.dtype}`;
  throw new ShapeError("checkGradient", `"${name}" must be fed as float32 or float64, got ${found}`);
}

function scalar(results: Readonly<Record<string, Tensor>>, name: string): number {
  return Number(results[name]!.data[0]);
}

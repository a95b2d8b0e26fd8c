/** @file Sums over rows that a graph computes block by block: loss and gradient, moments. */

import { openSession, type Session } from "../../runtime/session.js";
import { Tensor } from "../../tensor/tensor.js";
import type { Asset } from "../../util/asset.js";
import type { FeatureType, Matrices } from "./block.js";

/**
 * A graph over a block of rows whose outputs are sums over them, so that the results of blocks add up.
 *
 * Its inputs: `features` [rows, width] of float32 or float64; `label` and `weight` float64 [rows, 1]; and parameters of
 * float64 by any other names. Its outputs may be of float32; they are added up in double.
 */
export interface SumGraph {
  readonly graph: Asset;
  /** What it is for, as errors name it. */
  readonly name: string;
  /** Rows that one run takes. */
  readonly rows: number;
  /** Shapes of the parameters, by input. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
}

/** Values of the parameters, by input. */
export type Parameters = Readonly<Record<string, Float64Array>>;

/** Sums over rows by output. */
export type Sums = Readonly<Record<string, Float64Array>>;

/** The sums over all blocks, a piece of `rows` at a time. */
export async function sumOver(
  { graph, name, rows: step, parameters: shapes }: SumGraph,
  parameters: Parameters,
  blocks: AsyncIterable<Matrices> | Iterable<Matrices>,
  signal?: AbortSignal,
): Promise<Sums> {
  const session = await openSession(graph, { name });
  const fixed = Object.fromEntries(
    Object.entries(shapes).map(([input, shape]) => [input, new Tensor("float64", parameters[input]!, shape)]),
  );
  let room: Room | undefined;
  const total: Record<string, Float64Array> = {};
  try {
    for await (const block of blocks) {
      const rows = block.labels.length;
      if (rows === 0) continue;
      room ??= new Room(session, step, block.features.length / rows);
      for (let from = 0; from < rows; from += step) {
        const feeds = { ...room.piece(block, from, Math.min(from + step, rows)), ...fixed };
        const found = await session.run(feeds, { signal });
        for (const [output, { data }] of Object.entries(found)) {
          total[output] ??= new Float64Array(data.length);
          addTo(total[output], data as Float64Array);
        }
      }
    }
  } finally {
    await session.close();
  }
  return total;
}

/** Both sums together; either may lack outputs, as the sums over no rows do. */
export function addSums(a: Sums, b: Sums): Sums {
  const total: Record<string, Float64Array> = { ...a };
  for (const [output, values] of Object.entries(b)) {
    const before = total[output];
    if (before === undefined) total[output] = values;
    else addTo(before, values);
  }
  return total;
}

function addTo(sum: Float64Array, more: ArrayLike<number>): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += more[i]!;
}

/** Room for one piece of a block: the runtime takes no shared memory, and new arrays for each piece would cost much time. */
class Room {
  readonly #width: number;
  readonly #type: FeatureType;
  readonly #features: Float32Array | Float64Array;
  readonly #labels: Float64Array;
  readonly #weights: Float64Array;

  constructor({ inputs }: Session, rows: number, width: number) {
    this.#width = width;
    this.#type = inputs.find(({ name }) => name === "features")?.dtype === "float32" ? "float32" : "float64";
    this.#features = new (this.#type === "float32" ? Float32Array : Float64Array)(rows * width);
    this.#labels = new Float64Array(rows);
    this.#weights = new Float64Array(rows);
  }

  piece({ features, labels, weights }: Matrices, from: number, to: number): Record<string, Tensor> {
    const [width, rows] = [this.#width, to - from];
    const part = features.subarray(from * width, to * width);
    return {
      features: new Tensor(this.#type, unshared(part, this.#features), [rows, width]),
      label: new Tensor("float64", unshared(labels.subarray(from, to), this.#labels), [rows, 1]),
      weight: new Tensor("float64", unshared(weights.subarray(from, to), this.#weights), [rows, 1]),
    };
  }
}

/** The part, copied to where the runtime may read it; in the room's own number type. */
function unshared<A extends Float32Array | Float64Array>(part: Float32Array | Float64Array, room: A): A {
  if (part.constructor === room.constructor && !(part.buffer instanceof SharedArrayBuffer)) return part as A;
  room.set(part);
  return room.subarray(0, part.length) as A;
}

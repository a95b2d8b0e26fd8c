/** @file Nodes that put tensors in blocks of channels, work on them there, and take them out again. */

import { attributeOf } from "../graph/attributes.js";
import { StoredTensor } from "../graph/stored-tensor.js";
import type { Attribute, GraphBody, Node, ValueInfo } from "../graph/types.js";
import { Tensor } from "../tensor/tensor.js";

/** The runtime's operators on tensors in blocks. A shape says [n, c, h, w] there; in memory it is [n, c / block, h, w, block]. */
export const blockedDomain = "com.microsoft.nchwc";

/** A graph or a body while its convolutions are put in blocks. */
export interface BlockedBody {
  /** Channels in a block. */
  readonly block: number;
  /** What is known of tensors, by name. */
  readonly infos: ReadonlyMap<string, ValueInfo>;
  /** What `planesJoined` gives. */
  readonly joined: ReadonlyMap<string, Joined>;
  /** Tensors that are in blocks already, by name. */
  readonly reordered: Map<string, string>;
  readonly initializers: Map<string, StoredTensor>;
}

/** The tensor that a Reshape was made from, and its own shape. */
export interface Joined {
  readonly from: string;
  readonly shape: readonly number[];
}

/** Reshapes that join batch and channels, by output: in blocks these are one and the same, where channels are whole blocks. */
export function planesJoined(
  body: GraphBody,
  infos: ReadonlyMap<string, ValueInfo>,
  block: number,
): Map<string, Joined> {
  const joined = new Map<string, Joined>();
  for (const { opType, inputs, outputs } of body.nodes) {
    const [from = "", to = ""] = [inputs[0], outputs[0]];
    const [a, b] = [infos.get(from)?.shape, infos.get(to)?.shape];
    if (opType !== "Reshape" || a?.length !== 4 || b?.length !== 4) continue;
    const [batch, channels, ...plane] = a;
    if (typeof batch !== "number" || typeof channels !== "number" || channels % block !== 0) continue;
    const planes = batch * channels;
    const same = plane.every((size, i) => typeof size === "number" && size === b[i + 2]);
    if (same && (b[0] === planes || b[1] === planes)) joined.set(to, { from, shape: b as readonly number[] });
  }
  return joined;
}

/** A tensor's shape where it is float32 and all of it is known. */
export function floatShape(info: ValueInfo | undefined): readonly number[] | undefined {
  const known = info?.dtype === "float32" && info.shape?.every((size) => typeof size === "number");
  return known ? (info.shape as readonly number[]) : undefined;
}

/** Into how many groups a convolution cuts its channels. */
export function groupOf({ attrs }: Node): number {
  return Number(attrs.get("group")?.value ?? 1);
}

type AttributeValues = Readonly<Record<string, number | readonly number[]>>;

/** The nodes that come in place of one, as they are added. Results without a name are the output of the node replaced. */
export class BlockedNodes {
  readonly nodes: Node[] = [];
  readonly #y: string;
  readonly #body: BlockedBody;

  constructor(node: Node, body: BlockedBody) {
    this.#y = node.outputs[0] ?? "";
    this.#body = body;
  }

  op(opType: string, inputs: readonly string[], name: string | undefined, attrs: AttributeValues = {}): string {
    return this.#add(opType, "", inputs, this.#named(name), attrs);
  }

  /** A convolution of tensors in blocks. */
  conv(inputs: readonly string[], name: string, attrs: AttributeValues | ReadonlyMap<string, Attribute>): string {
    return this.#add("Conv", blockedDomain, inputs, this.#named(name), attrs);
  }

  reshape(input: string, shape: readonly number[], name: string): string {
    return this.op("Reshape", [input, this.ints(shape, `${name}/shape`)], name);
  }

  ints(values: readonly number[], name: string): string {
    const tensor = new Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
    this.#body.initializers.set(this.#named(name), StoredTensor.of(tensor));
    return this.#named(name);
  }

  /** A tensor [n, c, h, w] in blocks; once for all who read it. */
  inBlocks(input: string, name: string): string {
    const { joined, reordered } = this.#body;
    const { from, shape } = joined.get(input) ?? {};
    if (from !== undefined && shape !== undefined)
      return this.reshape(this.inBlocks(from, `${name}/apart`), shape, name);
    const found = reordered.get(input) ?? this.#add("ReorderInput", blockedDomain, [input], this.#named(name), {});
    reordered.set(input, found);
    return found;
  }

  /** A tensor in blocks as [n, c, h, w]. */
  outOfBlocks(input: string, channels: number, name?: string): string {
    return this.#add("ReorderOutput", blockedDomain, [input], this.#named(name), { channels });
  }

  #named(name: string | undefined): string {
    return name === undefined ? this.#y : `${this.#y}/blocked/${name}`;
  }

  #add(
    opType: string,
    domain: string,
    inputs: readonly string[],
    output: string,
    attrs: AttributeValues | ReadonlyMap<string, Attribute>,
  ): string {
    const given =
      attrs instanceof Map
        ? attrs
        : new Map(Object.entries(attrs).map(([key, value]) => [key, attributeOf(value, opType)]));
    this.nodes.push({ opType, domain, name: "", inputs, outputs: [output], attrs: given });
    return output;
  }
}

/** @file A transposed convolution with strides, in blocks of channels: a convolution for each remainder, and their results interleaved. */

import type { Node } from "../graph/types.js";
import { sizeOf } from "../tensor/shape.js";
import { type BlockedBody, BlockedNodes, floatShape, groupOf } from "./blocked-nodes.js";

/** The results of one remainder along an axis: those at `remainder + stride * j`, for `places` numbers j. */
interface Phase {
  /** The weights' places that bear on them, in the order in which they meet the input. */
  readonly taps: readonly number[];
  readonly before: number;
  readonly after: number;
}

/**
 * The nodes that do the same in blocks, where they can: the runtime's own way, a product whose results are added up place
 * by place, takes half as long again.
 */
export function transposeInBlocks(node: Node, body: BlockedBody): Node[] | undefined {
  const [x = "", w = "", bias] = node.inputs;
  const shapes = [x, w, node.outputs[0] ?? ""].map((name) => floatShape(body.infos.get(name)));
  const [[batch = 0, from = 0, ...given] = [], [, to = 0, ...kernel] = [], [, , ...sizes] = []] = shapes;
  const { block } = body;
  if (node.opType !== "ConvTranspose" || shapes.includes(undefined) || kernel.length !== 2) return undefined;
  const numbers = (name: string) => node.attrs.get(name)?.value as readonly number[] | undefined;
  const strides = numbers("strides")?.map(Number) ?? [1, 1];
  const isPlain =
    groupOf(node) === 1 &&
    (numbers("dilations") ?? []).every((step) => Number(step) === 1) &&
    (node.attrs.get("auto_pad")?.value ?? "NOTSET") === "NOTSET" &&
    numbers("output_shape") === undefined;
  if (!isPlain || batch === 0 || from % block !== 0 || to % block !== 0) return undefined;
  const places = sizes.map((size, i) => Math.ceil(size / strides[i]!));
  const phases = kernel.map((size, i) => {
    const padding = Number(numbers("pads")?.[i] ?? 0);
    return phasesOf(size, strides[i]!, padding, given[i]!, places[i]!);
  });
  const fits = phases.flat().every(({ taps, before, after }) => taps.length > 0 && before >= 0 && after >= 0);
  if (!fits || strides.every((stride) => stride === 1)) return undefined;

  const g = new BlockedNodes(node, body);
  const picture = g.inBlocks(x, "x");
  const weights = turnedWeights(g, w, [from, to, ...kernel], block);
  const [lines = [], columns = []] = phases;
  const [blocks, [height = 0, width = 0]] = [(batch * to) / block, places];
  const phase = (line: Phase, column: Phase, name: string) => {
    const taps = line.taps.flatMap((y) => column.taps.map((x) => y * kernel[1]! + x));
    const picked = g.op("Gather", [weights, g.ints(taps, `${name}/taps`)], `${name}/picked`, { axis: 2 });
    const window = [line.taps.length, column.taps.length];
    const inputs = [picture, g.reshape(picked, [to, from, ...window], `${name}/w`)];
    return g.conv(bias === undefined ? inputs : [...inputs, bias], name, {
      kernel_shape: window,
      pads: [line.before, column.before, line.after, column.after],
      strides: [1, 1],
      dilations: [1, 1],
      group: 1,
    });
  };
  const interleaved = (parts: readonly string[], [outer = 0, inner = 0]: readonly number[], name: string) => {
    const apart = parts.map((part, i) => g.reshape(part, [outer, 1, inner], `${name}/${i}/apart`));
    return g.op("Concat", apart, name, { axis: 1 });
  };
  const rows = lines.map((line, i) => {
    const parts = columns.map((column, k) => phase(line, column, `y${i}/${k}`));
    return interleaved(parts, [blocks * height * width, block], `y${i}`);
  });
  const all = interleaved(rows, [blocks * height, columns.length * width * block], "rows");
  const whole = [lines.length * height, columns.length * width];
  const y = g.reshape(all, [batch, to, ...whole], "y");
  if (whole.every((size, i) => size === sizes[i])) g.outOfBlocks(y, to);
  else {
    const [starts, ends, axes] = [g.ints([0, 0], "starts"), g.ints(sizes, "ends"), g.ints([2, 3], "axes")];
    g.op("Slice", [g.outOfBlocks(y, to, "uncut"), starts, ends, axes], undefined);
  }
  return g.nodes;
}

/** Result i gets input j times weight k where i + padding = stride * j + k. */
function phasesOf(kernel: number, stride: number, padding: number, given: number, places: number): Phase[] {
  return Array.from({ length: stride }, (_, remainder) => {
    const first = (remainder + padding) % stride;
    const taps: number[] = [];
    for (let k = first; k < kernel; k += stride) taps.unshift(k);
    const ahead = (remainder + padding - first) / stride;
    return { taps, before: taps.length - 1 - ahead, after: places - 1 + ahead - (given - 1) };
  });
}

/** [from, to, h, w] in the order of a convolution's kernels, its places apart: [to blocks, from blocks, h * w, from, to]. */
function turnedWeights(
  g: BlockedNodes,
  w: string,
  [from = 0, to = 0, ...kernel]: readonly number[],
  block: number,
): string {
  const places = sizeOf(kernel);
  const rows = g.reshape(w, [(from * to) / block, block, places], "w/rows");
  const toLast = g.op("Transpose", [rows], "w/toLast", { perm: [0, 2, 1] });
  const blocks = g.reshape(toLast, [from / block, block, to / block, places, block], "w/blocks");
  return g.op("Transpose", [blocks], "w", { perm: [2, 0, 3, 1, 4] });
}

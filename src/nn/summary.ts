/** @file summary: a network's layers, the shapes they give and their numbers of parameters, as a table of text. */

import { ParamError } from "../errors.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Dim } from "../graph/types.js";
import type { Value } from "../graph/value.js";
import { shapeRules } from "../ops/infer.js";
import { formatShape, sizeOf } from "../tensor/shape.js";
import { buildNetwork, type WeightSpec } from "./build.js";
import type { Layer, NetworkInput } from "./layer.js";

/** Sizes of one row, without the batch: by input, or of the only one. */
export type InputShapes = readonly Dim[] | Readonly<Record<string, readonly Dim[]>>;

interface Row {
  readonly path: string;
  readonly layer: Layer;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** What `network.summary()` gives. @throws ParamError where the shape of an input is not known, ShapeError where layers do not fit */
export function summarize(network: Layer, inputs: readonly NetworkInput[], shapes: InputShapes = {}): string {
  const g = new GraphBuilder({ rules: shapeRules() });
  const xs = inputs.map((input) => g.input(input.name, input.dtype ?? "float32", ["batch", ...shapeOf(input, shapes)]));
  const weights: WeightSpec[] = [];
  const rows: Row[] = [];
  const { outputs } = buildNetwork(g, network, xs, {
    training: false,
    weight(spec) {
      weights.push(spec);
      return g.bodyInput(spec.name, "float32", spec.shape);
    },
    called: (row) => void rows.push(row),
  });
  return [
    `${network.label}: ${xs.map(describe).join(", ")} to ${outputs.map((y) => shapeText(y)).join(", ")}`,
    ...table(rows, xs, weights),
    totals(weights),
  ].join("\n");
}

function shapeOf(input: NetworkInput, shapes: InputShapes): readonly Dim[] {
  const given = Array.isArray(shapes)
    ? (shapes as readonly Dim[])
    : (shapes as Record<string, readonly Dim[]>)[input.name];
  const known = given ?? input.shape;
  if (known !== undefined) return known;
  throw new ParamError(
    "summary",
    `the shape of input "${input.name}" is not known; give it, as in summary({ ${input.name}: [784] })`,
  );
}

function describe(x: Value): string {
  return `${x.name} ${shapeText(x)}${x.dtype === "float32" ? "" : ` ${x.dtype}`}`;
}

function shapeText(x: Value): string {
  return x.shape === undefined ? "?" : formatShape(x.shape);
}

function table(rows: readonly Row[], inputs: readonly Value[], weights: readonly WeightSpec[]): string[] {
  const makers = new Map<string, string>(inputs.map((x) => [x.name, x.name]));
  const seen = new Set<string>();
  const lines = rows.map(({ path, layer, inputs: xs, outputs }) => {
    const own = weights.filter(({ name }) => name.startsWith(`${path}/`));
    // a layer that is applied again has its parameters once
    const count = seen.has(path) ? "shared" : sum(own).toLocaleString("en");
    seen.add(path);
    const sources = xs.map((x) => makers.get(x.name) ?? "?");
    for (const y of outputs) if (!makers.has(y.name)) makers.set(y.name, path);
    return { name: `${path} (${layer.type})`, shape: outputs.map(shapeText).join(", "), count, sources };
  });
  // a chain needs no column that says so
  const isChain = lines.every(({ sources }, i) => {
    return sources.length === 1 && sources[0] === (i === 0 ? inputs[0]?.name : rows[i - 1]!.path);
  });
  const header = ["Layer (type)", "Output shape", "Parameters", ...(isChain ? [] : ["Reads"])];
  const cells = [
    header,
    ...lines.map(({ name, shape, count, sources }) => [name, shape, count, ...(isChain ? [] : [sources.join(", ")])]),
  ];
  const widths = header.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  const text = cells.map((row) =>
    row
      .map((cell, i) => (i === 2 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  const rule = "─".repeat(Math.max(...text.map((line) => line.length)));
  return [rule, text[0]!, rule, ...text.slice(1), rule];
}

function totals(weights: readonly WeightSpec[]): string {
  const count = (some: readonly WeightSpec[]) => sum(some).toLocaleString("en");
  const all = sum(weights);
  const size =
    all * 4 < 2 ** 20 ? `${((all * 4) / 2 ** 10).toFixed(1)} KiB` : `${((all * 4) / 2 ** 20).toFixed(1)} MiB`;
  const [trained, frozen] = [
    weights.filter(({ trainable }) => trainable),
    weights.filter(({ trainable }) => !trainable),
  ];
  return `Parameters: ${count(weights)} (${size}), ${count(trained)} trained, ${count(frozen)} not`;
}

function sum(weights: readonly WeightSpec[]): number {
  return weights.reduce((total, { shape }) => total + sizeOf(shape), 0);
}

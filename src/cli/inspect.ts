/** @file `deepframe inspect`: what a saved model or an ONNX file is made of. */

import { stat } from "node:fs/promises";
import { Command } from "commander";
import type { StageSpec } from "../data/batch-stage.js";
import { DataError, messageOf } from "../errors.js";
import { Graph } from "../graph/graph.js";
import type { Transformer } from "../index.js";
import { formatShape } from "../tensor/shape.js";
import { formatBytes, formatCount, formatTable } from "../util/format.js";
import { engineOption } from "./options.js";
import { isForEngine, readModel } from "./read-model.js";

export function inspectCommand(): Command {
  return new Command("inspect")
    .description("Show a saved model's stages, or an ONNX file's inputs, outputs, shapes, operators and size.")
    .argument("<model>", "folder of a saved model, or an .onnx file")
    .option("--nodes", "list every node of the graph too", false)
    .addOption(engineOption())
    .action(async (path: string, options: Options) => {
      console.log(await inspect(path, options));
    });
}

interface Options {
  readonly nodes: boolean;
  /** Reads what this process cannot. */
  readonly engine: string;
}

async function inspect(path: string, { nodes, engine }: Options): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined && !isForEngine(path, engine)) {
    throw new DataError("inspect", `nothing is at "${path}"; give a saved model's folder or an .onnx file`);
  }
  if (!found?.isFile()) return describeModel(await readModel(path, engine), nodes);
  const graph = await Graph.load(path).catch(async (error) => {
    // what was saved through the embedded engine is one file
    const model = await readModel(path, engine).catch(() => undefined);
    if (model !== undefined) return model;
    const reason = messageOf(error).replace(/^Graph\.load: /, "");
    throw new DataError("inspect", `"${path}" is neither a saved model's folder nor an ONNX file (${reason})`, {
      cause: error,
    });
  });
  return graph instanceof Graph ? describeGraph(graph, found.size, nodes) : describeModel(graph, nodes);
}

function describeModel(model: Transformer, nodes: boolean): string {
  const spec = model.toSpec();
  const parts = [describeStage(spec)];
  for (const { sha256, bytes } of spec.assets) {
    parts.push(`\nasset ${sha256.slice(0, 12)}\n${indent(describeGraph(Graph.fromBytes(bytes), bytes.length, nodes))}`);
  }
  return parts.join("\n");
}

function describeStage({ type, params }: Pick<StageSpec, "type" | "params">): string {
  const lines = [type];
  for (const [name, value] of Object.entries(params)) {
    if (name === "stages" && Array.isArray(value)) lines.push(...value.map((stage) => indent(describeStage(stage))));
    else if (value !== undefined) lines.push(`  ${name}: ${shorten(value)}`);
  }
  return lines.join("\n");
}

function describeGraph(graph: Graph, bytes: number, nodes: boolean): string {
  const rows = [
    ...graph.inputs.map((value) => ["input", value] as const),
    ...graph.outputs.map((value) => ["output", value] as const),
  ].map(([kind, { name, dtype, shape }]) => [kind, name, dtype ?? "?", shape === undefined ? "?" : formatShape(shape)]);
  const weights = [...graph.initializers.values()];
  const operators = new Map<string, number>();
  for (const { opType } of graph.nodes) operators.set(opType, (operators.get(opType) ?? 0) + 1);
  const counts = [...operators].sort((a, b) => b[1] - a[1]);
  return [
    formatTable(["", "name", "dtype", "shape"], rows),
    "",
    `size        ${formatBytes(bytes)}`,
    `weights     ${formatCount(weights.reduce((sum, { size }) => sum + size, 0))} in ${formatCount(weights.length)} tensors`,
    `opset       ${[...graph.opsets].map(([domain, version]) => `${domain || "ai.onnx"} ${version}`).join(", ")}`,
    `operators   ${formatCount(graph.nodes.length)}: ${counts.map(([type, count]) => `${type} ${count}`).join(", ")}`,
    ...(nodes ? ["", graph.toString()] : []),
  ].join("\n");
}

function shorten(value: unknown): string {
  if (typeof value === "object" && value !== null && "$asset" in value)
    return `asset ${String(value.$asset).slice(0, 12)}`;
  const text = JSON.stringify(value);
  const count = Array.isArray(value) ? ` (${formatCount(value.length)} values)` : "";
  return text.length > 100 ? `${text.slice(0, 90)}…${count}` : text;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "  ");
}

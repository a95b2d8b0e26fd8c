/** @file A model as text: one line per input, weight, node and output. */

import { formatShape } from "../tensor/shape.js";
import type { Attribute, GraphBody, Model, Node, ValueInfo } from "./types.js";

/** Longest text of one attribute. */
const maxLength = 60;

export function printModel(model: Model): string {
  const opsets = [...model.opsets]
    .map(([domain, version]) => `${domain === "" ? "onnx" : domain} ${version}`)
    .join(", ");
  const lines = [`graph ${JSON.stringify(model.name)} (${opsets})`, ...printBody(model, "  ")];
  for (const f of model.functions) {
    lines.push(`function ${f.domain}.${f.name}(${f.inputs.join(", ")}) -> ${f.outputs.join(", ")}`);
    lines.push(...f.nodes.flatMap((node) => printNode(node, "  ")));
  }
  return `${lines.join("\n")}\n`;
}

function printBody(body: GraphBody, indent: string): string[] {
  return [
    ...body.inputs.map((info) => `${indent}input ${printInfo(info)}`),
    ...[...body.initializers].map(([name, { dtype, shape }]) => `${indent}weight ${printInfo({ name, dtype, shape })}`),
    ...body.nodes.flatMap((node) => printNode(node, indent, body)),
    ...body.outputs.map((info) => `${indent}output ${printInfo(info)}`),
  ];
}

function printInfo({ name, dtype, shape }: ValueInfo): string {
  return `${name}: ${dtype ?? "?"}${shape === undefined ? "" : ` ${formatShape(shape)}`}`;
}

function printNode(node: Node, indent: string, body?: GraphBody): string[] {
  const attrs: string[] = [];
  const inner: string[] = [];
  for (const [name, attr] of node.attrs) {
    if (attr.type === "graph") inner.push(`${indent}  ${name}:`, ...printBody(attr.value, `${indent}    `));
    else attrs.push(`${name}=${printAttribute(attr)}`);
  }
  const outputs = node.outputs.map((name) => {
    const info = body?.valueInfo.get(name);
    return info === undefined ? name : printInfo(info);
  });
  const type = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
  const args = [...node.inputs.map((name) => (name === "" ? "_" : name)), ...attrs].join(", ");
  return [`${indent}${outputs.join(", ")} = ${type}(${args})`, ...inner];
}

function printAttribute(attr: Attribute): string {
  if (attr.type === "tensor")
    return printInfo({ ...attr.value, name: "tensor", dtype: attr.value.dtype, shape: attr.value.shape });
  if (attr.type === "ref") return `@${attr.value}`;
  if (attr.type === "tensors" || attr.type === "graphs" || attr.type === "graph" || attr.type === "other")
    return attr.type;
  const text = Array.isArray(attr.value)
    ? `[${attr.value.join(", ")}]`
    : attr.type === "string"
      ? JSON.stringify(attr.value)
      : String(attr.value);
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

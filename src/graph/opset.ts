/** @file Raising a model to a newer operator set: what changed between versions, operator by operator. */

import { GraphError } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import { tensorOf } from "./attributes.js";
import { type ElementType, elementTypeOf } from "./element-type.js";
import { int64s, Namer } from "./names.js";
import { describeNode } from "./scope.js";
import { StoredTensor } from "./stored-tensor.js";
import type { Attribute, GraphBody, Model, Node } from "./types.js";
import { withBodies } from "./validate.js";

/** Oldest and newest versions of ONNX's operators between which models are converted. */
export const oldestOpset = 7;
export const newestOpset = 26;

interface Context {
  readonly namer: Namer;
  /** Adds a constant and gives its name. */
  readonly constant: (name: string, tensor: StoredTensor) => string;
  /** Dtype of a tensor of floats. */
  readonly float: (name: string) => DType;
}

type Change = (node: Node, context: Context) => Node | readonly Node[];

/** What a version changed for operators whose old form it no longer reads the same way. All else is unchanged. */
const changes: readonly { readonly version: number; readonly ops: readonly string[]; readonly change: Change }[] = [
  { version: 9, ops: ["Scan"], change: refuse("its batch dimension was dropped") },
  { version: 9, ops: ["BatchNormalization"], change: (node) => without(node, "spatial") },
  { version: 9, ops: ["Upsample"], change: (node, c) => floatsToInput(node, c, "scales") },
  { version: 10, ops: ["Upsample"], change: (node) => ({ ...node, opType: "Resize" }) },
  { version: 10, ops: ["Slice"], change: sliceToInputs },
  { version: 10, ops: ["TopK"], change: (node, c) => intsToInput(node, c, "k", 1) },
  { version: 11, ops: ["Scatter"], change: (node) => ({ ...node, opType: "ScatterElements" }) },
  { version: 11, ops: ["Resize"], change: resizeToAsymmetric },
  { version: 11, ops: ["Clip"], change: clipToInputs },
  { version: 11, ops: ["Pad"], change: padToInputs },
  { version: 12, ops: ["Dropout"], change: (node, c) => scalarToInput(node, c, "ratio", 1, "float32") },
  { version: 13, ops: ["Squeeze", "Unsqueeze", "ReduceSum"], change: (node, c) => intsToInput(node, c, "axes", 1) },
  { version: 13, ops: ["Split"], change: (node, c) => intsToInput(node, c, "split", 1) },
  { version: 13, ops: ["Softmax", "LogSoftmax", "Hardmax"], change: softmaxOverRest },
  { version: 14, ops: ["BatchNormalization"], change: batchNormalizationOutputs },
  {
    version: 16,
    ops: ["RoiAlign"],
    change: (node) => withDefault(node, "coordinate_transformation_mode", text("output_half_pixel")),
  },
  {
    version: 18,
    ops: ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"].map((name) => `Reduce${name}`),
    change: (node, c) => intsToInput(node, c, "axes", 1),
  },
  { version: 18, ops: ["Split"], change: splitCount },
  { version: 20, ops: ["GridSample"], change: gridSampleModes },
  { version: 20, ops: ["DFT"], change: (node, c) => intsToInput(node, c, "axis", 2, 1, true) },
  { version: 21, ops: ["GroupNormalization"], change: refuse("its scale and bias are now one per channel") },
];

/**
 * The model with ONNX's operators at `version`; the same values come out.
 *
 * @throws GraphError where an operator changed in a way that cannot be written in the new form.
 */
export function raiseOpset<M extends Model>(model: M, version: number, who: string): M {
  const from = model.opsets.get("") ?? version;
  if (from === version) return model;
  if (from > version || from < oldestOpset || version > newestOpset) {
    throw new GraphError(
      who,
      `cannot bring operator set ${from} to ${version}; conversion goes upward, from ${oldestOpset} to ${newestOpset}`,
    );
  }
  if (model.functions.some((f) => f.nodes.some(({ domain }) => domain === ""))) {
    throw new GraphError(who, `cannot bring operator set ${from} to ${version} in a model with functions of its own`);
  }
  const body = raiseBody(model, { from, to: version, who, namer: Namer.for(model), outer: new Map() });
  return {
    ...model,
    ...body,
    opsets: new Map([...model.opsets, ["", version]]),
    irVersion: irVersionFor(version, model.irVersion),
  };
}

/** Format version that an operator set needs at least. */
export function irVersionFor(opset: number, atLeast = 8): number {
  const needed = opset <= 18 ? 8 : opset <= 20 ? 9 : opset <= 22 ? 10 : opset <= 23 ? 11 : opset <= 24 ? 12 : 13;
  return Math.max(needed, atLeast);
}

interface Raise {
  readonly from: number;
  readonly to: number;
  readonly who: string;
  readonly namer: Namer;
  /** Types of the tensors around a body. */
  readonly outer: ReadonlyMap<string, ElementType>;
}

function raiseBody(body: GraphBody, raise: Raise): GraphBody {
  const { from, to, who, namer } = raise;
  const types = typesIn(body, raise.outer);
  const initializers = new Map(body.initializers);
  const constant = (name: string, tensor: StoredTensor) => {
    const unique = namer.fresh(name);
    initializers.set(unique, tensor);
    return unique;
  };
  const float = (name: string): DType => {
    const type = types.get(name);
    return type === "float16" ? "float16" : type === "float64" ? "float64" : "float32";
  };
  const context: Context = { namer, constant, float };
  let nodes = body.nodes.map((node) => withBodies(node, (inner) => raiseBody(inner, { ...raise, outer: types })));
  for (const { version, ops, change } of changes) {
    if (version <= from || version > to) continue;
    nodes = nodes.flatMap((node) => {
      if (node.domain !== "" || !ops.includes(node.opType)) return [node];
      try {
        return change(node, context);
      } catch (cause) {
        const reason = cause instanceof Refusal ? cause.message : String(cause);
        throw new GraphError(who, `${describeNode(node)} cannot go from operator set ${from} to ${to}: ${reason}`, {
          cause,
        });
      }
    });
  }
  return { ...body, nodes, initializers };
}

/** Element types as declared; where nothing is, a node's results have the type of what it works on. */
function typesIn(body: GraphBody, outer: ReadonlyMap<string, ElementType>): Map<string, ElementType> {
  const types = new Map(outer);
  const infos = [...body.inputs, ...body.defaults, ...body.outputs, ...body.valueInfo.values()];
  for (const { name, dtype } of infos) if (dtype !== undefined) types.set(name, dtype);
  for (const [name, { dtype }] of body.initializers) types.set(name, dtype);
  for (const { opType, inputs, outputs, attrs } of body.nodes) {
    const [to, value] = [attrs.get("to"), attrs.get("value")];
    const first = types.get(inputs[opType === "Where" ? 1 : 0] ?? "");
    const type =
      to?.type === "int" ? elementTypeOf(Number(to.value)) : value?.type === "tensor" ? value.value.dtype : first;
    for (const name of outputs) if (type !== undefined && !types.has(name)) types.set(name, type);
  }
  return types;
}

class Refusal extends Error {}

function refuse(reason: string): Change {
  return () => {
    throw new Refusal(reason);
  };
}

function without(node: Node, ...names: string[]): Node {
  return { ...node, attrs: new Map([...node.attrs].filter(([name]) => !names.includes(name))) };
}

function withAttr(node: Node, name: string, attr: Attribute): Node {
  return { ...node, attrs: new Map([...node.attrs, [name, attr]]) };
}

function withDefault(node: Node, name: string, attr: Attribute): Node {
  return node.attrs.has(name) ? node : withAttr(node, name, attr);
}

function withInput(node: Node, index: number, name: string): Node {
  const inputs = [...node.inputs];
  while (inputs.length <= index) inputs.push("");
  inputs[index] = name;
  return { ...node, inputs };
}

function text(value: string): Attribute {
  return { type: "string", value };
}

function intsOf(node: Node, name: string): readonly (number | bigint)[] | undefined {
  const attr = node.attrs.get(name);
  if (attr?.type === "ints") return attr.value;
  return attr?.type === "int" ? [attr.value] : undefined;
}

function intsToInput(node: Node, c: Context, name: string, index: number, byDefault?: number, scalar = false): Node {
  const values = intsOf(node, name) ?? (byDefault === undefined ? undefined : [byDefault]);
  if (values === undefined) return node;
  const vector = int64s(values);
  const tensor = scalar ? StoredTensor.of(vector.tensor.reshape([])) : vector;
  return withInput(without(node, name), index, c.constant(`${node.outputs[0]}/${name}`, tensor));
}

function scalarToInput(node: Node, c: Context, name: string, index: number, dtype: DType): Node {
  const attr = node.attrs.get(name);
  if (attr?.type !== "float") return node;
  const value = StoredTensor.of(tensorOf(attr.value, dtype));
  return withInput(without(node, name), index, c.constant(`${node.outputs[0]}/${name}`, value));
}

function clipToInputs(node: Node, c: Context): Node {
  const dtype = c.float(node.inputs[0]!);
  return scalarToInput(scalarToInput(node, c, "min", 1, dtype), c, "max", 2, dtype);
}

function padToInputs(node: Node, c: Context): Node {
  return scalarToInput(intsToInput(node, c, "pads", 1), c, "value", 2, c.float(node.inputs[0]!));
}

function floatsToInput(node: Node, c: Context, name: string): Node {
  const attr = node.attrs.get(name);
  if (attr?.type !== "floats") return node;
  const value = StoredTensor.of(tensorOf(attr.value, "float32"));
  return withInput(without(node, name), 1, c.constant(`${node.outputs[0]}/${name}`, value));
}

function sliceToInputs(node: Node, c: Context): Node {
  return intsToInput(intsToInput(intsToInput(node, c, "starts", 1), c, "ends", 2), c, "axes", 3);
}

function resizeToAsymmetric(node: Node): Node {
  const [x = "", scales = ""] = node.inputs;
  const moved = { ...node, inputs: [x, "", scales] };
  return withDefault(
    withDefault(moved, "coordinate_transformation_mode", text("asymmetric")),
    "nearest_mode",
    text("floor"),
  );
}

/** Before version 13 all dimensions from `axis` on were one: flatten, apply to the last axis, put the shape back. */
function softmaxOverRest(node: Node, c: Context): Node[] {
  const axis = intsOf(node, "axis")?.[0] ?? 1;
  const last: Attribute = { type: "int", value: -1 };
  if (axis === -1) return [withAttr(node, "axis", last)];
  const [x = ""] = node.inputs;
  const [y = ""] = node.outputs;
  const fresh = (name: string) => c.namer.fresh(`${y}/${name}`);
  const [flat, soft, shape] = [fresh("flat"), fresh("soft"), fresh("shape")];
  const make = (opType: string, inputs: string[], output: string, attrs: [string, Attribute][] = []): Node => {
    return { opType, domain: "", name: output, inputs, outputs: [output], attrs: new Map(attrs) };
  };
  return [
    make("Flatten", [x], flat, [["axis", { type: "int", value: axis }]]),
    make(node.opType, [flat], soft, [["axis", last]]),
    make("Shape", [x], shape),
    make("Reshape", [soft, shape], y),
  ];
}

function batchNormalizationOutputs(node: Node): Node {
  if (node.outputs.filter((name) => name !== "").length === 1) return { ...node, outputs: node.outputs.slice(0, 1) };
  throw new Refusal("it was exported for training with batch statistics; export it for inference");
}

function splitCount(node: Node): Node {
  const hasSizes = node.inputs.length > 1 && node.inputs[1] !== "";
  return hasSizes ? node : withDefault(node, "num_outputs", { type: "int", value: node.outputs.length });
}

function gridSampleModes(node: Node): Node {
  const mode = node.attrs.get("mode")?.value;
  if (mode === "bilinear") return withAttr(node, "mode", text("linear"));
  return mode === "bicubic" ? withAttr(node, "mode", text("cubic")) : node;
}

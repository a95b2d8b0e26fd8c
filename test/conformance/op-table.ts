/** @file The row format of the operators' conformance table, and the graphs made of rows. */
import type { AttrInputs } from "../../src/graph/attributes.js";
import type { Graph } from "../../src/graph/graph.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { Dim } from "../../src/graph/types.js";
import type { Value } from "../../src/graph/value.js";
import { shapeRules } from "../../src/ops/infer.js";
import type { OpRecord } from "../../src/ops/op.js";
import type { DType } from "../../src/tensor/dtype.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { randomNumbers } from "../run-onnx.js";

/** Elements of one input. Only float32 ones are differentiated and tried in float64. */
export interface Sample {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly values: readonly number[];
  /** float32 whatever dtype the operator works in. */
  readonly always?: "float32";
  /** A constant in the graph: axes, sizes, numbers the shape rule needs. */
  readonly constant?: boolean;
  /** Keeps its sizes where the others get names: weights whose sizes the rule needs. */
  readonly fixed?: boolean;
}

/**
 * One operator. Every combination of `inputs` and `attrs` is one case: its shape rule against the runtime (static and named
 * sizes), its gradient against central differences and against PyTorch's values in test/reference/ops.json.
 */
export interface OpRow {
  readonly op: OpRecord;
  /** What sets this row apart from others of the operator; part of its cases' keys. */
  readonly name?: string;
  /** Input samples by the record's input names ("xs" of a variadic one is a list); several sets for several cases. */
  readonly inputs: SampleSet | readonly SampleSet[];
  /** Attributes, one case each; default none. */
  readonly attrs?: readonly AttrInputs[];
  /** Number of outputs of the node; default 1. */
  readonly outputs?: number;
  /** How many of them count in the loss that is differentiated; default all of floats. */
  readonly lossOf?: number;
  /** Operator set the node needs. */
  readonly since?: number;
  /** Last operator set at which the runtime takes it; default the newest. */
  readonly until?: number;
  /** Input sets at which the derivative jumps: compared with PyTorch's only. */
  readonly kinks?: readonly SampleSet[];
  /** Values for a run in which nothing may become NaN, forward or backward: put in the first float input. */
  readonly extreme?: readonly number[];
  /** Largest error against central differences, relative to 1 + |value|; default 1e-6 in float64, 2e-2 in float32. */
  readonly tolerance?: number;
  /** Kernels exist for float32 only. */
  readonly float32Only?: string;
  /** Not in float16, with the reason. */
  readonly notHalf?: string;
  /** Skips second derivatives, with the reason. */
  readonly firstOnly?: string;
  /** Skips named sizes, with the reason. */
  readonly staticOnly?: string;
  /** Sizes of outputs that no rule can know, with the reason. */
  readonly openShape?: string;
  /** What docs/GRADIENTS.md says beside the operator. */
  readonly limits?: string;
}

/** The usual reason for `float32Only`. */
export const float32Only = "the runtime has no float64 kernel";

export type SampleSet = Readonly<Record<string, Sample | readonly Sample[]>>;

/** About normal values, the same for the same shape and seed, kept `apart` from 0 so that kinks are not straddled. */
export function normal(shape: readonly number[], { seed = 1, scale = 1, shift = 0, apart = 0.05 } = {}): Sample {
  const random = randomNumbers(seed * 7919 + shape.length);
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    const value = scale * 2 * (random() + random() + random() - 1.5) + shift;
    return Math.abs(value) < apart ? value + Math.sign(value || 1) * apart : value;
  });
  return { shape, dtype: "float32", values: values.map(Math.fround) };
}

/** Values a tenth apart in a mixed order: no two are equal or nearly so. */
export function distinct(shape: readonly number[], seed = 1): Sample {
  const { values } = uniform(shape, 0, 1, seed);
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const ranked = values.map((_, i) => Math.fround((order.indexOf(i) - values.length / 2) / 10 + 0.05));
  return { shape, dtype: "float32", values: ranked };
}

/** Values between `low` and `high`. */
export function uniform(shape: readonly number[], low: number, high: number, seed = 1): Sample {
  const random = randomNumbers(seed * 104729 + shape.length);
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => low + random() * (high - low));
  return { shape, dtype: "float32", values: values.map(Math.fround) };
}

/** Given float elements. */
export function values(values: readonly number[], shape: readonly number[] = [values.length]): Sample {
  return { shape, dtype: "float32", values: values.map(Math.fround) };
}

/** Truth values, fed. */
export function bools(values: readonly number[], shape: readonly number[] = [values.length]): Sample {
  return { shape, dtype: "bool", values };
}

/** Whole numbers that are fed. */
export function indices(
  values: readonly number[],
  shape: readonly number[] = [values.length],
  dtype: DType = "int64",
): Sample {
  return { shape, dtype, values };
}

/** Whole numbers that are part of the graph: axes, sizes. */
export function constants(
  values: readonly number[],
  shape: readonly number[] = [values.length],
  dtype: DType = "int64",
): Sample {
  return { shape, dtype, values, constant: true };
}

export interface OpCase {
  readonly key: string;
  readonly row: OpRow;
  readonly inputs: SampleSet;
  readonly attrs: AttrInputs;
}

/** The cases of a row; keys are stable names for stored references. */
export function casesOf(row: OpRow): OpCase[] {
  const sets = Array.isArray(row.inputs) ? (row.inputs as readonly SampleSet[]) : [row.inputs as SampleSet];
  return casesWith(row, sets, "");
}

/** The cases at which the derivative jumps. */
export function kinksOf(row: OpRow): OpCase[] {
  return casesWith(row, row.kinks ?? [], "kink");
}

/** The first input set with extreme values in the first float input. */
export function extremesOf(row: OpRow): OpCase[] {
  const { extreme, op } = row;
  if (extreme === undefined) return [];
  const set = casesOf(row)[0]!.inputs;
  const first = op.inputs[flatInputs(op, set).findIndex(({ sample }) => sample?.dtype === "float32")]!;
  const sample = set[first] as Sample;
  const filled = sample.values.map((_, i) => Math.fround(extreme[i % extreme.length]!));
  return casesWith(row, [{ ...set, [first]: { ...sample, values: filled } }], "extreme");
}

function casesWith(row: OpRow, sets: readonly SampleSet[], kind: string): OpCase[] {
  const variants = row.attrs ?? [{}];
  const name = nameOf(row);
  return sets.flatMap((inputs, i) =>
    variants.map((attrs, j) => ({ key: `${name}/${kind}${i}.${j}`, row, inputs, attrs })),
  );
}

/** The operator, with what sets the row apart. */
export function nameOf({ op, name }: OpRow): string {
  const type = op.domain === "" ? op.type : `${op.domain}.${op.type}`;
  return name === undefined ? type : `${type} ${name}`;
}

/** How many of the outputs count in the loss. */
export function lossCount({ outputs = 1, lossOf = outputs }: OpRow): number {
  return lossOf;
}

/** Samples in the order of the node's inputs, with the names they have in the test's graph. */
export function flatInputs(op: OpRecord, set: SampleSet): { name: string; sample: Sample | undefined }[] {
  return op.inputs.flatMap((spec): { name: string; sample: Sample | undefined }[] => {
    const name = spec.replace(/^\.\.\.|\?$/g, "");
    const given = set[name];
    if (given === undefined) return [{ name, sample: undefined }];
    if (!Array.isArray(given)) return [{ name, sample: given as Sample }];
    return (given as readonly Sample[]).map((sample, i) => ({ name: `${name}${i}`, sample }));
  });
}

export function tensorOfSample(sample: Sample, float: DType = "float32"): Tensor {
  const dtype = sample.dtype === "float32" ? float : sample.dtype;
  const zeros = Tensor.zeros(dtype, sample.shape);
  const data = zeros.data as unknown as (number | bigint)[];
  sample.values.forEach((value, i) => {
    data[i] = dtype === "int64" ? BigInt(value) : value;
  });
  return zeros;
}

/**
 * y = op(inputs); loss = sum of all float outputs, each element weighted, so that every output's gradient counts.
 * `inside` is a dtype that the operator itself works in, float inputs and outputs being cast around it.
 */
export function caseGraph(c: OpCase, float: DType, dynamic: boolean, inside: DType = float): Graph {
  const g = new GraphBuilder({ rules: shapeRules() });
  const inputs = flatInputs(c.row.op, c.inputs).map(({ name, sample }) => {
    if (sample === undefined) return undefined;
    const into = (x: Value) => (sample.dtype === "float32" && sample.always === undefined ? g.cast(x, inside) : x);
    if (sample.constant) return into(g.parameter(name, tensorOfSample(sample, float)));
    const shape: Dim[] = sample.shape.map((size, i) => (dynamic && sample.fixed !== true ? `${name}${i}` : size));
    return into(g.input(name, sample.dtype === "float32" ? float : sample.dtype, shape));
  });
  const { op, outputs: count = 1, since } = c.row;
  const made = g.ops(op.type, inputs, c.attrs, {
    domain: op.domain,
    outputs: count,
    ...(since === undefined ? {} : { since }),
  });
  const outputs = made.map((y) => (y.dtype === inside ? g.cast(y, float) : y));
  const weighted = outputs
    .slice(0, lossCount(c.row))
    .filter(({ dtype }) => dtype === float)
    .map((y, i) => g.reduceSum(g.mul(y, weights(g, y, float, i))));
  const named = Object.fromEntries(outputs.map((y, i) => [`y${i}`, y]));
  return g.finish(weighted.length === 0 ? named : { ...named, loss: g.sum(weighted[0]!, ...weighted.slice(1)) });
}

/** cos(0), cos(1), …: a weight per element, whatever the shape. */
function weights(g: GraphBuilder, y: Value, float: DType, i: number): Value {
  const count = g.cast(g.range(0, g.sizeOf(y)), "float32");
  return g.cast(g.reshape(g.cos(g.add(count, i)), g.shapeOf(y), { allowZero: true }), float);
}

export function feedsOf(c: OpCase, float: DType): Record<string, Tensor> {
  return Object.fromEntries(
    flatInputs(c.row.op, c.inputs).flatMap(({ name, sample }) =>
      sample === undefined || sample.constant ? [] : [[name, tensorOfSample(sample, float)]],
    ),
  );
}

/** Names of the inputs that are differentiated. */
export function wrtOf(c: OpCase): string[] {
  return flatInputs(c.row.op, c.inputs)
    .filter(({ sample }) => sample !== undefined && sample.dtype === "float32" && !sample.constant)
    .map(({ name }) => name);
}

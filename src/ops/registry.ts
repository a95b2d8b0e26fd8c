/** @file All operators that shape inference and gradients know: every record of these files. */

import * as activations from "./activations.js";
import * as arithmetic from "./arithmetic.js";
import * as attention from "./attention.js";
import * as channelNorm from "./channel-norm.js";
import * as choice from "./choice.js";
import * as controlFlow from "./control-flow.js";
import * as conv from "./conv.js";
import * as dropout from "./dropout.js";
import * as einsum from "./einsum.js";
import * as layerNorm from "./layer-norm.js";
import * as logic from "./logic.js";
import * as lookup from "./lookup.js";
import * as losses from "./losses.js";
import * as make from "./make.js";
import * as matmul from "./matmul.js";
import * as microsoft from "./microsoft.js";
import type { OpRecord } from "./op.js";
import * as otherNorms from "./other-norms.js";
import * as parts from "./parts.js";
import * as pool from "./pool.js";
import * as power from "./power.js";
import * as quantize from "./quantize.js";
import * as rearrange from "./rearrange.js";
import * as recurrent from "./recurrent.js";
import * as reduce from "./reduce.js";
import * as resize from "./resize.js";
import * as search from "./search.js";
import * as shape from "./shape.js";
import * as smoothActivations from "./smooth-activations.js";
import * as softmax from "./softmax.js";
import * as trigonometry from "./trigonometry.js";
import * as unary from "./unary.js";

const families: readonly Readonly<Record<string, unknown>>[] = [
  activations,
  arithmetic,
  channelNorm,
  choice,
  controlFlow,
  attention,
  conv,
  dropout,
  layerNorm,
  einsum,
  logic,
  lookup,
  losses,
  make,
  matmul,
  microsoft,
  otherNorms,
  parts,
  pool,
  power,
  quantize,
  rearrange,
  recurrent,
  reduce,
  resize,
  search,
  shape,
  smoothActivations,
  softmax,
  trigonometry,
  unary,
];

export const operators: readonly OpRecord[] = families.flatMap((family) => Object.values(family).filter(isRecord));

function isRecord(value: unknown): value is OpRecord {
  return typeof value === "object" && value !== null && "type" in value && "infer" in value;
}

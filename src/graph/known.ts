/** @file What is known of a tensor before anything runs, and who works it out. */

import { isBigInt } from "../tensor/dtype.js";
import { type ElementType, isDType } from "./element-type.js";
import type { StoredTensor } from "./stored-tensor.js";
import type { Dim, Node } from "./types.js";

/** `dtype` and `shape` are undefined where nothing is known. */
export interface Known {
  readonly dtype: ElementType | undefined;
  readonly shape: readonly Dim[] | undefined;
  /** The elements of a whole-number scalar or vector, where they are known or named: mostly sizes of other tensors. */
  readonly elements?: readonly Dim[] | undefined;
  /** The tensor, where it is a constant. */
  readonly constant?: StoredTensor | undefined;
}

export const unknown: Known = { dtype: undefined, shape: undefined };

export interface InferOptions {
  /** Whether a contradiction throws; otherwise the outputs are unknown. */
  readonly strict: boolean;
  readonly opset: number;
}

/** Works out the outputs of a node. */
export interface ShapeRules {
  infer(node: Node, lookup: (name: string) => Known, options: InferOptions): readonly Known[] | undefined;
}

/** Longest vector whose elements are followed: a recurrent layer cuts its sequence into up to 200 segments of known sizes. */
const maxElements = 256;

export function knownConstant(tensor: StoredTensor): Known {
  const { dtype, shape } = tensor;
  const whole = isDType(dtype) && (isBigInt(dtype) || dtype === "int32");
  const small = whole && shape.length <= 1 && tensor.size <= maxElements;
  return { dtype, shape, constant: tensor, elements: small ? tensor.tensor.toNumbers() : undefined };
}

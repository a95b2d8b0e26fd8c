/** @file All steps of a GRU, with a gradient of their own, in both its forms. */

import { withGradient } from "../../autodiff/own-gradient.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Value } from "../../graph/value.js";
import { join } from "../../ops/join.js";
import { Product } from "../../ops/product.js";
import { scanBack, scanOver } from "../../ops/rounds.js";
import { joinInputs, rows } from "./joined-inputs.js";
import type { Sequence, Steps } from "./recurrent-steps.js";

/**
 * z, r = s(x W + h R + b); h' = n + z (h - n), where n = tanh(x W + r (h R + b)), or tanh(x W + (r h) R) without `resetAfter`.
 *
 * @param bias [3 * units], of the recurrent product; with `resetAfter` only
 */
export function gruSteps(resetAfter: boolean, bias: Value | undefined): Steps {
  return (g, sequence) => (resetAfter ? resetAfterSteps(g, sequence, bias) : resetBeforeSteps(g, sequence));
}

/**
 * All gradients are dh' times what is known: dz = dh' (h - n) z (1-z), dn = dh' (1-z) (1-n^2), dr = dn q r (1-r), dq = dn r,
 * where q = h R + b, and dh = dh' z + [dz, dr, dq] R'.
 */
function resetAfterSteps(g: GraphBuilder, sequence: Sequence, recurrentBias: Value | undefined) {
  const { x, recurrent, states, backwards } = sequence;
  const { gates, candidates } = cut(g, sequence);
  // q needs no inputs, but is made with the gates
  const { weights, rowsOf, backToInputs } = joinInputs(g, {
    ...{ x, recurrent },
    kernel: join(g, [gates.kernel, g.zerosLike(candidates.kernel)], 1),
    bias: recurrentBias && g.add(recurrentBias, join(g, [gates.bias!, g.zerosLike(candidates.bias!)])),
  });
  const fromInputs = candidates.of(x);
  const [y, ...last] = withGradient(g, [x, fromInputs, weights, ...states], () => {
    const [toZ, toR, toQ] = g.split(weights, 3, { axis: 1 }) as [Value, Value, Value];
    const scanned = { states: states as [Value], slices: [x, fromInputs] as const, backwards };
    const [h, row, y, z, r, n, reset, held] = scanOver(g, scanned, (b, [h], [xt, candidate]) => {
      const row = rowsOf(b, h, xt);
      const [z, r] = [b.sigmoid(b.gemm(row, toZ)), b.sigmoid(b.gemm(row, toR))];
      const reset = b.mul(r, b.gemm(row, toQ));
      const n = b.tanh(b.add(candidate, reset));
      const { next, held } = mixed(b, z, n, h);
      return [next, row, next, z, r, n, reset, held];
    });
    return {
      outputs: [y, h],
      rule(b, [dy, dLast]) {
        const { toUpdate, toCandidate } = factorsOf(b, z, n, held);
        const toReset = b.mul(b.mul(toCandidate, reset), b.sub(1, r));
        const turned = b.transpose(recurrent, [1, 0]);
        const slices = [toUpdate, toReset, b.mul(toCandidate, r), toCandidate, z] as const;
        const scanned = { states: [dLast ?? b.zerosLike(states[0]!)] as const, slices, backwards: !backwards };
        const [dh, d, dn] = scanBack(b, dy, scanned, (s, [dh], [toZ, toR, toQ, toN, z]) => {
          const d = join(s, [s.mul(dh, toZ), s.mul(dh, toR), s.mul(dh, toQ)], 1);
          return [s.gemm(d, turned, s.mul(dh, z)), d, s.mul(dh, toN)];
        });
        return [backToInputs(b, d), dn, new Product(rows(b, row), rows(b, d)), dh];
      },
    };
  });
  return { joined: y!, last };
}

/** dz and dn as above; dp = dn R', of p = r h, dr = dp h r (1-r), and dh = dh' z + dp r + [dz, dr] R'. */
function resetBeforeSteps(g: GraphBuilder, sequence: Sequence) {
  const { x, states, backwards } = sequence;
  const { gates, candidates } = cut(g, sequence);
  const { weights, rowsOf, backToInputs } = joinInputs(g, { x, ...gates });
  const fromInputs = candidates.of(x);
  const [y, ...last] = withGradient(g, [x, fromInputs, weights, candidates.recurrent, ...states], () => {
    const [toZ, toR] = g.split(weights, 2, { axis: 1 }) as [Value, Value];
    const scanned = { states: states as [Value], slices: [x, fromInputs] as const, backwards };
    const [h, row, y, z, r, n, reset, held] = scanOver(g, scanned, (b, [h], [xt, candidate]) => {
      const row = rowsOf(b, h, xt);
      const [z, r] = [b.sigmoid(b.gemm(row, toZ)), b.sigmoid(b.gemm(row, toR))];
      const reset = b.mul(r, h);
      const n = b.tanh(b.gemm(reset, candidates.recurrent, candidate));
      const { next, held } = mixed(b, z, n, h);
      return [next, row, next, z, r, n, reset, held];
    });
    return {
      outputs: [y, h],
      rule(b, [dy, dLast]) {
        const { toUpdate, toCandidate } = factorsOf(b, z, n, held);
        const [turnedGates, turned] = [gates, candidates].map(({ recurrent }) => b.transpose(recurrent, [1, 0]));
        const slices = [toUpdate, b.mul(reset, b.sub(1, r)), toCandidate, z, r] as const;
        const scanned = { states: [dLast ?? b.zerosLike(states[0]!)] as const, slices, backwards: !backwards };
        const [dh, d, dn] = scanBack(b, dy, scanned, (s, [dh], [toZ, toR, toN, z, r]) => {
          const dn = s.mul(dh, toN);
          const dp = s.gemm(dn, turned!);
          const d = join(s, [s.mul(dh, toZ), s.mul(dp, toR)], 1);
          return [s.gemm(d, turnedGates!, s.add(s.mul(dh, z), s.mul(dp, r))), d, dn];
        });
        const products = [new Product(rows(b, row), rows(b, d)), new Product(rows(b, reset), rows(b, dn))];
        return [backToInputs(b, d), dn, ...products, dh];
      },
    };
  });
  return { joined: y!, last };
}

/** The weights of both gates, and those of the candidate. */
function cut(g: GraphBuilder, { kernel, recurrent, bias }: Sequence) {
  const units = recurrent.shape![0] as number;
  const two = (x: Value, axis: number) => g.split(x, [2 * units, units], { axis }) as [Value, Value];
  const [kernels, recurrents] = [two(kernel, 1), two(recurrent, 1)];
  const biases = bias === undefined ? [undefined, undefined] : two(bias, 0);
  const [gates, last] = [0, 1].map((i) => ({ kernel: kernels[i]!, recurrent: recurrents[i]!, bias: biases[i] }));
  /** What the inputs give to the candidates of all steps. */
  const of = (x: Value) => {
    const sums = g.matmul(x, last!.kernel);
    return last!.bias === undefined ? sums : g.add(sums, last!.bias);
  };
  return { gates: gates!, candidates: { ...last!, of } };
}

/** n + z (h - n), and z (h - n). */
function mixed(b: GraphBuilder, z: Value, n: Value, h: Value) {
  const held = b.mul(z, b.sub(h, n));
  return { next: b.add(n, held), held };
}

/** (h - n) z (1-z) and (1-z) (1-n^2), of all steps. */
function factorsOf(b: GraphBuilder, z: Value, n: Value, held: Value) {
  const rest = b.sub(1, z);
  return { toUpdate: b.mul(held, rest), toCandidate: b.mul(rest, b.sub(1, b.square(n))) };
}

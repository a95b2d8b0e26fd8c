/** @file Trigonometric and hyperbolic functions, their inverses, and the error function. */

import { unary } from "./unary.js";

export const sin = unary("Sin", (g, { x, dy }) => g.mul(dy, g.cos(x)));
export const cos = unary("Cos", (g, { x, dy }) => g.neg(g.mul(dy, g.sin(x))));
export const tan = unary("Tan", (g, { y, dy }) => g.mul(dy, g.add(g.square(y), 1)));
export const asin = unary("Asin", (g, { x, dy }) => g.div(dy, g.sqrt(g.sub(1, g.square(x)))));
export const acos = unary("Acos", (g, { x, dy }) => g.neg(g.div(dy, g.sqrt(g.sub(1, g.square(x))))));
export const atan = unary("Atan", (g, { x, dy }) => g.div(dy, g.add(g.square(x), 1)));

export const sinh = unary("Sinh", (g, { x, dy }) => g.mul(dy, g.cosh(x)));
export const cosh = unary("Cosh", (g, { x, dy }) => g.mul(dy, g.sinh(x)));
export const tanh = unary("Tanh", (g, { y, dy }) => g.mul(dy, g.sub(1, g.square(y))));
export const asinh = unary("Asinh", (g, { x, dy }) => g.div(dy, g.sqrt(g.add(g.square(x), 1))));
export const acosh = unary("Acosh", (g, { x, dy }) => g.div(dy, g.sqrt(g.sub(g.square(x), 1))));
export const atanh = unary("Atanh", (g, { x, dy }) => g.div(dy, g.sub(1, g.square(x))));

// y = 2 / sqrt(pi) * integral of exp(-t²) from 0 to x
export const erf = unary("Erf", (g, { x, dy }) => {
  return g.mul(dy, g.mul(g.exp(g.neg(g.square(x))), 2 / Math.sqrt(Math.PI)));
});

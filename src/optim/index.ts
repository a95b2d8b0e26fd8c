/** @file Optimizers and schedules, as `optim`. */

export { adam, adamax, adamW, nadam, radam } from "./adam.js";
export { adadelta, adagrad, rmsprop } from "./adaptive.js";
export { lamb } from "./lamb.js";
export { lbfgs } from "./lbfgs-optimizer.js";
export { lion } from "./lion.js";
export type { Optimizer } from "./optimizer.js";
export { defineOptimizer } from "./optimizer.js";
export type { Schedule } from "./schedule.js";
export { defineSchedule } from "./schedule.js";
export {
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  inverseTimeDecay,
  multiStepDecay,
  piecewiseConstantDecay,
  polynomialDecay,
  stepDecay,
} from "./schedules.js";
export { sgd } from "./sgd.js";
export { oneCycle, warmup } from "./warm-up.js";

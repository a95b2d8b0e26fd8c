/** @file Schedule: the learning rate as a function of the step. */

import { type Configured, Kind, type Maker } from "../util/kind.js";
import type { Param, ParamSpecs, Values } from "../util/params.js";

/** A learning rate that changes from step to step. */
export interface Schedule extends Configured {
  /** The learning rate of a step, counted from 0. */
  at(step: number): number;
}

export const schedules = new Kind<Schedule>("schedule");

/**
 * Defines a schedule: its parameters and the learning rate of a step, counted from 0.
 *
 * @example
 * export const saw = optim.defineSchedule({
 *   type: "Saw",
 *   specs: { lr: params.number("highest rate"), period: params.integer("steps of one tooth", { min: 1 }) },
 *   at: (step, { lr, period }) => lr * (1 - (step % period) / period),
 * });
 * optim.adam({ lr: saw({ lr: 1e-3, period: 100 }) });
 */
export function defineSchedule<const P extends ParamSpecs>(definition: {
  readonly type: string;
  readonly specs: P;
  /** Checks that concern several parameters. @throws ParamError */
  readonly check?: (params: Values<P>) => void;
  at(step: number, params: Values<P>): number;
}): Maker<Schedule, P> {
  const { type, specs, check } = definition;
  return schedules.define<P, readonly []>({
    type,
    specs,
    positional: [],
    make(params) {
      check?.(params);
      return { type, params, at: (step) => definition.at(step, params) };
    },
  });
}

/** A learning rate: a number or a schedule. */
export function learningRate(
  value: number,
  doc = "learning rate, or a schedule of it",
): Param<number | Schedule, true> {
  const schedule = schedules.param("");
  return {
    doc,
    expected: "a number of at least 0 or a schedule such as optim.cosineDecay({ ... })",
    optional: true,
    default: value,
    accepts: (given) => (typeof given === "number" ? given >= 0 && Number.isFinite(given) : schedules.has(given)),
    broken: [-1, Number.NaN, "fast"],
    encode: (given, assets) => (typeof given === "number" ? given : schedule.encode!(given, assets)),
    decode: (json, read) => (typeof json === "number" ? json : (schedule.decode!(json, read) as Schedule)),
  };
}

/** The learning rate of a step, counted from 0. */
export function rateAt(lr: number | Schedule, step: number): number {
  return typeof lr === "number" ? lr : lr.at(step);
}

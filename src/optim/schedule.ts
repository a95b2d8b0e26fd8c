/** @file Schedule: the learning rate as a function of the step. */

import { type Configured, Kind } from "../util/kind.js";

/** A learning rate that changes from step to step. */
export interface Schedule extends Configured {
  /** The learning rate of a step, counted from 0. */
  at(step: number): number;
}

export const schedules = new Kind<Schedule>("schedule");

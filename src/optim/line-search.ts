/** @file How far to go along a direction: a search for the strong Wolfe conditions, and one that stays in an orthant. */

import type { Place } from "./lbfgs.js";
import { dot, plus } from "./vectors.js";

type Evaluate = (point: Float64Array) => Promise<Place>;

/** A step must lower the value by at least this part of what the slope promises. */
const sufficientDecrease = 1e-4;
/** The slope along the direction must flatten to this part of what it was. */
const curvature = 0.9;
const maxTrials = 30;

/** A point along the direction: distance, value, slope along the direction. */
interface Trial {
  readonly at: number;
  readonly value: number;
  readonly slope: number;
  readonly place: Place;
}

/**
 * A point along the direction that satisfies the strong Wolfe conditions (Nocedal and Wright, algorithms 3.5 and 3.6, cubic
 * interpolation); failing that the lowest one tried. Undefined where the direction does not lead down.
 */
export async function searchWolfe(
  here: Place,
  direction: Float64Array,
  first: number,
  evaluate: Evaluate,
): Promise<Place | undefined> {
  const start: Trial = { at: 0, value: here.value, slope: dot(here.slope, direction), place: here };
  if (!(start.slope < 0)) return undefined;
  let best = start;
  const tryAt = async (at: number): Promise<Trial> => {
    const place = await evaluate(plus(here.point, at, direction));
    const trial = { at, value: place.value, slope: dot(place.slope, direction), place };
    if (hasValue(trial) && trial.value < best.value) best = trial;
    return trial;
  };
  const tooHigh = ({ at, value }: Trial) => !(value <= start.value + sufficientDecrease * at * start.slope);
  const flat = ({ slope }: Trial) => Math.abs(slope) <= -curvature * start.slope;

  // go on until a point is good, or two points enclose one
  let low = start;
  let high: Trial | undefined;
  let at = first;
  let trials = 0;
  while (high === undefined && trials++ < maxTrials) {
    const trial = await tryAt(at);
    if (!hasValue(trial) || tooHigh(trial) || (low !== start && trial.value >= low.value)) high = trial;
    else if (flat(trial)) return trial.place;
    else if (trial.slope >= 0) [low, high] = [trial, low];
    else {
      low = trial;
      at *= 2;
    }
  }
  while (high !== undefined && trials++ < maxTrials && Math.abs(high.at - low.at) > 1e-12 * Math.max(low.at, high.at)) {
    const trial = await tryAt(between(low, high));
    if (!hasValue(trial) || tooHigh(trial) || trial.value >= low.value) high = trial;
    else if (flat(trial)) return trial.place;
    else {
      if (trial.slope * (high.at - low.at) >= 0) high = low;
      low = trial;
    }
  }
  return best === start ? undefined : best.place;
}

/**
 * OWL-QN's search: points along the direction, with every coordinate that would change its sign set to 0, at half the distance
 * each time until the value falls enough. Undefined where none does.
 */
export async function searchOrthant(
  here: Place,
  direction: Float64Array,
  first: number,
  evaluate: Evaluate,
): Promise<Place | undefined> {
  const { point, slope, value } = here;
  // coordinates in which the direction disagrees with the slope stay where they are
  const aligned = direction.map((d, i) => (d * slope[i]! < 0 ? d : 0));
  for (let trial = 0, at = first; trial < maxTrials; trial++, at /= 2) {
    const to = point.map((x, i) => {
      const moved = x + at * aligned[i]!;
      const orthant = x === 0 ? -Math.sign(slope[i]!) : Math.sign(x);
      return Math.sign(moved) === orthant ? moved : 0;
    });
    const promised = to.reduce((sum, x, i) => sum + slope[i]! * (x - point[i]!), 0);
    if (!(promised < 0)) return undefined;
    const place = await evaluate(to);
    if (place.value < value && place.value <= value + sufficientDecrease * promised) return place;
  }
  return undefined;
}

function hasValue({ value, slope }: Trial): boolean {
  return Number.isFinite(value) && Number.isFinite(slope);
}

/** The minimum of the cubic through both points, kept away from the ends; the middle where there is none. */
function between(low: Trial, high: Trial): number {
  const width = high.at - low.at;
  const middle = low.at + width / 2;
  if (!hasValue(high)) return low.at + width / 10;
  const d1 = low.slope + high.slope - (3 * (low.value - high.value)) / (low.at - high.at);
  const d2 = Math.sign(width) * Math.sqrt(d1 * d1 - low.slope * high.slope);
  const at = high.at - (width * (high.slope + d2 - d1)) / (high.slope - low.slope + 2 * d2);
  const part = (at - low.at) / width;
  return part > 0.05 && part < 0.95 ? at : middle;
}

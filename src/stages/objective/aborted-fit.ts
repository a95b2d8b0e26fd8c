/** @file The error of a fit that was aborted after its first step: it has the model. */

import { TrainingError, type Who } from "../../errors.js";

export function abortedFit<M>(who: Who, steps: number, model: M, signal: AbortSignal | undefined): TrainingError<M> {
  const after = steps === 1 ? "1 step" : `${steps} steps`;
  const message = `the fit was aborted after ${after}; what was learned until then is the error's model`;
  return new TrainingError(who, message, model, { code: "ABORTED", cause: signal?.reason, step: steps });
}

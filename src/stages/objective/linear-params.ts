/** @file What fits of linear models share: the penalty and when the search ends, as Spark ML has them. */

import { integer, number, type Values } from "../../util/params.js";

/** Parameters of a penalised search. */
export const linearParams = {
  regParam: number("strength of the penalty on coefficients", { default: 0, min: 0 }),
  elasticNetParam: number("the penalty's part that is L1; the rest is L2", { default: 0, min: 0, max: 1 }),
  maxIter: integer("steps of the optimizer at most", { default: 100, min: 0 }),
  tol: number("the optimizer stops when a step changes the objective by less than this part of it", {
    default: 1e-6,
    min: 0,
  }),
};

/** What a linear model is fitted with. */
export interface LinearOptions extends Values<typeof linearParams> {
  readonly fitIntercept: boolean;
  readonly standardization: boolean;
  readonly signal?: AbortSignal | undefined;
}

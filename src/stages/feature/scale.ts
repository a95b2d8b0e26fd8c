/** @file What the scalers share: vectors read, each number mapped, vectors written. */

import { withColumns } from "../../data/columns.js";
import { dataOf, matrixOf } from "../../data/read-columns.js";
import type { Schema } from "../../data/schema.js";
import type { BatchFunction, Stage } from "../../pipeline/stage.js";
import { floatVectorLike, vectorColumn } from "./vectors.js";

/** @param map the number at a place (0 to `width` - 1) of a vector, scaled */
export function scaleVectors(
  stage: Stage,
  schema: Schema,
  { inputCol, outputCol }: { readonly inputCol: string; readonly outputCol: string },
  width: number,
  map: (value: number, place: number) => number,
): BatchFunction {
  const type = floatVectorLike(schema.typeOf(inputCol)!);
  return (batch) => {
    const { values } = matrixOf(dataOf(batch, inputCol), stage, inputCol, width);
    const scaled = new Float32Array(values.length);
    for (let at = 0, place = 0; at < values.length; at++) {
      scaled[at] = map(values[at]!, place);
      if (++place === width) place = 0;
    }
    return withColumns(batch, { [outputCol]: vectorColumn(type, scaled, width, batch.numRows) });
  };
}

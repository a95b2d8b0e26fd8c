/** @file schemaOf: the columns of what is fitted, or an error that says what fit takes. */

import { DataFrame } from "../data/dataframe.js";
import type { Schema } from "../data/schema.js";
import { ParamError, type Who } from "../errors.js";

/** @throws ParamError for rows that are no DataFrame yet, as people from elsewhere give them */
export async function schemaOf(df: DataFrame, who: Who): Promise<Schema> {
  if (df instanceof DataFrame) return df.schema();
  const given = Array.isArray(df) ? "a list" : typeof df;
  throw new ParamError(who, `fit takes a DataFrame, got ${given}; make one with session.createDataFrame(rows)`);
}

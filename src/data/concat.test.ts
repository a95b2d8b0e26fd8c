/** @file Data of every type put together again from its parts, nulls and slices included. */

import { expect, test } from "vitest";
import { rowsOfEveryType, everyType as schema } from "../../test/fixtures/every-type.js";
import { concatData, takeOrNull } from "./concat.js";
import { rowsToBatch, valueAt } from "./rows.js";

const batch = rowsToBatch(rowsOfEveryType(30), schema);

test.each(schema.names)("column %s is the same after cutting and joining", (name) => {
  const data = batch.data.children[schema.names.indexOf(name)]!;
  const joined = concatData([data.slice(0, 11), data.slice(11, 0), data.slice(11, 8), data.slice(19, 11)]);
  const values = (of: typeof data) => Array.from({ length: of.length }, (_, row) => valueAt(of, row));
  expect(values(joined)).toEqual(values(data));
  const some = takeOrNull(data, Int32Array.of(4, -1, 29), data.slice(3, 1));
  expect(values(some)).toEqual([valueAt(data, 4), null, valueAt(data, 29)]);
});

/** @file A map over partitions in Arrow whose function is our shim's. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Relation } from "../compile.js";
import { quoteName } from "../dialect.js";
import type { DataTypeSchema } from "../proto/spark_connect_pb.js";
import { pickleFunction } from "./pickle.js";

export interface MapFunction {
  /** Python module of the shim. */
  readonly shim: string;
  /** Version of Python on the executors, as in `3.11`. */
  readonly python: string;
  /** JSON for the shim. */
  readonly config: string;
  /** The input's columns. */
  readonly columns: readonly string[];
  /** What comes out, in both forms that Spark wants. */
  readonly schemaJson: string;
  readonly schema: MessageInitShape<typeof DataTypeSchema>;
  /** For plans that people read. */
  readonly name: string;
}

/** Spark's number for a map in Arrow. */
const mapInArrow = 207;

export function mapRelation(input: Relation, map: MapFunction): Relation {
  const pythonUdf = {
    outputType: map.schema,
    evalType: mapInArrow,
    command: pickleFunction(map.shim, "run", map.config, map.schemaJson),
    pythonVer: map.python,
  };
  // Spark leaves out columns of the input that no argument names
  const columns = map.columns.map((column) => ({
    exprType: { case: "unresolvedAttribute" as const, value: { unparsedIdentifier: quoteName(column) } },
  }));
  const func = {
    functionName: map.name,
    deterministic: true,
    arguments: columns,
    function: { case: "pythonUdf" as const, value: pythonUdf },
  };
  return { relType: { case: "mapPartitions", value: { input, func } } };
}

/** @file A function of Spark's SQL, scalar and in Arrow, whose body is our shim's. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FunctionStage } from "../../../data/batch-stage.js";
import type { CommonInlineUserDefinedFunctionSchema } from "../proto/spark_connect_pb.js";
import { sparkType, typeToJson, typeToProto } from "../types.js";
import type { MapFunction } from "./map-relation.js";
import { pickleFunction } from "./pickle.js";

export type FunctionInit = MessageInitShape<typeof CommonInlineUserDefinedFunctionSchema>;

/** Spark's number for an iterator of Arrow arrays to one of results, row for row; since 4.1. */
const scalarArrowIter = 251;

export function functionOf(
  { name, result }: FunctionStage,
  { shim, python, config }: Pick<MapFunction, "shim" | "python" | "config">,
): FunctionInit {
  const type = sparkType(result, "result", name);
  const value = {
    outputType: typeToProto(type),
    evalType: scalarArrowIter,
    command: pickleFunction(shim, "call", config, JSON.stringify(typeToJson(type))),
    pythonVer: python,
  };
  return { functionName: name, deterministic: true, function: { case: "pythonUdf", value } };
}

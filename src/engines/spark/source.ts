/** @file What Spark reads from files: a relation by format, paths and options, and SQL over it. */

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ReadPlan } from "../../data/plan.js";
import type { Schema } from "../../data/schema.js";
import type { RelationSchema } from "./proto/spark_connect_pb.js";

export type Relation = MessageInitShape<typeof RelationSchema>;

/** A relation, and SQL over it (`#` stands for it) where its columns are not yet those of the reader. */
export interface Reading {
  readonly relation: Relation;
  readonly sql?: string | undefined;
}

/** Looks into files. */
export interface Ask {
  /** The first value of SQL over a relation. */
  value(reading: Reading): Promise<unknown>;
  schema(relation: Relation): Promise<Schema>;
}

/** A path as Spark's servers understand it: files of this folder by their whole path, others as they are. */
export function serverPath(path: string): string {
  const [fixed = ""] = path.split(/[*?[{]/);
  const isHere = !/^[a-z][\w+.-]*:/i.test(path) && existsSync(resolve(fixed.replace(/[^/]*$/, "") || fixed || "."));
  return isHere ? resolve(path) : path;
}

export function source({ paths }: ReadPlan, format: string, options: Record<string, string> = {}): Relation {
  const dataSource = { format, paths: paths.map(serverPath), options };
  return { relType: { case: "read", value: { readType: { case: "dataSource", value: dataSource } } } };
}

/** What is read with a schema, as DDL or JSON, where Spark would look into the files for one. */
export function withSchema({ relation, sql }: Reading, schema: string | undefined): Reading {
  const read = relation.relType?.case === "read" ? relation.relType.value.readType : undefined;
  if (schema === undefined || sql !== undefined || read?.case !== "dataSource" || read.value.schema !== undefined) {
    return { relation, sql };
  }
  const value = { ...read.value, schema };
  return { relation: { relType: { case: "read", value: { readType: { case: "dataSource", value } } } } };
}

import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { Schema } from "../../data/schema.js";
import { DataTypeSchema } from "./proto/spark_connect_pb.js";
import { exactJson, schemaToJson, schemaToProto } from "./types.js";

describe("a schema of Spark's in its own JSON", () => {
  test("is told where ours says all of it, with the types that Spark lacks", () => {
    const schema = Schema.of({ path: "string", image: "binary", t: "float[2]", u: "uint", list: "array<int>" });
    expect(exactJson(create(DataTypeSchema, schemaToProto(schema)))).toBe(schemaToJson(schema));
  });

  test("is not where Spark knows more: lengths of texts, other metadata, columns without nulls, types that we lack", () => {
    const column = (field: object) =>
      exactJson(create(DataTypeSchema, { kind: { case: "struct", value: { fields: [{ name: "a", ...field }] } } }));
    const text = { dataType: { kind: { case: "string", value: {} } }, nullable: true };
    expect(column(text)).toBeDefined();
    expect(column({ ...text, nullable: false })).toBeUndefined();
    expect(column({ ...text, metadata: '{"ml_attr":{}}' })).toBeUndefined();
    expect(column({ ...text, dataType: { kind: { case: "varChar", value: {} } } })).toBeUndefined();
    expect(column({ ...text, dataType: { kind: { case: "variant", value: {} } } })).toBeUndefined();
  });
});

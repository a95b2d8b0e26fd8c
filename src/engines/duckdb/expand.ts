/** @file Readers that SQL does not serve become plans of other nodes: pictures and whole files a list of paths and a stage that reads them. */

import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type * as arrow from "apache-arrow";
import { fromArrowSchema } from "../../data/arrow-types.js";
import { batchOf, numberColumn, stringColumn, timeColumn } from "../../data/columns.js";
import {
  name as column,
  input,
  joinSql,
  type LocalPlan,
  type Plan,
  type ReadPlan,
  type SqlPlan,
  sql,
} from "../../data/plan.js";
import { picturePattern } from "../../data/reader.js";
import type { Schema } from "../../data/schema.js";
import { ReadFiles } from "../../worker/read-files.js";
import { findFiles } from "./files.js";
import { readIdx } from "./idx.js";

const pictures = { what: "pictures", pattern: picturePattern };
const anything = { what: "files", pattern: /(?:)/ };

/** Replaces such readers; each is looked up once, so that all uses of a DataFrame see the same files. */
export class Expander {
  readonly #known = new WeakMap<Plan, Promise<Plan>>();

  expand(plan: Plan): Promise<Plan> {
    let expanded = this.#known.get(plan);
    if (expanded === undefined) {
      expanded = this.#expand(plan);
      expanded.catch(() => this.#known.delete(plan));
      this.#known.set(plan, expanded);
    }
    return expanded;
  }

  async #expand(plan: Plan): Promise<Plan> {
    switch (plan.kind) {
      case "local":
      case "cache":
        // a cache is known by its node, and expands its input when it is filled
        return plan;
      case "read":
        if (plan.format === "images") return await imagesPlan(plan);
        if (plan.format === "binaryFiles") return await filesPlan(plan);
        return plan.format === "idx" ? await readIdx(plan) : plan;
      case "sql": {
        const inputs = await Promise.all(plan.inputs.map((each) => this.expand(each)));
        return inputs.every((each, i) => each === plan.inputs[i]) ? plan : { ...plan, inputs };
      }
      case "stage": {
        const below = await this.expand(plan.input);
        return below === plan.input ? plan : { ...plan, input: below };
      }
    }
  }
}

async function imagesPlan(plan: ReadPlan): Promise<Plan> {
  const files = (await findFiles(plan.paths, pictures, "read.images")).sort();
  const label = plan.options.label as string | undefined;
  const labels = label === undefined ? {} : { [label]: stringColumn(files.map((file) => basename(dirname(file)))) };
  return contents(localPlan(batchOf({ path: stringColumn(files), ...labels })), "image", plan.schema!);
}

async function filesPlan(plan: ReadPlan): Promise<Plan> {
  const files = (await findFiles(plan.paths, anything, "read.binaryFiles")).sort();
  const infos = [];
  for (const file of files) infos.push(await stat(file, { bigint: true }));
  const list = batchOf({
    path: stringColumn(files),
    modificationTime: timeColumn(
      "timestamp",
      BigInt64Array.from(infos, ({ mtimeNs }) => mtimeNs / 1000n),
    ),
    length: numberColumn(
      "bigint",
      BigInt64Array.from(infos, ({ size }) => size),
    ),
  });
  return contents(localPlan(list), "content", plan.schema!);
}

/** The list of files with their bytes, in the reader's order of columns. */
function contents(list: LocalPlan, outputCol: string, schema: Schema): SqlPlan {
  const stage = new ReadFiles({ inputCol: "path", outputCol });
  const columns = schema.names.map((name) => ({ from: name, to: name }));
  return {
    kind: "sql",
    op: "read",
    query: () => ({
      sql: sql`SELECT ${joinSql(schema.names.map((name) => column(name)))} FROM ${input(0)}`,
      effect: { kind: "pick", columns },
    }),
    inputs: [{ kind: "stage", stage, input: list, schema: stage.transformSchema(list.schema) }],
    schema,
    stable: true,
  };
}

export function localPlan(batch: arrow.RecordBatch): LocalPlan {
  return { kind: "local", batches: [batch], schema: fromArrowSchema(batch.schema) };
}

/** @file A plan as one SQL query: a named part per node. What SQL cannot say (stages, local and kept rows) is bound to tables first. */

import { type CachePlan, inputUses, type LocalPlan, type Plan, type StagePlan } from "../../data/plan.js";
import { SchemaError } from "../../errors.js";
import type { Database } from "./database.js";
import type { DuckDescriber } from "./described.js";
import { render } from "./dialect.js";
import { quoteName } from "./quote.js";
import { readSql } from "./readers.js";

/** Makes a node's rows something that SQL can read, and gives its name there. @param once whether it is read once only */
export type Bind = (plan: LocalPlan | StagePlan | CachePlan, once: boolean) => Promise<string>;

/** SQL for the plan's rows. @param list what is selected of them */
export async function compile(
  plan: Plan,
  list: string,
  database: Database,
  describer: DuckDescriber,
  bind: Bind,
): Promise<string> {
  const references = await countReferences(plan, describer);
  const parts: string[] = [];
  const names = new Map<Plan, string>();

  async function part(node: Plan): Promise<string> {
    const known = names.get(node);
    if (known !== undefined) return known;
    const body = await bodyOf(node);
    const name = `__${node.kind}${names.size}`;
    names.set(node, name);
    // what is used once is better computed within the rest than stored; rows that come once must be stored to be used twice
    const hint =
      references.get(node) === 1 ? "NOT MATERIALIZED " : node.kind === "sql" && hasStage(node) ? "MATERIALIZED " : "";
    parts.push(`${name} AS ${hint}(${body}\n)`);
    return name;
  }

  async function bodyOf(node: Plan): Promise<string> {
    if ((await describer.describe(node)).isStatement) {
      throw new SchemaError(
        "session.sql",
        "a statement that is no query gives no rows to work on; run it with collect()",
      );
    }
    if (node.kind === "read") return (await readSql(node, database)).sql;
    if (node.kind !== "sql") return `SELECT * FROM ${await bind(node, references.get(node) === 1)}`;
    const { query } = await describer.query(node);
    const inputs: string[] = [];
    for (const [i, input] of node.inputs.entries()) {
      // an input may be there for its columns alone
      if (inputUses(query, i) > 0) inputs[i] = await part(input);
    }
    const text = render(query.sql, (index) => inputs[index]!);
    if (query.inputNames === undefined || query.inputNames.length === 0) return text;
    const views = query.inputNames.map((name, i) => `${quoteName(name)} AS NOT MATERIALIZED (FROM ${inputs[i]})`);
    return `WITH ${views.join(", ")} SELECT * FROM (${text}\n)`;
  }

  const last = await part(plan);
  return `WITH ${parts.join(",\n")}\nSELECT ${list} FROM ${last}`;
}

function hasStage(plan: Plan): boolean {
  return plan.kind === "stage" || (plan.kind === "sql" && plan.inputs.some(hasStage));
}

/** How often each node's rows are read. */
async function countReferences(plan: Plan, describer: DuckDescriber): Promise<Map<Plan, number>> {
  const counts = new Map<Plan, number>();
  const visit = async (node: Plan, times: number): Promise<void> => {
    const before = counts.get(node) ?? 0;
    counts.set(node, before + times);
    if (before > 0 || node.kind !== "sql") return;
    const { query } = await describer.query(node);
    for (const [i, input] of node.inputs.entries()) {
      const uses = inputUses(query, i);
      if (uses > 0) await visit(input, uses);
    }
  };
  await visit(plan, 1);
  return counts;
}

/** @file A plan as one SQL query: a named part per node. What SQL cannot say (stages, local and kept rows) is bound to tables first. */

import type { CachePlan, LocalPlan, Plan, StagePlan } from "../../data/plan.js";
import type { Database } from "./database.js";
import type { Describer } from "./described.js";
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
  describer: Describer,
  bind: Bind,
): Promise<string> {
  const references = countReferences(plan);
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
    if (node.kind === "read") return (await readSql(node, database)).sql;
    if (node.kind !== "sql") return `SELECT * FROM ${await bind(node, references.get(node) === 1)}`;
    const inputs: string[] = [];
    for (const input of node.inputs) inputs.push(await part(input));
    const { query } = await describer.query(node);
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

function countReferences(plan: Plan): Map<Plan, number> {
  const counts = new Map<Plan, number>();
  const visit = (node: Plan): void => {
    const before = counts.get(node) ?? 0;
    counts.set(node, before + 1);
    if (before === 0 && node.kind === "sql") node.inputs.forEach(visit);
  };
  visit(plan);
  return counts;
}

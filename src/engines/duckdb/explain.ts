/** @file explain(): the plan as it will run, one line per step, inputs indented below. */

import type { Plan } from "../../data/plan.js";
import type { DuckDescriber } from "./described.js";
import { render } from "./dialect.js";

export async function explainPlan(plan: Plan, describer: DuckDescriber): Promise<string> {
  const lines: string[] = [];
  const visit = async (node: Plan, depth: number): Promise<void> => {
    lines.push(`${"  ".repeat(depth)}${depth === 0 ? "" : "+- "}${await lineOf(node, describer)}`);
    const inputs = node.kind === "sql" ? node.inputs : "input" in node ? [node.input] : [];
    for (const input of inputs) await visit(input, depth + 1);
  };
  await visit(plan, 0);
  return lines.join("\n");
}

async function lineOf(node: Plan, describer: DuckDescriber): Promise<string> {
  switch (node.kind) {
    case "read":
      return `Read ${node.format} ${node.paths.join(", ")}`;
    case "local":
      return `Rows ${node.batches.reduce((sum, { numRows }) => sum + numRows, 0)} [${node.schema.names.join(", ")}]`;
    case "cache":
      return "Cache";
    case "stage": {
      const { stage } = node;
      const { schema } = await describer.describe(node.input);
      const rows = stage.rowsPerTask === undefined ? "" : ` (${stage.rowsPerTask} rows per task)`;
      return `Stage ${stage.name}${rows} ${stage.describe(schema)}`.trimEnd();
    }
    case "sql": {
      const { query } = await describer.query(node);
      const text = render(query.sql, (index) => (node.inputs.length > 1 ? `#${index + 1}` : "#"));
      return `Sql ${node.op}: ${text.replace(/\s+/g, " ")}`;
    }
  }
}

/** @file What of a plan runs in one pass of the worker: the stages at its top, and picks of columns between and above them. */

import type { Describer, Description } from "../data/describer.js";
import type { Plan } from "../data/plan.js";
import type { Step } from "./run-chain.js";

/** Stages and picks at the plan's top, first to last, and what they stand on. */
export async function peel(plan: Plan, describer: Describer<Description>): Promise<{ source: Plan; steps: Step[] }> {
  const steps: Step[] = [];
  let source = plan;
  for (;;) {
    if (source.kind === "stage") {
      steps.unshift({ kind: "stage", stage: source.stage });
      source = source.input;
    } else if (source.kind === "sql" && (await standsOnStage(source, describer))) {
      const { effect } = (await describer.query(source)).query;
      if (effect?.kind === "pick") steps.unshift({ kind: "pick", columns: effect.columns });
      source = source.inputs[0]!;
    } else return { source, steps };
  }
}

/** Whether the plan is a stage, or picks of columns that stand on one. */
export async function standsOnStage(plan: Plan, describer: Describer<Description>): Promise<boolean> {
  if (plan.kind !== "sql") return plan.kind === "stage";
  const { effect } = (await describer.query(plan)).query;
  return effect?.kind === "pick" && (await standsOnStage(plan.inputs[0]!, describer));
}

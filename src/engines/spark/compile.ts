/** @file A plan as one relation of Spark: SQL nodes over named inputs, runs of stages as one pass of the executor bridge. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CachePlan,
  inputUses,
  type LocalPlan,
  type Plan,
  type ReadPlan,
  type SqlPlan,
  type StagePlan,
} from "../../data/plan.js";
import { standsOnStage } from "../../worker/peel.js";
import type { SparkDescriber } from "./described.js";
import { quoteName, render } from "./dialect.js";
import { numberingOf } from "./numbering.js";
import type { RelationSchema } from "./proto/spark_connect_pb.js";
import type { Reading } from "./source.js";

export type Relation = MessageInitShape<typeof RelationSchema>;

/** What is not SQL, made into relations by the engine. */
export interface Leaves {
  read(plan: ReadPlan): Promise<Reading>;
  local(plan: LocalPlan): Promise<Relation>;
  /** Gives the name of the view whose rows Spark keeps. */
  cache(plan: CachePlan): Promise<string>;
  /** A text of the user's, where it is a command: run once. Undefined for a query. */
  command(plan: SqlPlan, text: string): Promise<Relation> | undefined;
  /** A stage, and the stages and picks below it. */
  stage(plan: StagePlan | SqlPlan, compile: (plan: Plan) => Promise<Relation>): Promise<Relation>;
}

let aliases = 0;

/** SQL over relations, each under a name that no other query of the session has at the same time. */
export function sqlOver(inputs: readonly Relation[], text: (names: readonly string[]) => string): Relation {
  const names = inputs.map(() => `__deepframe_${aliases++}`);
  const root: Relation = { relType: { case: "sql", value: { query: text(names.map(quoteName)) } } };
  if (inputs.length === 0) return root;
  const references = inputs.map(
    (input, i): Relation => ({ relType: { case: "subqueryAlias", value: { input, alias: names[i]! } } }),
  );
  return { relType: { case: "withRelations", value: { root, references } } };
}

/** A reader's relation with the SQL over it. */
export function readingRelation({ relation, sql }: Reading): Relation {
  if (sql === undefined) return relation;
  return sqlOver([relation], ([name]) => sql.replaceAll(/(?<=FROM )#/g, name!));
}

export function tableRelation(name: string): Relation {
  return sqlOver([], () => `SELECT * FROM ${quoteName(name)}`);
}

/** The relation that gives the plan's rows. */
export async function compile(plan: Plan, describer: SparkDescriber, leaves: Leaves): Promise<Relation> {
  const known = new Map<Plan, Promise<Relation>>();

  const relationOf = (node: Plan): Promise<Relation> => {
    let relation = known.get(node);
    if (relation === undefined) {
      relation = make(node);
      known.set(node, relation);
    }
    return relation;
  };

  const make = async (node: Plan): Promise<Relation> => {
    switch (node.kind) {
      case "read":
        return readingRelation(await leaves.read(node));
      case "local":
        return await leaves.local(node);
      case "cache":
        return tableRelation(await leaves.cache(node));
      case "stage":
        return await leaves.stage(node, relationOf);
      case "sql": {
        const { query } = await describer.query(node);
        if (await standsOnStage(node, describer)) return await leaves.stage(node, relationOf);
        if (node.inputs.length === 0) {
          const text = render(query.sql, () => "");
          return (await leaves.command(node, text)) ?? sqlOver([], () => text);
        }
        const used = node.inputs.flatMap((input, i) => (inputUses(query, i) > 0 ? { input, i } : []));
        const aliased = used.filter(({ input }) => input.kind !== "cache");
        const inputs = await Promise.all(aliased.map(({ input }) => relationOf(input)));
        // Spark drops an alias after the query, and with it the rows it keeps of an equal plan: views stand for themselves
        const views = await Promise.all(
          used.map(({ input }) => (input.kind === "cache" ? leaves.cache(input) : undefined)),
        );
        const numberings = await Promise.all(node.inputs.map((input) => numberingOf(input, describer)));
        return sqlOver(inputs, (aliases) => {
          const rest = [...aliases];
          const names = views.map((view) => (view === undefined ? rest.shift()! : quoteName(view)));
          const name = (index: number) => names[used.findIndex(({ i }) => i === index)]!;
          const text = render(query.sql, name, (index, as) => numberings[index]!(name(index), as));
          if (query.inputNames === undefined || query.inputNames.length === 0) return text;
          const named = query.inputNames.map((name, i) => `${quoteName(name)} AS (SELECT * FROM ${names[i]})`);
          return `WITH ${named.join(", ")} SELECT * FROM (${text}\n)`;
        });
      }
    }
  };

  return await relationOf(plan);
}

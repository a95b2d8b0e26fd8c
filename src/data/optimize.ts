/** @file A plan made cheaper: rows are chosen before stages see them, and what nobody asks for is not computed. */

import type { Describer, Description, Picked } from "./describer.js";
import { name as column, input, joinSql, type Plan, type Query, type SqlPlan, type StagePlan, sql } from "./plan.js";
import type { Schema } from "./schema.js";
import { sameType } from "./types.js";

/** Columns somebody asks for; undefined for all. */
type Needed = ReadonlySet<string> | undefined;

/** Columns that a query looks at, of one input; undefined for all. */
type Uses = ReadonlySet<string> | undefined;

/**
 * Tells which columns a query's text looks at, in lower case: those that are known, perhaps others. Undefined where that
 * cannot be told, as where `*` stands for all of them. It is the engine's, since SQL's dialects are.
 *
 * @param known names of the inputs' columns in lower case
 */
export type ColumnsOf = (query: Query, known: ReadonlySet<string>) => Promise<ReadonlySet<string> | undefined>;

export class Optimizer {
  readonly #describer: Describer<Description>;
  readonly #columnsOf: ColumnsOf;

  constructor(describer: Describer<Description>, columnsOf: ColumnsOf) {
    this.#describer = describer;
    this.#columnsOf = columnsOf;
  }

  /** A plan with the same rows and columns. */
  async optimize(plan: Plan): Promise<Plan> {
    const sunk = await this.#sink(plan, new Map());
    return await this.#prune(sunk, undefined, new Shared(sunk));
  }

  /** Moves choices of rows below stages and picks whose columns they do not look at. */
  #sink(plan: Plan, done: Map<Plan, Promise<Plan>>): Promise<Plan> {
    let sunk = done.get(plan);
    if (sunk === undefined) {
      sunk = this.#sinkOne(plan, done);
      done.set(plan, sunk);
    }
    return sunk;
  }

  async #sinkOne(plan: Plan, done: Map<Plan, Promise<Plan>>): Promise<Plan> {
    if (plan.kind === "stage") return { ...plan, input: await this.#sink(plan.input, done) };
    if (plan.kind !== "sql") return plan;
    const moved = this.#over(plan, await Promise.all(plan.inputs.map((each) => this.#sink(each, done))));
    const { query } = await this.#describer.query(moved);
    if (query.effect?.kind === "union") return await this.#unitedFiles(moved);
    const below = moved.inputs[0];
    if (query.effect?.kind !== "rows" || below === undefined) return moved;
    const uses = await this.#usesOfRows(moved, query);
    if (uses === undefined) return moved;
    if (below.kind === "stage") {
      if (below.stage.makesRows) return moved;
      if (query.effect.counts && below.stage.dropsRows) return moved;
      const before = (await this.#describer.describe(below.input)).schema;
      const after = (await this.#describer.describe(below)).schema;
      const isFree = [...uses].every(
        (name) => before.has(name) && sameType(before.typeOf(name)!, after.typeOf(name) ?? "null"),
      );
      if (!isFree) return moved;
      return { ...below, input: await this.#sink(await this.#chosen(moved, below.input), done) };
    }
    const pick = below.kind === "sql" ? (await this.#describer.query(below)).query.effect : undefined;
    if (below.kind === "sql" && pick?.kind === "pick") {
      const isSame = [...uses].every((name) => pick.columns.some(({ from, to }) => from === name && to === name));
      if (isSame) return { ...below, inputs: [await this.#sink(await this.#chosen(moved, below.inputs[0]!), done)] };
    }
    return moved;
  }

  /** Contents of files of both inputs are read of the files of both, so that they go straight to where they are used. */
  async #unitedFiles(plan: SqlPlan): Promise<Plan> {
    const [first, second] = await Promise.all(plan.inputs.map((each) => this.#readingOf(each)));
    if (first === undefined || second === undefined || first.key !== second.key) return plan;
    const files: SqlPlan = { ...plan, inputs: [first.reading.input, second.reading.input], schema: undefined };
    this.#describer.same(files, first.reading.input);
    const reading: StagePlan = { ...first.reading, input: await this.#unitedFiles(files) };
    return first.pick === undefined ? reading : { ...first.pick, inputs: [reading] };
  }

  /** A plan that is a stage that reads files, or a pick of its columns; equal keys tell that both do the same. */
  async #readingOf(plan: Plan): Promise<{ pick?: SqlPlan; reading: StagePlan; key: string } | undefined> {
    const effect = plan.kind === "sql" ? (await this.#describer.query(plan)).query.effect : undefined;
    const pick = plan.kind === "sql" && effect?.kind === "pick" ? plan : undefined;
    const reading = pick === undefined ? plan : pick.inputs[0]!;
    if (reading.kind !== "stage" || !reading.stage.readsFiles) return undefined;
    const { schema } = await this.#describer.describe(reading.input);
    const { type, params } = reading.stage.toSpec();
    return { ...(pick && { pick }), reading, key: JSON.stringify([effect, type, params, schema]) };
  }

  /** The same query over inputs that give the same columns; the same node where they are the same. */
  #over(plan: SqlPlan, inputs: readonly Plan[]): SqlPlan {
    if (inputs.every((each, i) => each === plan.inputs[i])) return plan;
    return { ...plan, inputs };
  }

  /** A choice of rows, over another input: it gives that one's columns. */
  async #chosen(plan: SqlPlan, below: Plan): Promise<SqlPlan> {
    // a query that is wrong is told where it stands
    await this.#describer.describe(plan);
    const moved: SqlPlan = { ...plan, inputs: [below], schema: undefined };
    this.#describer.same(moved, below);
    return moved;
  }

  /** A query's input, pruned; what stages read themselves and the query does not stays with them. */
  async #narrow(input: Plan, needed: Needed, shared: Shared): Promise<Plan> {
    const pruned = await this.#prune(input, needed, shared);
    if (pruned.kind !== "stage" || needed === undefined || shared.has(input)) return pruned;
    return await this.#picked(pruned, needed);
  }

  /** Leaves out stages, and columns below them, that nobody needs. */
  async #prune(plan: Plan, wanted: Needed, shared: Shared): Promise<Plan> {
    if (!shared.has(plan)) return await this.#pruneOne(plan, wanted, shared);
    // others read it too, and perhaps other columns: it is made once, with all
    return await shared.once(plan, () => this.#pruneOne(plan, undefined, shared));
  }

  async #pruneOne(plan: Plan, needed: Needed, shared: Shared): Promise<Plan> {
    switch (plan.kind) {
      case "read":
      case "local":
        return plan;
      case "cache":
        return plan;
      case "stage":
        return await this.#pruneStage(plan, needed, shared);
      case "sql": {
        const { query } = await this.#describer.query(plan);
        if (query.effect?.kind === "pick") {
          const columns = query.effect.columns.filter(({ to }) => needed === undefined || needed.has(to));
          const below = await this.#prune(plan.inputs[0]!, new Set(columns.map(({ from }) => from)), shared);
          return columns.length === 0 ? below : pickPlan(plan.op, columns, below);
        }
        const inputs: Plan[] = [];
        for (const [i, each] of plan.inputs.entries()) {
          inputs.push(
            hasStage(each) ? await this.#narrow(each, await this.#neededOf(plan, query, i, needed), shared) : each,
          );
        }
        const moved = this.#over(plan, inputs);
        if (moved !== plan) {
          await this.#describer.describe(plan);
          this.#describer.same(moved, query.effect?.kind === "rows" ? inputs[0]! : plan);
        }
        return moved;
      }
    }
  }

  async #pruneStage(plan: StagePlan, needed: Needed, shared: Shared): Promise<Plan> {
    const { stage } = plan;
    const before = (await this.#describer.describe(plan.input)).schema;
    const written = writtenBy(before, (await this.#describer.describe(plan)).schema);
    if (needed !== undefined && !stage.dropsRows && !written.some((name) => needed.has(name))) {
      return await this.#prune(plan.input, needed, shared);
    }
    const reads = stage.readsColumns;
    if (needed === undefined || reads === undefined)
      return { ...plan, input: await this.#prune(plan.input, undefined, shared) };
    const wanted = new Set([...reads, ...needed].filter((name) => before.has(name)));
    const below = await this.#prune(plan.input, wanted, shared);
    return { ...plan, input: await this.#only(below, wanted), schema: undefined };
  }

  /** The plan with no more columns than wanted; stages in a row narrow at their source alone. */
  async #only(plan: Plan, wanted: ReadonlySet<string>): Promise<Plan> {
    return plan.kind === "stage" ? plan : await this.#picked(plan, wanted);
  }

  async #picked(plan: Plan, wanted: ReadonlySet<string>): Promise<Plan> {
    const { names } = (await this.#describer.describe(plan)).schema;
    const kept = names.filter((name) => wanted.has(name));
    if (kept.length === names.length || kept.length === 0) return plan;
    const columns = kept.map((name) => ({ from: name, to: name }));
    return pickPlan("select", columns, plan);
  }

  async #neededOf(plan: SqlPlan, query: Query, index: number, needed: Needed): Promise<Needed> {
    const { effect } = query;
    if (effect?.kind === "rows") {
      const uses = await this.#usesOfRows(plan, query);
      return needed && uses && new Set([...needed, ...uses]);
    }
    return await this.#uses(plan, query, index);
  }

  /** A choice of rows begins with `SELECT *`, which says nothing about what it looks at. */
  async #usesOfRows(plan: SqlPlan, query: Query): Promise<Uses> {
    const condition: Query = { ...query, sql: { parts: query.sql.parts.map(withoutStar) } };
    return await this.#uses(plan, condition, 0);
  }

  async #uses(plan: SqlPlan, query: Query, index: number): Promise<Uses> {
    if (query.inputNames !== undefined) return undefined;
    const described = await Promise.all(plan.inputs.map((each) => this.#describer.describe(each)));
    const known = new Set(described.flatMap(({ forQueries }) => forQueries.names.map((name) => name.toLowerCase())));
    const found = await this.#columnsOf(query, known);
    const own = described[index]!.forQueries.names;
    return found && new Set(own.filter((name) => found.has(name.toLowerCase())));
  }
}

/** Nodes that several others read. */
class Shared {
  readonly #nodes = new Set<Plan>();
  readonly #made = new Map<Plan, Promise<Plan>>();

  constructor(plan: Plan) {
    const seen = new Set<Plan>();
    const visit = (node: Plan): void => {
      if (seen.has(node)) {
        this.#nodes.add(node);
        return;
      }
      seen.add(node);
      if (node.kind === "sql") node.inputs.forEach(visit);
      if (node.kind === "stage") visit(node.input);
    };
    visit(plan);
  }

  has(plan: Plan): boolean {
    return this.#nodes.has(plan);
  }

  once(plan: Plan, make: () => Promise<Plan>): Promise<Plan> {
    let made = this.#made.get(plan);
    if (made === undefined) {
      made = make();
      this.#made.set(plan, made);
    }
    return made;
  }
}

function pickPlan(op: string, columns: readonly Picked[], below: Plan): SqlPlan {
  const list = joinSql(columns.map(({ from, to }) => sql`${column(from)} AS ${column(to)}`));
  const query: Query = { sql: sql`SELECT ${list} FROM ${input(0)}`, effect: { kind: "pick", columns } };
  return { kind: "sql", op, query: () => query, inputs: [below], schema: undefined, stable: true };
}

function withoutStar(part: Query["sql"]["parts"][number]): Query["sql"]["parts"][number] {
  if (typeof part === "object" && "without" in part) return "1";
  if (typeof part === "object" && "numbered" in part) return { input: part.numbered };
  return typeof part === "string"
    ? part.replace(/SELECT (\/\*[^*]*\*\/ )?\*(?=,| FROM)/g, "SELECT 1").replace(/\*\/ \* FROM/, "*/ 1 FROM")
    : part;
}

function writtenBy(before: Schema, after: Schema): string[] {
  return after.fields
    .filter(({ name, type }) => !before.has(name) || !sameType(before.typeOf(name)!, type))
    .map(({ name }) => name);
}

function hasStage(plan: Plan): boolean {
  if (plan.kind === "stage") return true;
  return plan.kind === "sql" && plan.inputs.some(hasStage);
}

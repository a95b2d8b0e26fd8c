/** @file Runs plans and commands on a Spark server: progress is told, slots are watched, and files that are absent are sent. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type * as arrow from "apache-arrow";
import type { ProgressListener } from "../../data/engine.js";
import { batchToRows } from "../../data/rows.js";
import { EngineError } from "../../errors.js";
import { sendingAbsentFiles } from "./absent-files.js";
import { arrowBatches } from "./arrow-stream.js";
import type { Bridge } from "./bridge/bridge.js";
import type { Client } from "./client.js";
import { type Relation, readingRelation } from "./compile.js";
import { type ExecuteOptions, execute, type Response } from "./execute.js";
import { isAtLeast, type Server } from "./probe.js";
import type { CommandSchema, DataType, PlanSchema } from "./proto/spark_connect_pb.js";
import type { Reading } from "./source.js";
import { TaskProgress } from "./task-progress.js";

type PlanInit = MessageInitShape<typeof PlanSchema>;
type CommandType = NonNullable<MessageInitShape<typeof CommandSchema>["commandType"]>;

/** Who hears of what runs. */
export interface Hearers extends Pick<Bridge, "watch" | "replace"> {
  readonly report: ProgressListener;
}

interface RowOptions {
  readonly signal?: AbortSignal | undefined;
  /** Whether progress is kept from the user. */
  readonly isSilent?: boolean;
}

export class Runner {
  readonly #client: Client;
  readonly #server: Server;
  readonly #hearers: Hearers;

  constructor(client: Client, server: Server, hearers: Hearers) {
    this.#client = client;
    this.#server = server;
    this.#hearers = hearers;
  }

  async typeOf(relation: Relation): Promise<DataType | undefined> {
    const value = { plan: { opType: { case: "root", value: relation } } } as const;
    return (await this.#client.analyze({ case: "schema", value }, "schema")).schema;
  }

  /** The first value of the first row. */
  async value(reading: Reading, options: RowOptions = {}): Promise<unknown> {
    for await (const batch of this.rows(readingRelation(reading), options)) {
      return Object.values(batchToRows(batch)[0]!)[0];
    }
    return undefined;
  }

  async *rows(
    relation: Relation,
    { signal, isSilent = false }: RowOptions = {},
  ): AsyncGenerator<arrow.RecordBatch, void, undefined> {
    const progress = new TaskProgress((news) => isSilent || this.#hearers.report(news));
    const watch = this.#hearers.watch(signal);
    const plan: PlanInit = { opType: { case: "root", value: relation } };
    const isChunked = isAtLeast(this.#server, 4, 1);
    const responses = this.#responses(plan, { signal: watch?.signal ?? signal, chunked: isChunked });
    const hear = (response: Response) => {
      progress.hear(response);
      watch?.hear(response);
    };
    try {
      for await (const batch of arrowBatches(responses, hear)) {
        watch?.begun();
        yield batch;
      }
    } finally {
      watch?.end();
    }
    progress.finish();
  }

  /** Runs a command; gives the responses that are neither rows nor progress. */
  async command(commandType: CommandType, signal?: AbortSignal): Promise<Response[]> {
    const progress = new TaskProgress(this.#hearers.report);
    const answers: Response[] = [];
    const plan: PlanInit = { opType: { case: "command", value: { commandType } } };
    const watch = this.#hearers.watch(signal);
    try {
      for await (const response of this.#responses(plan, { signal: watch?.signal ?? signal })) {
        progress.hear(response);
        watch?.hear(response);
        if (response.case !== "arrowBatch" && response.case !== "executionProgress") answers.push(response);
      }
    } finally {
      watch?.end();
    }
    progress.finish();
    return answers;
  }

  /** Runs a text that may be a command, once; its result is what the server says it is. */
  async sqlCommand(text: string): Promise<Relation> {
    const input: Relation = { relType: { case: "sql", value: { query: text } } };
    for (const answer of await this.command({ case: "sqlCommand", value: { input } })) {
      if (answer.case === "sqlCommandResult" && answer.value.relation) return answer.value.relation;
    }
    throw new EngineError("session.sql", "the server gave no result for the command", { code: "SPARK" });
  }

  #responses(plan: PlanInit, options: ExecuteOptions): AsyncGenerator<Response, void, undefined> {
    return sendingAbsentFiles(
      () => execute(this.#client, plan, options),
      (name) => this.#hearers.replace(name),
    );
  }
}

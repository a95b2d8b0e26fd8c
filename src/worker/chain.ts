/** @file A chain: stages and column picks that run over each batch in one pass, as data that any worker can open. */

import type { BatchStage, StageSpec } from "../data/batch-stage.js";

/** One step of a chain. */
export type ChainStep =
  | {
      readonly kind: "stage";
      readonly spec: StageSpec;
      /** Modules that register the classes of stages that are not ours. */
      readonly modules: readonly string[];
    }
  | { readonly kind: "pick"; readonly columns: readonly { readonly from: string; readonly to: string }[] };

/** What a worker needs to open the chain. */
export interface ChainSpec {
  readonly id: string;
  readonly steps: readonly ChainStep[];
  /** Columns that go in, and that come out: name to type, as Schema.toJSON gives them. */
  readonly input: Readonly<Record<string, string>>;
  readonly output: Readonly<Record<string, string>>;
}

/** A stage as a step. */
export function stepOf(stage: BatchStage): Extract<ChainStep, { kind: "stage" }> {
  return { kind: "stage", spec: stage.toSpec(), modules: modulesOf(stage) };
}

/** URLs of the modules that register the classes of a stage and of stages within it, where they are not ours. */
export function modulesOf(stage: BatchStage): string[] {
  const { module } = stage.constructor as { readonly module?: string };
  const { stages } = (stage as { readonly params?: { readonly stages?: unknown } }).params ?? {};
  const within = Array.isArray(stages) ? stages.flatMap(modulesOf) : [];
  return [...new Set([...(module === undefined ? [] : [module]), ...within])];
}

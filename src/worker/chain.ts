/** @file A chain: stages and column picks that run over each batch in one pass, as data that any worker can open. */

import type { StageSpec } from "../data/batch-stage.js";

/** One step of a chain. */
export type ChainStep =
  | {
      readonly kind: "stage";
      readonly spec: StageSpec;
      /** A module that registers the stage's class, where it is not one of ours. */
      readonly module?: string | undefined;
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

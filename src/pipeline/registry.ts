/** @file Stage classes by name, so that saved stages and workers find them. */

import type { StageSpec } from "../data/batch-stage.js";
import { DataError, didYouMean } from "../errors.js";
import type { Asset } from "../util/asset.js";
import type { ParamSpecs, ReadStored } from "../util/params.js";
import type { Stage } from "./stage.js";

/** A stage's class: constructed from parameter values alone, with its declarations as `specs`. */
export interface StageClass {
  readonly name: string;
  readonly specs: ParamSpecs;
  // biome-ignore lint/suspicious/noExplicitAny: parameters differ per class and are checked by the constructor itself
  new (values: any): Stage;
}

const classes = new Map<string, StageClass>();

export function registerStages(...stages: readonly StageClass[]): void {
  for (const stage of stages) classes.set(stage.name, stage);
}

/** Every stage class there is, for tests by discovery. */
export function registeredStages(): StageClass[] {
  return [...classes.values()];
}

/** A stage from its data. @throws DataError for an unknown type, ParamError for values that do not fit. */
export function stageFromSpec(spec: Pick<StageSpec, "type" | "params">, assets: ReadonlyMap<string, Asset>): Stage {
  const Class = classes.get(spec.type);
  if (Class === undefined) {
    const hint = didYouMean(spec.type, classes.keys());
    throw new DataError("load", `no stage class "${spec.type}" in this version${hint || "; register it first"}`);
  }
  const read: ReadStored = {
    asset(json) {
      const sha256 = (json as { $asset?: string } | null)?.$asset ?? "";
      const found = assets.get(sha256);
      if (found === undefined)
        throw new DataError(
          "load",
          `${spec.type} needs asset ${sha256 || "without a name"}, which is not in the file list`,
        );
      return found;
    },
    stage: (json) => stageFromSpec(json as StageSpec, assets),
  };
  const values = Object.entries(spec.params).map(([name, stored]): [string, unknown] => {
    const decode = Class.specs[name]?.decode;
    return [name, decode ? decode(stored, read) : (stored ?? undefined)];
  });
  return new Class(Object.fromEntries(values));
}

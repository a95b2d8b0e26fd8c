/** @file What a pool thread does for Builder: it keeps the Building of each run, made anew where it is not known. */

import type { ThreadContext } from "../runtime/context.js";
import { Tensor } from "../tensor/tensor.js";
import { Building, type BuildingOptions, type SplitParts } from "./building.js";
import type { ProgramRequest } from "./programs.js";
import { restoreProblem, type StoredProblem } from "./stored-problem.js";
import type { WireProgram } from "./thread-state.js";

export interface BuildingMessage extends Pick<BuildingOptions, "seed" | "recompute" | "memoryLimit"> {
  readonly id: string;
  readonly who: string;
  readonly stored: StoredProblem;
  /** Rows of the data where the frozen part is split off. */
  readonly splitRows: number | undefined;
}

const buildings = new Map<string, Building>();

async function buildingOf({ id, stored, splitRows, ...given }: BuildingMessage): Promise<Building> {
  let found = buildings.get(id);
  if (found === undefined) {
    found = new Building({ ...given, ...restoreProblem(stored) });
    buildings.set(id, found);
  }
  if (splitRows !== undefined) await found.split(splitRows);
  return found;
}

export async function draw(message: BuildingMessage, { transfer }: ThreadContext): Promise<Record<string, Tensor>> {
  const drawn = await (await buildingOf(message)).draw();
  const copies = [...drawn].map(([name, { dtype, data, shape }]): [string, Tensor] => {
    // of its own: a file's weights are parts of its bytes
    const copy = (data as Float32Array).slice();
    transfer(copy.buffer);
    return [name, new Tensor(dtype, copy, shape)];
  });
  return Object.fromEntries(copies);
}

/** Without heads, which the caller has. */
export interface SplitMessage {
  readonly parts: (Omit<SplitParts, "form"> & Pick<SplitParts["form"], "inputs">) | undefined;
}

export async function split(message: BuildingMessage): Promise<SplitMessage> {
  const found = await (await buildingOf(message)).split(message.splitRows!);
  if (found === undefined) return { parts: undefined };
  const { form, ...parts } = found;
  return { parts: { ...parts, inputs: form.inputs } };
}

export async function build(message: BuildingMessage & { readonly request: ProgramRequest }): Promise<WireProgram> {
  return (await buildingOf(message)).build(message.request);
}

export function close(id: string): void {
  buildings.delete(id);
}

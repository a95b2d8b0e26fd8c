/** @file What a pool thread does for a training run: takes rows and tensors, trains, gives gradients, validates. */

import type { ThreadContext } from "../runtime/context.js";
import { Tensor } from "../tensor/tensor.js";
import type { Place } from "./epoch-plan.js";
import {
  keep,
  orderFor,
  readBy,
  rowsOf,
  type SetName,
  sessionOf,
  type Training,
  tensorsOf,
  trainingOf,
  type Values,
  type WireProgram,
} from "./thread-state.js";

export { close, load, open, read, retreat, write } from "./thread-state.js";

export interface StepsMessage extends Place {
  readonly id: string;
  readonly program: WireProgram;
  readonly steps: number;
  /** [steps, numberCount] */
  readonly numbers: Float32Array;
}

export interface StepsResult {
  /** [steps done, batches, statCount] */
  readonly stats: Float32Array;
  readonly done: number;
  /** Whether the last of them had a loss that is not finite; the carried tensors are those before it. */
  readonly failed: boolean;
}

/** Trains. */
export async function steps(message: StepsMessage, { signal }: ThreadContext): Promise<StepsResult> {
  const training = trainingOf(message.id);
  const { program, steps: count } = message;
  const result = await runSteps(training, message, count, signal);
  const stats = result.stats!.data as Float32Array;
  const [ran] = result.stats!.shape;
  const sound = soundSteps(stats, ran!, program.batches);
  const failed = sound < ran!;
  const done = failed ? sound + 1 : ran!;
  const before = training.values;
  // those before a step went as it was begun: the same steps again, without the last
  const after = async (steps: number) =>
    steps === 0 ? before : nextIn(await runSteps(training, message, steps, signal));
  if (!failed) keep(training, nextIn(result), before);
  else if (done === 1) keep(training, before, training.sound);
  else keep(training, await after(done - 1), await after(done - 2));
  return { stats: stats.subarray(0, (stats.length / ran!) * done), done, failed };
}

export interface GradientsMessage extends StepsMessage {
  /** Instead of what is carried. */
  readonly values: Values;
}

/** One step of a graph whose next weights are the gradients: the largest of each; NaN where one is none. */
export async function gradients(message: GradientsMessage, { signal }: ThreadContext): Promise<Record<string, number>> {
  const training = trainingOf(message.id);
  const result = await runSteps({ ...training, values: tensorsOf(message.values) }, message, 1, signal);
  return largestOf(result, "next/");
}

/** The largest element of each tensor whose name begins so, by the rest of its name; NaN where one is none. */
export function largestOf(tensors: Values, prefix: string): Record<string, number> {
  const largest = ({ data }: Tensor) => (data as Float32Array).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), largest(tensor)]),
  );
}

/** Steps before the first that has a loss which is not finite. */
function soundSteps(stats: Float32Array, steps: number, batches: number): number {
  const width = stats.length / (steps * batches);
  const losses = Array.from({ length: steps * batches }, (_, i) => stats[i * width]!);
  const failed = losses.findIndex((loss) => !Number.isFinite(loss));
  return failed < 0 ? steps : Math.floor(failed / batches);
}

async function runSteps(
  training: Training,
  message: StepsMessage,
  count: number,
  signal: AbortSignal,
): Promise<Values> {
  const { program, numbers } = message;
  const { batchSize, batches } = program;
  const rows = rowsOf(training, "train");
  const order = Int32Array.from(orderFor(training, message, count * batches * batchSize));
  const session = await sessionOf(training, program);
  return session.run(
    {
      count: new Tensor("int64", BigInt64Array.of(BigInt(count)), []),
      order: new Tensor("int32", order, [count, batches * batchSize]),
      numbers: new Tensor("float32", numbers.subarray(0, (numbers.length / message.steps) * count), [
        count,
        numbers.length / message.steps,
      ]),
      ...readBy(session, rows.columns),
      ...training.values,
      ...training.randoms.of(program, message.step, count),
    },
    { signal },
  );
}

function nextIn(result: Values): Values {
  const next = Object.entries(result).filter(([name]) => name.startsWith("next/"));
  return Object.fromEntries(next.map(([name, value]) => [name.slice("next/".length), value]));
}

export interface EvaluateMessage {
  readonly id: string;
  readonly program: WireProgram;
  readonly set: SetName;
  readonly from: number;
  readonly batches: number;
}

/** Loss and sums of metrics of batches in the data's order, by what is learned so far, [batches, statCount]. */
export async function evaluate(message: EvaluateMessage, { signal }: ThreadContext): Promise<Float32Array> {
  const training = trainingOf(message.id);
  const { program, batches, from } = message;
  const rows = rowsOf(training, message.set);
  const session = await sessionOf(training, program);
  const size = batches * program.batchSize;
  const result = await session.run(
    {
      count: new Tensor("int64", BigInt64Array.of(BigInt(batches)), []),
      order: new Tensor(
        "int32",
        Int32Array.from({ length: size }, (_, i) => from + i),
        [batches, program.batchSize],
      ),
      ...readBy(session, rows.columns),
      ...readBy(session, training.values),
    },
    { signal },
  );
  return result.stats!.data as Float32Array;
}

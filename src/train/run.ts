/** @file Run: where a training run is, as callbacks see it and as checkpoints keep it. */

import { DataError, ParamError } from "../errors.js";
import { lrAt } from "../optim/optimizer.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Callback, Logs, TrainingRun } from "./callback.js";
import { type Checkpoint, encodeCheckpoint } from "./checkpoint.js";
import type { Engine } from "./engine.js";
import { runsOf } from "./epoch-plan.js";
import { statCountOf } from "./forward.js";
import type { Layout } from "./layout.js";
import { inferenceGraph } from "./problem.js";
import { Sums } from "./sums.js";
import type { TrainOptions } from "./trainer.js";

type Hook = Extract<keyof Callback, `on${string}`>;
type HookArgs<H extends Hook> = Parameters<Required<Callback>[H]>;

export class Run implements TrainingRun {
  readonly epochs: number;
  readonly samples: number;
  readonly batchSize: number;
  readonly history: Logs[] = [];
  readonly largerIsBetter: ReadonlySet<string>;
  lrFactor = 1;
  epoch = 0;
  step = 0;
  stepInEpoch = 0;
  /** The step of the last validation within an epoch that was told of. */
  validatedStep: number | undefined;
  stopped: string | undefined;
  /** Whether it was told to end from outside, and would go on when resumed. */
  isAborted = false;
  /** Of the epoch so far. */
  sums: Sums;
  readonly #options: TrainOptions;
  readonly #layout: Layout;
  readonly #engine: Engine;
  readonly #first: ReadonlyMap<string, Tensor>;
  readonly #callbacks: readonly Callback[];
  readonly #problemKey: string;

  /** @param first the weights before the first step */
  constructor(options: TrainOptions, layout: Layout, engine: Engine, first: ReadonlyMap<string, Tensor>) {
    this.#options = options;
    this.#layout = layout;
    this.#engine = engine;
    this.#first = first;
    const isLast = ({ isLast = false }: Callback) => Number(isLast);
    this.#callbacks = [...(options.callbacks ?? [])].sort((a, b) => isLast(a) - isLast(b));
    this.epochs = options.epochs;
    this.samples = options.train.rows;
    this.batchSize = options.batchSize;
    this.sums = this.emptySums();
    this.#problemKey = JSON.stringify(layout.parts);
    const better = options.problem.heads.flatMap(({ metrics, output }) =>
      metrics.filter(({ isLargerBetter }) => isLargerBetter).flatMap(({ name }) => [name, `${output}_${name}`]),
    );
    this.largerIsBetter = new Set(better.flatMap((name) => [name, `val_${name}`]));
  }

  /** Batches of one step. */
  get batches(): number {
    return this.#options.optimizer.params.gradientAccumulationSteps;
  }

  /** Rows of one step. */
  get stepRows(): number {
    return this.batchSize * this.batches;
  }

  get steps(): number {
    return runsOf(this.samples, this.batchSize, this.batches).reduce((sum, { steps }) => sum + steps, 0);
  }

  get validateEverySteps(): number | undefined {
    return this.#options.validateEverySteps;
  }

  get scheduledLr(): number {
    return lrAt(this.#options.optimizer, this.step);
  }

  get lr(): number {
    return this.scheduledLr * this.lrFactor;
  }

  stop(reason: string): void {
    this.stopped ??= reason;
  }

  async weights(): Promise<ReadonlyMap<string, Tensor>> {
    return this.#layout.weightsIn(await this.#engine.read());
  }

  /** All weights as validation and the model use them: averaged where the optimizer keeps an average. */
  async learned(): Promise<ReadonlyMap<string, Tensor>> {
    return new Map([...this.#first, ...(await this.#layout.weightsIn(await this.#engine.read(), true))]);
  }

  async setWeights(weights: ReadonlyMap<string, Tensor>): Promise<void> {
    const values = await this.#engine.read();
    // slots stay as they are, but for the average, which begins anew
    const first = await this.#layout.first(this.#options.seed, weights);
    for (const name of this.#layout.learnedParts) values.set(name, first.get(name)!);
    await this.#engine.write(values);
  }

  async model(): Promise<Uint8Array> {
    return inferenceGraph(this.#options.problem, await this.learned()).toBytes();
  }

  async checkpoint(): Promise<Uint8Array> {
    const states = this.#callbacks.flatMap((each, i) =>
      each.state ? [[`${i} ${each.name}`, this.#stateOf(each)]] : [],
    );
    return encodeCheckpoint({
      tensors: await this.#engine.read(),
      progress: {
        seed: this.#options.seed,
        fingerprint: this.#options.train.fingerprint(),
        problem: this.#problemKey,
        stepRows: this.stepRows,
        epoch: this.epoch,
        stepInEpoch: this.stepInEpoch,
        step: this.step,
        validatedStep: this.validatedStep,
        lrFactor: this.lrFactor,
        stopped: this.isAborted ? undefined : this.stopped,
        sums: this.sums.toJSON(),
        history: this.history,
        callbacks: Object.fromEntries(states) as Record<string, unknown>,
      },
    });
  }

  /** Puts everything in the state of the checkpoint. @throws DataError where it is of another run. */
  async resume({ tensors, progress }: Checkpoint): Promise<void> {
    const { who, seed, train: store, problem } = this.#options;
    const differs = (what: string, mend: string) =>
      new DataError(who, `the checkpoint is of another run: ${what} changed since; ${mend}, or set resume: false`, {
        code: "CHECKPOINT",
      });
    if (progress.problem !== this.#problemKey)
      throw differs("the network or the optimizer", "take those it was made with");
    if (progress.seed !== seed) throw differs(`the seed (${progress.seed} then, ${seed} now)`, "take the same one");
    if (progress.fingerprint !== store.fingerprint()) {
      throw differs("the rows, or their order,", "train on the same data in a fixed order, as with orderBy");
    }
    if (progress.stepInEpoch > 0 && progress.stepRows !== this.stepRows) {
      const sizes = `${progress.stepRows} then, ${this.stepRows} now`;
      throw differs(`the rows of a step (${sizes}), within an epoch,`, "take as many until it ends");
    }
    await this.#engine.write(tensors);
    this.epoch = progress.epoch;
    this.step = progress.step;
    this.stepInEpoch = progress.stepInEpoch;
    this.validatedStep = progress.validatedStep;
    this.lrFactor = progress.lrFactor;
    this.stopped = progress.stopped;
    this.sums = new Sums(problem, statCountOf(problem), progress.sums);
    this.history.push(...progress.history);
    for (const [i, each] of this.#callbacks.entries()) {
      const state = progress.callbacks[`${i} ${each.name}`];
      if (state !== undefined) this.#restore(each, state);
    }
  }

  emptySums(): Sums {
    const { problem } = this.#options;
    return new Sums(problem, statCountOf(problem));
  }

  /** Tells all that it ended, whoever throws, since they close files then; a failure that came before goes before theirs. */
  async end(failure: unknown): Promise<void> {
    const thrown: unknown[] = [];
    for (const callback of this.#callbacks) {
      await this.#call(callback, "onTrainEnd", [this, failure]).catch((error) => thrown.push(error));
    }
    if (failure === undefined && thrown.length > 0) throw thrown[0];
  }

  async tell<H extends Hook>(hook: H, ...args: HookArgs<H>): Promise<void> {
    for (const callback of this.#callbacks) await this.#call(callback, hook, args);
  }

  #stateOf(callback: Callback): unknown {
    try {
      return callback.state?.();
    } catch (error) {
      throw this.#thrown(error, callback, "state");
    }
  }

  #restore(callback: Callback, state: unknown): void {
    try {
      callback.restore?.(state);
    } catch (error) {
      throw this.#thrown(error, callback, "restore");
    }
  }

  async #call<H extends Hook>(callback: Callback, hook: H, args: HookArgs<H>): Promise<void> {
    // the compiler does not see that the arguments are those of this hook
    const told = callback[hook] as ((...args: unknown[]) => void | Promise<void>) | undefined;
    try {
      await told?.apply(callback, args);
    } catch (error) {
      throw this.#thrown(error, callback, hook);
    }
  }

  /** What a hook threw, or ParamError where that is undefined, which is no failure here, or null. */
  #thrown(error: unknown, { name: callback }: Callback, hook: string): unknown {
    const message = `the callback ${callback} threw ${error} in ${hook}; throw an Error that says why`;
    return error ?? new ParamError(this.#options.who, message, { param: "callbacks", callback, hook });
  }
}

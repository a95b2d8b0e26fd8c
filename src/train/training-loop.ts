/** @file TrainingLoop: epochs, blocks of rows and chunks of steps, with validation, reports and saving. */

import { messageOf, TrainingError } from "../errors.js";
import { lrAt } from "../optim/optimizer.js";
import { isAbort } from "../util/is-abort.js";
import type { Logs } from "./callback.js";
import type { CheckpointFolder } from "./checkpoint-folder.js";
import type { Engine } from "./engine.js";
import { type Block, runsOf } from "./epoch-plan.js";
import { Feed } from "./feed.js";
import { statCountOf } from "./forward.js";
import type { Run } from "./run.js";
import type { Trained, TrainOptions } from "./trainer.js";

/** Milliseconds that a call may take: five reports a second, and little time between calls. */
const chunkTime = 180;

interface LoopOptions extends TrainOptions {
  /** See Trained. */
  readonly cachedRows: number;
}

/** The loop over epochs, blocks and chunks of steps. */
export class TrainingLoop {
  readonly #options: LoopOptions;
  readonly #engine: Engine;
  readonly #run: Run;
  readonly #feed: Feed;
  readonly #heldOut: Feed | undefined;
  readonly #folder: CheckpointFolder | undefined;
  /** Milliseconds of one step, as measured. */
  #stepTime: number | undefined;
  /** Steps between validations within epochs. */
  readonly #everySteps: number;
  /** When the run was saved. */
  #saved = performance.now();

  constructor(options: LoopOptions, engine: Engine, run: Run, folder: CheckpointFolder | undefined) {
    this.#options = options;
    this.#engine = engine;
    this.#run = run;
    this.#folder = folder;
    const { train: store, seed, shuffle = true } = options;
    this.#feed = new Feed({ set: "train", store, engine, seed, shuffle, stepRows: run.stepRows, epochs: run.epochs });
    const { validation, validateEverySteps = Number.POSITIVE_INFINITY } = options;
    this.#everySteps = validateEverySteps;
    this.#heldOut =
      validation &&
      new Feed({ set: "validation", store: validation, engine, seed, shuffle: false, stepRows: 1, epochs: 1 });
  }

  async train(): Promise<Trained> {
    const run = this.#run;
    let failure: unknown;
    try {
      await run.tell("onTrainBegin", run);
      while (run.epoch < run.epochs && run.stopped === undefined) await this.#trainEpoch();
    } catch (error) {
      failure = await this.#aborted(error);
    }
    await run.end(failure);
    if (failure !== undefined && !(failure instanceof TrainingError)) throw failure;
    const { cachedRows } = this.#options;
    const trained = { weights: await run.learned(), history: run.history, stopped: run.stopped, cachedRows };
    if (failure !== undefined) throw failure.of(trained);
    return trained;
  }

  /** What an error that ended the loop is to the caller; an abort is saved where there is a folder. */
  async #aborted(error: unknown): Promise<unknown> {
    const { signal, who } = this.#options;
    const run = this.#run;
    if (!isAbort(error, signal) || run.step === 0) return error;
    run.isAborted = true;
    let message = `the fit was aborted at step ${run.step} (epoch ${run.epoch + 1} of ${run.epochs}); what was learned until then is the error's model`;
    try {
      await this.#save();
      if (this.#folder !== undefined) message += "; fit again to go on from its checkpoint";
    } catch (failed) {
      message += `, but there is no checkpoint: ${messageOf(failed)}`;
    }
    return new TrainingError(who, message, undefined, { code: "ABORTED", cause: error, step: run.step });
  }

  async #save(): Promise<void> {
    if (this.#folder === undefined) return;
    await this.#folder.save(this.#run.step, await this.#run.checkpoint());
    this.#saved = performance.now();
  }

  async #trainEpoch(): Promise<void> {
    const run = this.#run;
    const { epoch } = run;
    if (run.stepInEpoch === 0) {
      run.sums = run.emptySums();
      await run.tell("onEpochBegin", epoch, run);
      // an epoch without a step has no logs
      if (run.stopped !== undefined) return this.#save();
    }
    const blocks = this.#feed.blocks(epoch);
    let skip = run.stepInEpoch;
    for (const [number, block] of blocks.entries()) {
      const steps = runsOf(block.rows, run.batchSize, run.batches).reduce((sum, { steps }) => sum + steps, 0);
      if (skip >= steps && number < blocks.length - 1) {
        skip -= steps;
        continue;
      }
      await this.#feed.load(epoch, blocks, number);
      await this.#trainBlock(block, number, skip);
      skip = 0;
      if (run.stopped !== undefined) break;
    }
    const logs = await this.#logs();
    if (this.#isValidationDue) await this.#tellValidation(logs);
    run.history.push(logs);
    run.epoch++;
    run.stepInEpoch = 0;
    await run.tell("onEpochEnd", epoch, logs, run);
    await this.#save();
  }

  async #trainBlock(block: Block, number: number, skip: number): Promise<void> {
    const { shuffle = true, callbacks = [], problem, signal, checkpointSeconds = 60 } = this.#options;
    const run = this.#run;
    const watched = callbacks.some(({ onBatchBegin }) => onBatchBegin !== undefined);
    const width = statCountOf(problem);
    let skipped = skip;
    for (const { from, steps, batches, batchSize } of runsOf(block.rows, run.batchSize, run.batches)) {
      for (let done = Math.min(skipped, steps); done < steps && run.stopped === undefined; ) {
        signal?.throwIfAborted();
        // before the steps that follow, so that a run that goes on from a checkpoint of this step validates here too
        if (this.#isValidationDue) await this.#tellValidation(await this.#logs());
        if (run.stopped !== undefined) break;
        const count = watched ? 1 : this.#chunk(Math.min(steps - done, this.#stepsToValidation));
        if (watched) await run.tell("onBatchBegin", run.step, run);
        const at = from + done * batches * batchSize;
        const place = { step: run.step, epoch: run.epoch, block: number, from: at, shuffle };
        const started = performance.now();
        const shape = { steps: count, batches, batchSize };
        const { stats, done: trained, failed } = await this.#engine.steps(place, shape, run.lrFactor);
        this.#stepTime = (performance.now() - started) / trained;
        for (let i = 0; i < stats.length; i += width) run.sums.add(stats.subarray(i, i + width));
        done += trained;
        run.stepInEpoch += trained;
        run.step += trained;
        if (failed) {
          const at = { ...place, step: run.step - 1, from: place.from + (trained - 1) * batches * batchSize };
          const gradients = await this.#engine.gradients(at, { batches, batchSize });
          await this.#engine.retreat();
          throw this.#notFinite(gradients);
        }
        await this.#report(stats, width, trained);
        if (performance.now() - this.#saved > 1000 * checkpointSeconds) await this.#save();
      }
      skipped = Math.max(0, skipped - steps);
    }
  }

  async #report(stats: Float32Array, width: number, steps: number): Promise<void> {
    const run = this.#run;
    const { callbacks = [] } = this.#options;
    const batches = stats.length / (width * steps);
    if (callbacks.some(({ onBatchEnd }) => onBatchEnd !== undefined)) {
      for (let i = 0; i < steps; i++) {
        const sums = run.emptySums();
        for (let j = i * batches; j < (i + 1) * batches; j++) sums.add(stats.subarray(j * width, (j + 1) * width));
        const logs = { ...sums.logs(), lr: run.lr };
        await run.tell("onBatchEnd", run.step - steps + i, logs, run);
      }
    }
    const logs = { ...run.sums.logs(), lr: run.lr };
    await run.tell("onProgress", logs, run);
  }

  /** Of the epoch so far, and of the validation rows. */
  async #logs(): Promise<Logs> {
    return { ...this.#run.sums.logs(), ...(await this.#validate()), lr: this.#run.lr };
  }

  get #isValidationDue(): boolean {
    const { stepInEpoch, step, validatedStep } = this.#run;
    return stepInEpoch > 0 && step !== validatedStep && step % this.#everySteps === 0;
  }

  get #stepsToValidation(): number {
    return this.#everySteps - (this.#run.step % this.#everySteps);
  }

  async #tellValidation(logs: Logs): Promise<void> {
    // before it is told, so that a checkpoint that ModelCheckpoint saves then holds that it was
    this.#run.validatedStep = this.#run.step;
    await this.#run.tell("onValidation", logs, this.#run);
  }

  async #validate(): Promise<Logs> {
    const { validation, signal } = this.#options;
    const run = this.#run;
    if (validation === undefined || this.#heldOut === undefined || validation.rows === 0) return {};
    const sums = run.emptySums();
    const blocks = this.#heldOut.blocks(0);
    for (const [number, { rows }] of blocks.entries()) {
      await this.#heldOut.load(0, blocks, number);
      const size = Math.min(rows, Math.max(run.batchSize, 256));
      for (const stats of await this.#engine.evaluate("validation", rows, size, signal)) sums.add(stats);
    }
    return sums.logs("val_");
  }

  /** Steps of the next call out of `steps`: one at first, then so many that calls of equal length keep to their time. */
  #chunk(steps: number): number {
    if (this.#stepTime === undefined) return 1;
    return Math.ceil(steps / Math.ceil((steps * this.#stepTime) / chunkTime));
  }

  /** @param gradients the largest of each weight in the step that failed */
  #notFinite(gradients: ReadonlyMap<string, number>): TrainingError {
    const { epoch } = this.#run;
    const step = this.#run.step - 1;
    const lr = lrAt(this.#options.optimizer, step) * this.#run.lrFactor;
    const size = ([, gradient]: readonly [string, number]) => (Number.isNaN(gradient) ? Infinity : gradient);
    const [weight, gradient] = [...gradients].reduce((most, each) => (size(each) > size(most) ? each : most));
    return new TrainingError(
      this.#options.who,
      `the loss is no longer a finite number at step ${step + 1} (epoch ${epoch + 1}), with learning rate ${lr} and ${gradient} as the largest gradient, that of "${weight}"; lower the learning rate, clip the gradients (globalClipNorm: 1), or look for extreme values in the data`,
      undefined,
      { code: "NOT_FINITE", step: step + 1, lr, weight, gradient, gradients },
    );
  }
}

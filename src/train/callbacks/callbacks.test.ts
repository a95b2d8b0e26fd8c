import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HandMadeRun, losses } from "../../../test/training-run.js";
import type { Callback } from "../callback.js";
import * as callbacks from "./index.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deepframe-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("EarlyStopping", () => {
  test("stops after `patience` epochs without improvement, with the best weights", async () => {
    const stopping = callbacks.earlyStopping({ patience: 2, restoreBestWeights: true });
    const run = await new HandMadeRun(losses(0.9, 0.5, 0.6, 0.5, 0.1), [stopping]).go();
    expect(run.history).toHaveLength(4);
    expect(run.stopped).toBe("val_loss got no better than 0.5 after epoch 2 for 2 epochs");
    expect(run.weight).toBe(8);
  });

  test("knows from the metric that larger is better, and that small changes do not count", async () => {
    const stopping = callbacks.earlyStopping({ monitor: "val_accuracy", minDelta: 0.05 });
    const run = await new HandMadeRun(losses(0.9, 0.5, 0.46, 0.1), [stopping]).go();
    expect(run.stopped).toBe("val_accuracy got no better than 0.5 after epoch 2 for 1 epoch");
    expect(run.weight).toBe(12);
  });

  test("waits for startFromEpoch, and for the baseline to be passed", async () => {
    const late = callbacks.earlyStopping({ startFromEpoch: 3 });
    expect((await new HandMadeRun(losses(1, 2, 3, 4, 3, 4), [late]).go()).history).toHaveLength(6);
    const based = callbacks.earlyStopping({ baseline: 0.3, patience: 3 });
    expect((await new HandMadeRun(losses(0.9, 0.8, 0.7, 0.6), [based]).go()).history).toHaveLength(3);
  });

  test("counts NaN as no improvement", async () => {
    const run = await new HandMadeRun(losses(Number.NaN, Number.NaN), [callbacks.earlyStopping()]).go();
    expect(run.stopped).toBe("val_loss got no better for 2 epochs");
  });

  test("goes on with its count and weights where a run is resumed, and begins anew with each run", async () => {
    const make = () => callbacks.earlyStopping({ patience: 3, restoreBestWeights: true });
    const logs = losses(0.5, 0.1, 0.6, 0.7, 0.8, 0.9);
    const first = await new HandMadeRun(logs, [make()]).go({ until: 3 });
    const again = make();
    const rest = await first.resumed([again]).go();
    expect([rest.history.length, rest.weight]).toEqual([5, 8]);
    expect((await new HandMadeRun(logs, [again]).go()).history).toHaveLength(5);
  });

  test("names the logs there are", async () => {
    const logs = [{ loss: 1, accuracy: 0.5 }];
    await expect(new HandMadeRun(logs, [callbacks.earlyStopping()]).go()).rejects.toThrow(
      'EarlyStopping: no log "val_loss" (there are "loss", "accuracy"); give the training validation rows, or watch a log without val_',
    );
    await expect(new HandMadeRun(logs, [callbacks.earlyStopping({ monitor: "acuracy" })]).go()).rejects.toThrow(
      'EarlyStopping: no log "acuracy" (there are "loss", "accuracy"); did you mean "accuracy"?',
    );
    expect(() => callbacks.earlyStopping({ patience: -1 })).toThrow(
      "EarlyStopping: patience must be a whole number of at least 0, got -1",
    );
  });
});

describe("ReduceLROnPlateau", () => {
  test("multiplies the rate after each plateau, down to minLr", async () => {
    const plateau = callbacks.reduceLROnPlateau({ factor: 0.1, patience: 2, minLr: 0.002 });
    const { rates } = await new HandMadeRun(losses(1, 1, 1, 1, 1, 1, 1), [plateau]).go();
    expect(rates.map((rate) => Number(rate.toFixed(6)))).toEqual([0.1, 0.1, 0.01, 0.01, 0.002, 0.002, 0.002]);
  });

  test("does not count epochs while it cools down, nor forgets where a run is resumed", async () => {
    const make = () => callbacks.reduceLROnPlateau({ factor: 0.5, patience: 1, cooldown: 2 });
    const logs = losses(1, 1, 1, 1, 1);
    const { rates } = await new HandMadeRun(logs, [make()]).go();
    expect(rates).toEqual([0.1, 0.05, 0.05, 0.025, 0.025]);
    const rest = await (await new HandMadeRun(logs, [make()]).go({ until: 2 })).resumed([make()]).go();
    expect(rest.rates).toEqual([0.05, 0.025, 0.025]);
  });
});

describe("LearningRateScheduler", () => {
  test("goes on after an epoch at rate 0, in a run that is resumed there too", async () => {
    const make = () => callbacks.learningRateScheduler({ schedule: (epoch: number) => 0.01 * epoch });
    const logs = losses(1, 1, 1);
    const { rates } = await new HandMadeRun(logs, [make()]).go();
    expect(rates.map((rate) => Number(rate.toFixed(6)))).toEqual([0, 0.01, 0.02]);
    const rest = await (await new HandMadeRun(logs, [make()]).go({ until: 1 })).resumed([make()]).go();
    expect(rest.rates.map((rate) => Number(rate.toFixed(6)))).toEqual([0.01, 0.02]);
  });

  test("gives the rates of its function where a run is resumed with another rate of the optimizer", async () => {
    const make = () => callbacks.learningRateScheduler({ schedule: (epoch: number) => 0.01 * (epoch + 1) });
    const first = await new HandMadeRun(losses(1, 1, 1), [make()]).go({ until: 1 });
    const rest = Object.assign(first.resumed([make()]), { scheduledLr: 0.5 });
    await rest.go();
    expect(rest.rates.map((rate) => Number(rate.toFixed(6)))).toEqual([0.02, 0.03]);
  });

  test("sets the rate of each epoch", async () => {
    const schedule = (epoch: number, lr: number) => (epoch < 2 ? lr : lr / 2);
    const { rates } = await new HandMadeRun(losses(1, 1, 1, 1), [callbacks.learningRateScheduler({ schedule })]).go();
    expect(rates.map((rate) => Number(rate.toFixed(6)))).toEqual([0.1, 0.1, 0.05, 0.025]);
    const wrong = callbacks.learningRateScheduler({ schedule: () => -1 });
    await expect(new HandMadeRun(losses(1), [wrong]).go()).rejects.toThrow(
      "LearningRateScheduler: schedule must give a number of at least 0, got -1 for epoch 0",
    );
  });
});

describe("ModelCheckpoint", () => {
  test("writes each epoch under a name of its own and keeps the last", async () => {
    const path = join(folder, "runs/{epoch:02}-{val_loss:.2}.ckpt");
    await new HandMadeRun(losses(0.5, 0.25, 0.75), [callbacks.modelCheckpoint({ path, keepLast: 2 })]).go();
    expect((await readdir(join(folder, "runs"))).sort()).toEqual(["02-0.25.ckpt", "03-0.75.ckpt"]);
    expect(await readFile(join(folder, "runs/02-0.25.ckpt"), "utf8")).toBe("checkpoint at 8");
  });

  test("writes the best model only, also in a run that is resumed", async () => {
    const make = () => callbacks.modelCheckpoint({ path: join(folder, "best.onnx"), saveBestOnly: true });
    const first = await new HandMadeRun(losses(0.5, 0.25, 0.75, 0.3, 0.1), [make()]).go({ until: 3 });
    expect(await readFile(join(folder, "best.onnx"), "utf8")).toBe("model at 8");
    const rest = first.resumed([make()]);
    await rest.go({ until: 4 });
    expect(await readFile(join(folder, "best.onnx"), "utf8")).toBe("model at 8");
    expect(await readdir(folder)).toEqual(["best.onnx"]);
  });

  test("writes every n steps or epochs", async () => {
    const steps = callbacks.modelCheckpoint({ path: join(folder, "at-{step}"), everySteps: 3 });
    const epochs = callbacks.modelCheckpoint({ path: join(folder, "epoch-{epoch}"), everyEpochs: 2 });
    await new HandMadeRun(losses(1, 1, 1), [steps, epochs]).go();
    expect((await readdir(folder)).sort()).toEqual(["at-12", "at-3", "at-6", "at-9", "epoch-2"]);
  });

  test("refuses settings that make no sense, and names placeholders there are", async () => {
    expect(() => callbacks.modelCheckpoint({ path: "a.ckpt", keepLast: 2 })).toThrow(
      "ModelCheckpoint: keepLast needs files of different names; put {epoch} or {step} into path",
    );
    expect(() => callbacks.modelCheckpoint({ path: "{step}", saveBestOnly: true, everySteps: 3 })).toThrow(
      'ModelCheckpoint: saveBestOnly goes by validations; set interval: "validation" instead of everySteps',
    );
    expect(() => callbacks.modelCheckpoint({ path: "{step}", interval: "validation", everyEpochs: 3 })).toThrow(
      'ModelCheckpoint: interval "validation" saves every validateEverySteps steps of the estimator; leave everyEpochs out',
    );
    const never = callbacks.modelCheckpoint({ path: "{step}", interval: "validation" });
    await expect(new HandMadeRun(losses(1), [never]).go()).rejects.toThrow(
      'ModelCheckpoint: interval "validation" needs validations within epochs; set validateEverySteps of the estimator',
    );
    const run = new HandMadeRun([{ loss: 1 }], [callbacks.modelCheckpoint({ path: join(folder, "{los}") })]);
    await expect(run.go()).rejects.toThrow(
      'ModelCheckpoint: path has {los}, but there are "epoch", "step", "loss"; did you mean "loss"?',
    );
  });
});

describe("CSVLogger", () => {
  test("takes its path without a name, as Keras's does, and tells where it cannot write", async () => {
    const make = (...args: unknown[]) => (callbacks.csvLogger as (...args: unknown[]) => Callback)(...args);
    expect(() => make("a.csv", ";")).toThrow(
      'CSVLogger: takes path and its parameters by name, as { path: ... }, got "a.csv", ";"',
    );
    expect(() => callbacks.csvLogger("a.csv", { seperator: ";" } as object)).toThrow(/did you mean "separator"\?$/);
    const file = join(folder, "a.csv");
    await new HandMadeRun(losses(1), [callbacks.csvLogger(file)]).go();
    const inside = new HandMadeRun(losses(1), [callbacks.csvLogger(join(file, "b.csv"))]).go();
    await expect(inside).rejects.toThrow(
      `CSVLogger: cannot write "${file}/b.csv": EEXIST: file already exists, mkdir '${file}'; give a path that can be written`,
    );
  });

  test("writes a line per epoch, and goes on where a resumed run was", async () => {
    const make = () => callbacks.csvLogger({ path: join(folder, "log.csv") });
    const logs = losses(0.5, 0.25, 0.75);
    const first = await new HandMadeRun(logs, [make()]).go({ until: 1 });
    // a line that came after the checkpoint
    await writeFile(join(folder, "log.csv"), "1,9,9,9\n", { flag: "a" });
    await first.resumed([make()]).go();
    const text = await readFile(join(folder, "log.csv"), "utf8");
    expect(text).toBe("epoch,loss,val_accuracy,val_loss\n0,0.25,0.5,0.5\n1,0.125,0.75,0.25\n2,0.375,0.25,0.75\n");
    await new HandMadeRun(losses(1), [callbacks.csvLogger({ path: join(folder, "log.csv"), append: true })]).go();
    expect(await readFile(join(folder, "log.csv"), "utf8")).toBe(`${text}0,0.5,0,1\n`);
  });
});

describe("EventsLog", () => {
  test("writes a line per report", async () => {
    const path = join(folder, "run/events.jsonl");
    const stop = callbacks.lambdaCallback({
      onEpochEnd: (epoch, _logs, run) => (epoch === 1 ? run.stop("enough") : undefined),
    });
    await mkdir(join(folder, "run"));
    await writeFile(path, "of an older run\n");
    await new HandMadeRun(losses(1, Number.NaN, 1), [callbacks.eventsLog({ path }), stop]).go();
    const events = (await readFile(path, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as callbacks.RunEvent);
    expect(events.map(({ event }) => event)).toEqual([
      ...["begin", ...Array(4).fill("progress"), "epoch", ...Array(4).fill("progress"), "epoch", "end"],
    ]);
    expect(events[0]).toMatchObject({ epoch: 0, step: 0, run: { epochs: 3, steps: 4, samples: 100, batchSize: 25 } });
    expect(events[2]).toMatchObject({ epoch: 0, step: 2, logs: { loss: 0.5 } });
    expect(events[10]).toMatchObject({ epoch: 2, step: 8, logs: { loss: null, val_loss: null } });
    expect(events[11]).toMatchObject({ step: 8, stopped: "enough" });
    expect(Math.abs(events[0]!.time - Date.now())).toBeLessThan(60_000);
  });
});

describe("History and LambdaCallback", () => {
  test("keep logs and call functions", async () => {
    const history = callbacks.history();
    const seen: string[] = [];
    const lambda = callbacks.lambdaCallback({
      onTrainBegin: () => void seen.push("begin"),
      onBatchEnd: (step) => void seen.push(`step ${step}`),
      onTrainEnd: () => void seen.push("end"),
    });
    await new HandMadeRun(losses(0.5), [history, lambda]).go();
    expect(history.logs).toEqual(losses(0.5));
    expect(seen).toEqual(["begin", "step 0", "step 1", "step 2", "step 3", "end"]);
    expect(() => callbacks.lambdaCallback({ onEpoch: () => {} } as object)).toThrow(
      'LambdaCallback: no hook "onEpoch" (there are onTrainBegin, onTrainEnd,',
    );
  });
});

describe("ProgressBar", () => {
  function written(isTTY: boolean): { lines: string[]; stream: { write(text: string): boolean; isTTY: boolean } } {
    const lines: string[] = [];
    return { lines, stream: { isTTY, write: (text) => lines.push(text) > 0 } };
  }

  test("writes a plain line per epoch where there is no terminal", async () => {
    const { lines, stream } = written(false);
    await new HandMadeRun(losses(0.5, 12.3456), [callbacks.progressBar({ stream })]).go();
    expect(lines.map((line) => line.replace(/ [\d,]+ samples\/s/, " N samples/s"))).toEqual([
      "Epoch 1/2  loss 0.2500  val_loss 0.5000  val_accuracy 0.5000  N samples/s  0.0 s\n",
      "Epoch 2/2  loss 6.173  val_loss 12.35  val_accuracy -11.35  N samples/s  0.0 s\n",
    ]);
  });

  test("redraws one line per epoch on a terminal, with what is done and left", async () => {
    const { lines, stream } = written(true);
    const slow = callbacks.lambdaCallback({ onBatchEnd: () => new Promise((resolve) => setTimeout(resolve, 100)) });
    const stop = callbacks.lambdaCallback({ onEpochEnd: (_epoch, _logs, run) => run.stop("enough") });
    await new HandMadeRun(losses(0.5, 1), [slow, callbacks.progressBar({ stream }), stop]).go();
    expect(lines).toHaveLength(6);
    const clear = "\x1b[K";
    expect(lines.filter((line) => !line.includes(clear))).toEqual([]);
    const shown = lines.map((line) => line.replace(clear, ""));
    expect(shown[1]).toMatch(
      /^\rEpoch 1\/2 {2}█{10}░{10} {2}50\/100 {2}loss 0\.2500 {2}\d+ samples\/s {2}0\.\d s left$/,
    );
    expect(shown[4]).toMatch(/^\rEpoch 1\/2 {2}loss 0\.2500 .* 0\.\d s\n$/);
    expect(shown[5]).toBe("\rStopped: enough\n");
  });
});

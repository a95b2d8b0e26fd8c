import { describe, expect, test } from "vitest";
import { quietLoop } from "../../test/loop-delay.js";
import * as nn from "../nn/index.js";
import { crossEntropy } from "../nn/losses/cross-entropy.js";
import { accuracy } from "../nn/metrics/accuracy.js";
import { adam } from "../optim/adam.js";
import type { Tensor } from "../tensor/tensor.js";
import { Builder } from "./builder.js";
import { Building, type BuildingOptions } from "./building.js";
import { type Field, manifestOf, type Problem } from "./problem.js";
import type { ProgramRequest } from "./programs.js";
import { storeProblem } from "./stored-problem.js";

const x: Field = { name: "features", dtype: "float32", shape: [12, 4] };
const y: Field = { name: "label", dtype: "int32", shape: [] };

function optionsOf(layers: readonly nn.Layer[], more: Partial<BuildingOptions> = {}): BuildingOptions {
  const head = { output: "output", target: y, loss: crossEntropy(), lossWeight: 1, metrics: [accuracy()] };
  const problem: Problem = { network: nn.sequential(layers), inputs: [x], heads: [head], weight: undefined };
  return { who: "test", problem, optimizer: adam(), seed: 3, recompute: false, memoryLimit: undefined, ...more };
}

const large = (more: object = {}) => [
  nn.lstm(8, { returnSequences: true, ...more }),
  nn.dropout(0.1),
  nn.lstm(5),
  nn.dense(2),
];
const steps: ProgramRequest = { kind: "steps", batchSize: 4, batches: 1 };
const numbersOf = (values: ReadonlyMap<string, Tensor>) =>
  [...values].map(([name, { data, shape }]) => [name, shape, [...(data as Float32Array)]]);

describe("a large network's graphs", () => {
  test.each(["trained whole", "partly frozen"])("are the same from a thread as from here: %s", async (how) => {
    const options = optionsOf(large(how === "trained whole" ? {} : { trainable: false }));
    const [here, builder] = [new Building(options), new Builder(options, manifestOf(options.problem))];
    expect(numbersOf(await builder.draw())).toEqual(numbersOf(await here.draw()));
    if (how === "partly frozen") {
      const [parts, own] = [(await builder.split(10))!, (await here.split(10))!];
      expect([parts.graph.sha256, parts.results, parts.form]).toEqual([own.graph.sha256, own.results, own.form]);
      expect(parts.manifest).toEqual(own.manifest);
    }
    const requests: ProgramRequest[] = [
      steps,
      { ...steps, probe: true },
      { kind: "part", rows: 2, threads: 2 },
      { kind: "update", shards: 2, isLast: true },
      { kind: "evaluation", batchSize: 6 },
    ];
    for (const request of requests) {
      const { graph, ...rest } = await builder.build(request);
      const { graph: own, ...wanted } = await here.build(request);
      expect(rest).toEqual(wanted);
      expect(graph.sha256).toBe(own.sha256);
    }
    builder.close();
  });

  test("are made here where only this thread knows the layers", async () => {
    const doubled = nn.defineLayer({ type: "Doubled", params: {}, build: ({ g }, [value]) => g.mul(value!, 2) });
    const own = optionsOf([...large(), doubled()]);
    const builder = new Builder(own, manifestOf(own.problem));
    expect((await builder.build(steps)).graph.sha256).toBe((await new Building(own).build(steps)).graph.sha256);
    builder.close();
    const traced = optionsOf([nn.lambda((value) => value.mul(2)), ...large()]);
    expect(storeProblem(traced.problem, adam())).toBe(undefined);
    // a layer of a user's under a name of ours
    nn.defineLayer({ type: "Doubled", params: {}, build: ({ g }, [value]) => g.mul(value!, 3) });
    expect(storeProblem(own.problem, adam())).toBe(undefined);
  });

  test("fail with the error of this thread", async () => {
    const options = optionsOf(large(), { memoryLimit: 1000 });
    const builder = new Builder(options, manifestOf(options.problem));
    await expect(builder.build(steps)).rejects.toThrow(/^test: a step on 4 rows takes about/);
    builder.close();
  });

  test("leave the main thread free while they are made", { timeout: 60_000 }, async ({ skip }) => {
    const options = optionsOf([nn.lstm(96, { returnSequences: true }), nn.lstm(96), nn.dense(2)]);
    const manifest = manifestOf(options.problem);
    const delay = await quietLoop(20, async () => {
      const builder = new Builder(options, manifest);
      await builder.draw();
      await builder.build(steps);
      builder.close();
    });
    if (delay.busy !== undefined) skip(delay.busy);
    expect(delay).toMatchObject({ quiet: true });
  });
});

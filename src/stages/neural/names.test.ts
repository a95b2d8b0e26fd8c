/** @file Names that editors offer for losses, metrics, optimizers, activations, initializers and regularizers are taken. */

import { describe, expect, test } from "vitest";
import { type ActivationName, activations as activationKind } from "../../nn/activations.js";
import * as nn from "../../nn/index.js";
import { initializers as initializerKind } from "../../nn/initializers.js";
import { type LossName, losses } from "../../nn/losses/loss.js";
import { metrics } from "../../nn/metrics/batch-metric.js";
import { regularizers as regularizerKind } from "../../nn/regularizers.js";
import * as optim from "../../optim/index.js";
import { type OptimizerName, optimizers } from "../../optim/optimizer.js";
import * as schedules from "../../optim/schedules.js";
import * as warmUp from "../../optim/warm-up.js";

// what the types leave out of the modules' names
const others = [
  ...["activations", "initializers", "initialValues", "regularizers"],
  ...["defineLoss", "defineMetric", "defineOptimizer", "defineSchedule", ...Object.keys({ ...schedules, ...warmUp })],
];

describe("names that editors offer", () => {
  test.each([
    ["activation", activationKind, nn.activations, []],
    ["initializer", initializerKind, nn.initializers, []],
    ["regularizer", regularizerKind, nn.regularizers, []],
    ["loss", losses, nn.losses, ["mse", "mae"]],
    ["metric", metrics, nn.metrics, ["mse", "mae", "rmse"]],
    ["optimizer", optimizers, optim, []],
  ] as const)("are names of an existing %s, and all there are", (_, kind, module, aliases) => {
    const makers = Object.entries(module).filter(([name]) => !others.includes(name));
    const names = [...makers.map(([name]) => name), ...aliases];
    expect(names.filter((name) => !kind.param("").accepts(name))).toEqual([]);
    expect(new Set(kind.types)).toEqual(new Set(makers.map(([, maker]) => (maker as { type: string }).type)));
  });

  test("are known to the compiler", () => {
    const names: [LossName, OptimizerName, ActivationName] = ["crossEntropy", "adamW", "relu"];
    // @ts-expect-error a name that there is not
    names[0] = "crosEntropy";
    // @ts-expect-error a schedule is no optimizer
    names[1] = "cosineDecay";
    expect(names).toHaveLength(3);
  });
});

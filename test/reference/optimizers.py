"""Makes optimizers.json: 20 steps of optimizers and the rates of schedules, by PyTorch.

pip install torch==2.15; python optimizers.py
Lion, LAMB and what PyTorch lacks (decoupled decay of most optimizers, some schedules) follow their papers' formulas.
"""

import json
import math
import os

import torch
from torch import optim
from torch.optim import lr_scheduler as lrs

HERE = os.path.dirname(os.path.abspath(__file__))
D = torch.float64
STEPS = 20

# the problem, which the test has too: 0.5 * a * (w - c)^2 + 0.1 * cos(3 w), element by element
KERNEL = [[0.5, -1.2], [2.0, 0.3], [-0.7, 1.1]]
BIAS = [0.0, 0.4]


def gradient(w, offset):
    i = torch.arange(w.numel(), dtype=D).reshape(w.shape) + offset
    return (1 + 0.5 * i) * (w - torch.sin(i)) - 0.3 * torch.sin(3 * w)


def run(step, kernel=None):
    """The weights after each of the steps; `step(kernel, bias, t)` changes them, their gradients set."""
    kernel = torch.tensor(KERNEL, dtype=D, requires_grad=True)
    bias = torch.tensor(BIAS, dtype=D, requires_grad=True)
    step = step(kernel, bias)
    path = []
    for t in range(1, STEPS + 1):
        kernel.grad, bias.grad = gradient(kernel.detach(), 0), gradient(bias.detach(), 6)
        with torch.no_grad():
            step(t)
        path.append([float(f"{v:.10g}") for v in kernel.flatten().tolist() + bias.tolist()])
    return path


def torch_step(make, decay=0.0, lr=None):
    """A PyTorch optimizer; `decay` is taken off the kernel before the step, where PyTorch has no decoupled decay."""
    def begin(kernel, bias):
        optimizer = make([{"params": [kernel]}, {"params": [bias], "weight_decay": 0}])
        def step(_):
            if decay:
                kernel.mul_(1 - lr * decay)
            optimizer.step()
        return step
    return begin


def lbfgs(lr, history_size):
    def begin(*weights):
        optimizer = optim.LBFGS(weights, lr=lr, max_iter=1, history_size=history_size)
        def step(_):
            optimizer.step(lambda: 0.0)  # the gradients are there already
        return step
    return begin


def lion(lr, b1, b2, decay):
    def begin(*weights):
        ms = [torch.zeros_like(w) for w in weights]
        def step(_):
            for w, m, wd in zip(weights, ms, [decay, 0]):
                c = b1 * m + (1 - b1) * w.grad
                w.sub_(lr * (torch.sign(c) + wd * w))
                m.copy_(b2 * m + (1 - b2) * w.grad)
        return step
    return begin


def lamb(lr, b1, b2, eps, decay):
    def begin(*weights):
        state = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
        def step(t):
            for w, (m, v), wd in zip(weights, state, [decay, 0]):
                m.copy_(b1 * m + (1 - b1) * w.grad)
                v.copy_(b2 * v + (1 - b2) * w.grad ** 2)
                r = (m / (1 - b1 ** t)) / ((v / (1 - b2 ** t)).sqrt() + eps) + wd * w
                size, length = w.norm(), r.norm()
                trust = 1 if size == 0 or length == 0 else size / length
                w.sub_(lr * trust * r)
        return step
    return begin


cases = []


def case(type, params, step):
    cases.append({"type": type, "params": params, "path": run(step)})


def ours(type, params, cls, decay=0.0, **torch_params):
    given = {**params, **({"weightDecay": decay} if decay else {})}
    case(type, given, torch_step(lambda groups: cls(groups, **torch_params), decay, torch_params.get("lr")))


ours("SGD", {"lr": 0.1}, optim.SGD, lr=0.1)
ours("SGD", {"lr": 0.1, "momentum": 0.9}, optim.SGD, lr=0.1, momentum=0.9)
ours("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, optim.SGD, lr=0.1, momentum=0.9, nesterov=True)
ours("SGD", {"lr": 0.1, "momentum": 0.5}, optim.SGD, 0.1, lr=0.1, momentum=0.5)
ours("Adam", {}, optim.Adam)
ours("Adam", {"lr": 0.1}, optim.Adam, lr=0.1)
ours("Adam", {"lr": 0.1, "amsgrad": True, "beta1": 0.5, "beta2": 0.9}, optim.Adam, lr=0.1, amsgrad=True, betas=(0.5, 0.9))
ours("Adam", {"lr": 0.1}, optim.Adam, 0.2, lr=0.1)
ours("AdamW", {"lr": 0.1}, optim.AdamW, lr=0.1)
case("AdamW", {"lr": 0.1, "weightDecay": 0.3, "amsgrad": True}, torch_step(lambda groups: optim.AdamW(groups, lr=0.1, weight_decay=0.3, amsgrad=True)))
ours("Adamax", {"lr": 0.05}, optim.Adamax, lr=0.05)
ours("Adamax", {}, optim.Adamax, 0.1, lr=0.002)
ours("Nadam", {"lr": 0.05}, optim.NAdam, lr=0.05)
case("Nadam", {"lr": 0.05, "weightDecay": 0.1}, torch_step(lambda groups: optim.NAdam(groups, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)))
ours("RAdam", {"lr": 0.05}, optim.RAdam, lr=0.05)
case("RAdam", {"lr": 0.05, "beta2": 0.9, "weightDecay": 0.1}, torch_step(lambda groups: optim.RAdam(groups, lr=0.05, betas=(0.9, 0.9), weight_decay=0.1, decoupled_weight_decay=True)))
ours("Adagrad", {"lr": 0.3}, optim.Adagrad, lr=0.3)
ours("Adagrad", {"lr": 0.3, "initialAccumulator": 0.1}, optim.Adagrad, 0.1, lr=0.3, initial_accumulator_value=0.1)
ours("Adadelta", {}, optim.Adadelta)
ours("Adadelta", {"lr": 5, "rho": 0.8}, optim.Adadelta, 0.02, lr=5, rho=0.8)
ours("RMSprop", {}, optim.RMSprop)
ours("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.5}, optim.RMSprop, 0.1, lr=0.02, centered=True, momentum=0.5)
ours("RMSprop", {"lr": 0.02, "rho": 0.9, "momentum": 0.9}, optim.RMSprop, lr=0.02, alpha=0.9, momentum=0.9)
case("Lion", {"lr": 0.03}, lion(0.03, 0.9, 0.99, 0))
case("Lion", {"lr": 0.03, "beta1": 0.8, "beta2": 0.9, "weightDecay": 0.3}, lion(0.03, 0.8, 0.9, 0.3))
case("LAMB", {"lr": 0.05}, lamb(0.05, 0.9, 0.999, 1e-6, 0))
case("LAMB", {"lr": 0.05, "weightDecay": 0.1}, lamb(0.05, 0.9, 0.999, 1e-6, 0.1))
case("LBFGS", {}, lbfgs(1, 10))
case("LBFGS", {"lr": 0.3, "historySize": 3}, lbfgs(0.3, 3))
case("LBFGS", {"lr": 0.5, "historySize": 1}, lbfgs(0.5, 1))

schedules = []


def rates(type, params, rate, steps=30):
    schedules.append({"type": type, "params": params, "rates": [float(f"{rate(t):.12g}") for t in range(steps)]})


def of_torch(make, lr=0.5):
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = make(optimizer)
    found = []
    for _ in range(60):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        try:
            scheduler.step()
        except ValueError:  # a cycle's end
            break
    return lambda t: found[t]


rates("StepDecay", {"lr": 0.5, "stepSize": 4, "gamma": 0.3}, of_torch(lambda o: lrs.StepLR(o, 4, 0.3)))
rates("MultiStepDecay", {"lr": 0.5, "milestones": [3, 9, 20]}, of_torch(lambda o: lrs.MultiStepLR(o, [3, 9, 20])))
rates("ExponentialDecay", {"lr": 0.5, "decaySteps": 1, "decayRate": 0.9}, of_torch(lambda o: lrs.ExponentialLR(o, 0.9)))
rates("ExponentialDecay", {"lr": 0.5, "decaySteps": 5, "decayRate": 0.5, "staircase": True}, lambda t: 0.5 * 0.5 ** (t // 5))
rates("InverseTimeDecay", {"lr": 0.5, "decaySteps": 5, "decayRate": 0.5}, lambda t: 0.5 / (1 + 0.5 * t / 5))
rates("PolynomialDecay", {"lr": 0.5, "decaySteps": 20, "endLr": 0, "power": 2}, of_torch(lambda o: lrs.PolynomialLR(o, 20, 2)))
rates("PolynomialDecay", {"lr": 0.5, "decaySteps": 7, "endLr": 0.1, "cycle": True}, lambda t: 0.4 * (1 - t / (7 * max(1, math.ceil(t / 7)))) + 0.1)
rates("CosineDecay", {"lr": 0.5, "decaySteps": 29, "alpha": 0.1}, of_torch(lambda o: lrs.CosineAnnealingLR(o, 29, 0.05)))
rates("CosineDecay", {"lr": 0.5, "decaySteps": 10}, lambda t: 0.25 * (1 + math.cos(math.pi * min(t, 10) / 10)))
rates("CosineDecayRestarts", {"lr": 0.5, "firstDecaySteps": 4}, of_torch(lambda o: lrs.CosineAnnealingWarmRestarts(o, 4, 2)))
rates("CosineDecayRestarts", {"lr": 0.5, "firstDecaySteps": 6, "tMul": 1, "alpha": 0.2}, of_torch(lambda o: lrs.CosineAnnealingWarmRestarts(o, 6, 1, 0.1)))
rates("CosineDecayRestarts", {"lr": 0.5, "firstDecaySteps": 10, "tMul": 1, "mMul": 0.5}, lambda t: 0.25 * 0.5 ** (t // 10) * (1 + math.cos(math.pi * (t % 10) / 10)))
rates("PiecewiseConstantDecay", {"boundaries": [3, 10], "values": [0.5, 0.2, 0.1]}, lambda t: 0.5 if t <= 3 else 0.2 if t <= 10 else 0.1)
rates("Warmup", {"lr": 0.5, "steps": 8, "startFactor": 0.25}, of_torch(lambda o: lrs.LinearLR(o, 0.25, 1.0, 8)))
after = {"type": "CosineDecay", "params": {"lr": 0.5, "decaySteps": 20}}
rates("Warmup", {"lr": after, "steps": 5}, lambda t: 0.5 * t / 5 if t < 5 else 0.25 * (1 + math.cos(math.pi * min(20, t - 5) / 20)))
for extra, theirs in [({}, {}), ({"anneal": "linear", "pctStart": 0.4}, {"anneal_strategy": "linear", "pct_start": 0.4}), ({"threePhase": True, "divFactor": 10, "finalDivFactor": 100}, {"three_phase": True, "div_factor": 10, "final_div_factor": 100})]:
    rates("OneCycle", {"maxLr": 0.5, "totalSteps": 30, **extra}, of_torch(lambda o: lrs.OneCycleLR(o, 0.5, 30, **theirs)))

for c in cases:
    assert all(math.isfinite(v) for row in c["path"] for v in row), c["type"]
with open(os.path.join(HERE, "optimizers.json"), "w") as out:
    out.write('{ "torch": "%s", "kernel": %s, "bias": %s, "cases": [\n' % (torch.__version__.split("+")[0], json.dumps(KERNEL), json.dumps(BIAS)))
    out.write(",\n".join(json.dumps(c) for c in cases))
    out.write('\n], "schedules": [\n')
    out.write(",\n".join(json.dumps(c) for c in schedules))
    out.write("\n] }\n")
print(len(cases), "optimizers,", len(schedules), "schedules")

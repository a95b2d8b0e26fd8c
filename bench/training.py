"""Trains one case of the training benchmark with PyTorch: CASE as JSON, threads, "default" or "fused"; prints one JSON line."""

import json
import resource
import sys
import time

import torch
from torch import nn

case, threads, kind = json.loads(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
torch.set_num_threads(threads)
torch.manual_seed(1)
shape, rows, batch, classes = case["shape"], case["rows"], case["batchSize"], case["classes"]


class LastStep(nn.Module):
    def forward(self, x):
        return x[0][:, -1]


class MeanOfSteps(nn.Module):
    def forward(self, x):
        return x.mean(1)


class Bottleneck(nn.Module):
    """An inverted residual of MobileNetV2 (Sandler et al., 2018)."""

    def __init__(self, inputs, outputs, stride, factor):
        super().__init__()
        hidden = inputs * factor
        expand = [] if factor == 1 else unit(inputs, hidden, 1)
        last = [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.body = nn.Sequential(*expand, *unit(hidden, hidden, 3, stride, hidden), *last)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def unit(inputs, outputs, kernel, stride=1, groups=1):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True)]


def mobilenet():
    parts, inputs = unit(3, 32, 3, 2), 32
    for factor, outputs, count, stride in [
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ]:
        for i in range(count):
            parts.append(Bottleneck(inputs, outputs, stride if i == 0 else 1, factor))
            inputs = outputs
    parts += [*unit(320, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts)


def model():
    name = case["id"]
    if name == "mlp":
        return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))
    if name == "cnn":
        one = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        two = [nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*one, *two, nn.Flatten(), nn.Linear(32 * 49, 10))
    if name == "lstm":
        return nn.Sequential(nn.LSTM(32, 64, 2, batch_first=True), LastStep(), nn.Linear(64, 10))
    if name == "gru":
        return nn.Sequential(nn.GRU(32, 64, 2, batch_first=True), LastStep(), nn.Linear(64, 10))
    if name == "transformer":
        block = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
        return nn.Sequential(block, MeanOfSteps(), nn.Linear(128, 10))
    if name == "head":
        frozen = mobilenet().eval().requires_grad_(False)
        return nn.Sequential(frozen, nn.Linear(1280, classes))
    raise SystemExit(f"no case {name}")


net = model()
if case["id"] == "head":
    shape = [shape[2], shape[0], shape[1]]
x = torch.rand(rows, *shape) * 2 - 1
y = torch.arange(rows) % classes
learned = [p for p in net.parameters() if p.requires_grad]
if case["optimizer"] == "adam":
    optimizer = torch.optim.Adam(learned, lr=1e-3, **({"fused": True} if kind == "fused" else {}))
else:
    optimizer = torch.optim.SGD(learned, lr=0.01, momentum=0.9, **({"fused": True} if kind == "fused" else {}))
loss_of = nn.CrossEntropyLoss()


def epoch():
    total = 0.0
    order = torch.randperm(rows)
    for at in range(0, rows, batch):
        index = order[at : at + batch]
        optimizer.zero_grad()
        loss = loss_of(net(x[index]), y[index])
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / (rows / batch)


if not case.get("countsFirst"):
    epoch()
started = time.perf_counter()
for _ in range(case["epochs"]):
    loss = epoch()
seconds = time.perf_counter() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"perSecond": case["epochs"] * rows / seconds, "bytes": peak, "loss": loss}))

"""PyTorch's forward plus backward of the cases that bench/gradients.ts gives as JSON, on the tensors it wrote; prints
milliseconds by name, and how far results and gradients are from those it wrote beside them."""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[2]))
folder = sys.argv[3]


def attention(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1) @ v


def prepare(i, case):
    """The tensors to differentiate, a function of them, and the number of tensors read."""
    kind, s = case["kind"], case["shapes"]
    count = 0

    def read(shape, dtype=np.float32):
        nonlocal count
        values = torch.from_numpy(np.fromfile(f"{folder}/{i}-{count}", dtype).reshape(shape))
        count += 1
        return values.requires_grad_() if dtype == np.float32 else values

    if kind == "matmul":
        x = [read(s[0]), read(s[1])]
        return x, lambda: x[0] @ x[1], count
    if kind == "attention":
        x = [read(s[0]) for _ in range(3)]
        return x, lambda: attention(*x), count
    if kind == "loss":
        x, target = read(s[0]), read([s[0][0]], np.int64)
        return [x], lambda: F.cross_entropy(x, target), count
    if kind == "layerNorm":
        x = [read(s[0]), read(s[1]), read(s[1])]
        return x, lambda: F.layer_norm(x[0], s[1], x[1], x[2]), count
    if kind == "embedding":
        table, ids = read(s[0]), read(s[1], np.int64)
        return [table], lambda: F.embedding(ids, table), count
    k = case["kernel"]
    if kind == "conv":
        x = [read(s[0]), read(s[1])]
        return x, lambda: F.conv2d(*x, stride=case["stride"], padding=k // 2, groups=case["group"]), count
    pool = F.max_pool2d if kind == "maxPool" else F.avg_pool2d
    x = read(s[0])
    return [x], lambda: pool(x, k, case["stride"], k // 2 if k > 2 else 0), count


def measure(i, case):
    inputs, forward, count = prepare(i, case)
    y = forward().detach()
    seed = None
    if y.dim() > 0:
        seed = torch.from_numpy(np.fromfile(f"{folder}/{i}-{count}", np.float32)).reshape(y.shape)
        count += 1

    def step():
        for x in inputs:
            x.grad = None
        forward().backward(seed)

    step()
    difference = 0.0
    for k, ours in enumerate([y, *(x.grad for x in inputs)]):
        theirs = torch.from_numpy(np.fromfile(f"{folder}/{i}-{count + k}", np.float32)).reshape(ours.shape)
        difference = max(difference, float((ours - theirs).abs().max() / ours.abs().max()))
    for _ in range(3):
        step()
    times = []
    stop = time.perf_counter() + 0.5
    while time.perf_counter() < stop or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return {"ms": sorted(times)[len(times) // 2] * 1000, "difference": difference}


print(json.dumps({case["name"]: measure(i, case) for i, case in enumerate(json.loads(sys.argv[1]))}))

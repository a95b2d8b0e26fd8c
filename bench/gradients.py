"""PyTorch's forward plus backward of the cases that bench/gradients.ts gives as JSON; prints milliseconds by name."""

import json
import sys
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(int(sys.argv[2]))


def tensor(shape, grad=True):
    return torch.randn(*shape).requires_grad_(grad)


def attention(q, k, v):
    return torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1) @ v


def prepare(case):
    """The tensors to differentiate and a function of them."""
    kind, s = case["kind"], case["shapes"]
    if kind == "matmul":
        x = [tensor(s[0]), tensor(s[1])]
        return x, lambda: x[0] @ x[1]
    if kind == "attention":
        x = [tensor(s[0]) for _ in range(3)]
        return x, lambda: attention(*x)
    if kind == "loss":
        x, target = tensor(s[0]), torch.randint(0, s[0][1], (s[0][0],))
        return [x], lambda: F.cross_entropy(x, target)
    if kind == "layerNorm":
        x = [tensor(s[0]), tensor(s[1]), tensor(s[1])]
        return x, lambda: F.layer_norm(x[0], s[1], x[1], x[2])
    if kind == "embedding":
        table, ids = tensor(s[0]), torch.randint(0, s[0][0], tuple(s[1]))
        return [table], lambda: F.embedding(ids, table)
    if kind == "conv":
        x = [tensor(s[0]), tensor(s[1])]
        k = s[1][2]
        return x, lambda: F.conv2d(*x, stride=case["stride"], padding=k // 2, groups=case["group"])
    pool = F.max_pool2d if kind == "maxPool" else F.avg_pool2d
    x = tensor(s[0])
    return [x], lambda: pool(x, case["kernel"], case["stride"], case["kernel"] // 2 if case["kernel"] > 2 else 0)


def measure(case):
    inputs, forward = prepare(case)
    seed = torch.randn_like(forward().detach())

    def step():
        for x in inputs:
            x.grad = None
        forward().backward(seed)

    for _ in range(3):
        step()
    times = []
    stop = time.perf_counter() + 0.4
    while time.perf_counter() < stop or len(times) < 5:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1000


print(json.dumps({case["name"]: measure(case) for case in json.loads(sys.argv[1])}))

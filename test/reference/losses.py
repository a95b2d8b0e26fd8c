"""Makes losses.json: what PyTorch says of losses and their gradients.

pip install torch==2.15; python losses.py
Where PyTorch has no such loss, its formula is written out here, by loops where that is plainest.
"""

import json
import math
import os

import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
torch.manual_seed(5)
D = torch.float64


def normal(*shape, scale=1.0):
    return (torch.randn(*shape, dtype=D) * scale).round(decimals=3)


def row_mean(x, mask=None):
    if x.dim() == 1:
        return x
    if mask is None:
        return x.flatten(1).mean(1)
    places = x.flatten(2).mean(2) if x.dim() > 2 else x
    return (places * mask).sum(1) / mask.sum(1).clamp(min=1)


def one_hot(labels, classes):
    return F.one_hot(labels, classes).to(D)


cases = []


def case(type, params, prediction, target, f, mask=None):
    """f gives the loss of each place."""
    x = prediction.clone().requires_grad_(True)
    rows = row_mean(f(x, target), None if mask is None or f(x, target).dim() < 2 else mask.to(D))
    weight = torch.tensor([1.0 + 0.5 * (i % 3) for i in range(len(rows))], dtype=D)
    (rows * weight).sum().backward()
    cases.append({
        "type": type,
        "params": params,
        "prediction": prediction.tolist(),
        "target": target.tolist(),
        "mask": None if mask is None else mask.tolist(),
        "loss": [float(f"{v:.10g}") for v in rows.tolist()],
        "grad": [float(f"{v:.10g}") for v in x.grad.flatten().tolist()],
    })


def per_class(p):
    return {} if "weight" not in p else {"weight": torch.tensor(p["weight"], dtype=D)}


# classes
labels = torch.tensor([0, 3, 1, 2, 3])
scores = normal(5, 4, scale=2)
soft = torch.softmax(normal(5, 4), -1).round(decimals=4)
steps = torch.tensor([[0, 3, 1], [2, 2, 0]])
step_scores = normal(2, 3, 4)
step_mask = torch.tensor([[True, True, False], [True, True, True]])
extra = [{}, {"labelSmoothing": 0.1}, {"weight": [0.5, 1, 2, 0]}, {"labelSmoothing": 0.2, "weight": [0.5, 1, 2, 3]}]


def cross_entropy(p):
    def f(x, t):
        logits = x if p.get("fromLogits", True) else x.log()
        if logits.dim() == 3:
            logits = logits.transpose(1, 2)
            t = t.transpose(1, 2) if t.is_floating_point() else t
        return F.cross_entropy(logits, t, reduction="none", label_smoothing=p.get("labelSmoothing", 0.0), **per_class(p))
    return f


for p in extra:
    case("CrossEntropy", p, scores, labels, cross_entropy(p))
    case("CrossEntropy", {**p, "targets": "probabilities"}, scores, soft, cross_entropy(p))
    case("CategoricalCrossentropy", p, scores, one_hot(labels, 4), cross_entropy(p))
    case("CrossEntropy", p, step_scores, steps, cross_entropy(p), step_mask)
case("SparseCategoricalCrossentropy", {"fromLogits": False}, soft, labels, lambda x, t: -(x / x.sum(-1, keepdim=True))[torch.arange(5), t].log())
case("SparseCategoricalCrossentropy", {}, step_scores, steps, cross_entropy({}))
case("CategoricalCrossentropy", {"labelSmoothing": 0.1}, step_scores, one_hot(steps, 4), cross_entropy({"labelSmoothing": 0.1}), step_mask)

# binary
bits = torch.tensor([[1.0, 0], [0, 0], [1, 1], [0, 1]], dtype=D)
logits = normal(4, 2, scale=2)
probabilities = torch.sigmoid(logits).round(decimals=4)
for p in [{}, {"posWeight": 3}, {"posWeight": [2, 0.5]}]:
    weight = None if not p else torch.tensor(p["posWeight"], dtype=D)
    case("BinaryCrossentropy", p, logits, bits, lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=weight))
case("BinaryCrossentropy", {"fromLogits": False}, probabilities, bits, lambda x, t: F.binary_cross_entropy(x, t, reduction="none"))
case("BinaryCrossentropy", {"labelSmoothing": 0.2}, logits, bits, lambda x, t: F.binary_cross_entropy_with_logits(x, t * 0.8 + 0.1, reduction="none"))
case("BinaryCrossentropy", {}, normal(2, 3, 1), torch.tensor([[[1.0], [0], [1]], [[0], [1], [1]]], dtype=D), lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none"), step_mask)


def binary_focal(gamma=2.0, alpha=None, logits=True):
    def f(x, t):
        p = torch.sigmoid(x) if logits else x
        pt = t * p + (1 - t) * (1 - p)
        loss = -(1 - pt) ** gamma * pt.log()
        return loss if alpha is None else loss * (t * alpha + (1 - t) * (1 - alpha))
    return f


case("BinaryFocalCrossentropy", {}, logits, bits, binary_focal())
case("BinaryFocalCrossentropy", {"gamma": 1.5, "applyClassBalancing": True, "alpha": 0.3}, logits, bits, binary_focal(1.5, 0.3))
case("BinaryFocalCrossentropy", {"gamma": 0}, logits, bits, binary_focal(0.0))
case("BinaryFocalCrossentropy", {"fromLogits": False}, probabilities, bits, binary_focal(logits=False))


def focal(gamma=2.0, alpha=0.25, logits=True, sparse=False, smoothing=0.0):
    def f(x, t):
        t = one_hot(t, 4) if sparse else t
        t = t * (1 - smoothing) + smoothing / 4
        p = torch.softmax(x, -1) if logits else x
        return (alpha * (1 - p) ** gamma * -t * p.log()).sum(-1)
    return f


case("CategoricalFocalCrossentropy", {}, scores, one_hot(labels, 4), focal())
case("CategoricalFocalCrossentropy", {"gamma": 0.5, "alpha": 1, "labelSmoothing": 0.1}, scores, one_hot(labels, 4), focal(0.5, 1, smoothing=0.1))
case("CategoricalFocalCrossentropy", {"targets": "classes"}, scores, labels, focal(sparse=True))
case("CategoricalFocalCrossentropy", {"fromLogits": False}, soft, one_hot(labels, 4), focal(logits=False))

# numbers
a, b = normal(4, 3, scale=2), normal(4, 3)
case("MeanSquaredError", {}, a, b, lambda x, t: F.mse_loss(x, t, reduction="none"))
case("MeanSquaredError", {}, normal(2, 3, 2), normal(2, 3, 2), lambda x, t: F.mse_loss(x, t, reduction="none"), step_mask)
case("MeanAbsoluteError", {}, a, b, lambda x, t: F.l1_loss(x, t, reduction="none"))
case("MeanAbsolutePercentageError", {}, a, b, lambda x, t: 100 * (x - t).abs() / t.abs())
case("MeanSquaredLogarithmicError", {}, a.abs() + 0.1, b.abs(), lambda x, t: (torch.log1p(x) - torch.log1p(t)) ** 2)
case("Huber", {}, a, b, lambda x, t: F.huber_loss(x, t, reduction="none"))
case("Huber", {"delta": 0.3}, a, b, lambda x, t: F.huber_loss(x, t, reduction="none", delta=0.3))
case("LogCosh", {}, a, b, lambda x, t: (x - t).cosh().log())
case("Poisson", {}, a.abs() + 0.1, b.abs(), lambda x, t: F.poisson_nll_loss(x, t, log_input=False, eps=1e-7, reduction="none"))

# margins
signs = torch.tensor([[1.0, -1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, 1]], dtype=D)
case("Hinge", {}, a, signs, lambda x, t: (1 - t * x).relu())
case("Hinge", {}, a, (signs + 1) / 2, lambda x, t: (1 - (2 * t - 1) * x).relu())
case("SquaredHinge", {}, a, signs, lambda x, t: (1 - t * x).relu() ** 2)
case("CategoricalHinge", {}, scores, one_hot(labels, 4), lambda x, t: (1 + ((1 - t) * x).max(-1).values - (t * x).sum(-1)).relu())

# vectors
wanted = torch.softmax(normal(5, 4), -1).round(decimals=4)
case("KLDivergence", {}, soft, wanted, lambda x, t: F.kl_div(x.log(), t, reduction="none").sum(-1))
case("CosineSimilarity", {}, a, b, lambda x, t: -F.cosine_similarity(x, t))
case("CosineSimilarity", {}, normal(2, 3, 4), normal(2, 3, 4), lambda x, t: -F.cosine_similarity(x, t, dim=-1), step_mask)


def triplet(margin=1.0, squared=False):
    """As the paper and TensorFlow Addons have it, one pair after another."""
    def f(x, t):
        def apart(i, j):
            s = ((x[i] - x[j]) ** 2).sum()
            return s if squared else s.sqrt()
        n = len(t)
        sums, pairs = [torch.zeros((), dtype=D) for _ in range(n)], 0
        for i in range(n):
            for j in range(n):
                if i == j or t[i] != t[j]:
                    continue
                pairs += 1
                others = [apart(i, k) for k in range(n) if t[k] != t[i]]
                outside = [d for d in others if d > apart(i, j)]
                negative = min(outside) if outside else max(others)
                sums[i] = sums[i] + (margin + apart(i, j) - negative).relu()
        return torch.stack(sums) * n / pairs
    return f


rows = F.normalize(normal(7, 3), dim=1).round(decimals=4)
classes = torch.tensor([0, 1, 0, 2, 1, 0, 1])
case("TripletSemiHard", {}, rows, classes, triplet())
case("TripletSemiHard", {"margin": 0.2, "distance": "squaredL2"}, rows, classes, triplet(0.2, True))


def ctc(x, t, lengths=None):
    lengths = lengths or [x.shape[1]] * len(x)
    counts = (t != 0).sum(1)
    return F.ctc_loss(torch.log_softmax(x, -1).transpose(0, 1), t, torch.tensor(lengths), counts, blank=0, reduction="none")


words = torch.tensor([[1, 2, 3, 0], [2, 2, 0, 0], [3, 1, 1, 2], [0, 0, 0, 0]])
case("CTC", {}, normal(4, 8, 5, scale=2), words, ctc)
short = torch.arange(8)[None, :] < torch.tensor([8, 5, 6, 3])[:, None]
case("CTC", {}, normal(4, 8, 5), words, lambda x, t: ctc(x, t, [8, 5, 6, 3]), short)

for c in cases:
    assert all(math.isfinite(v) for v in c["loss"] + c["grad"]), c["type"]
with open(os.path.join(HERE, "losses.json"), "w") as out:
    out.write('{ "torch": "%s", "cases": [\n' % torch.__version__.split("+")[0])
    out.write(",\n".join(json.dumps(c) for c in cases))
    out.write("\n] }\n")
print(len(cases), "cases")

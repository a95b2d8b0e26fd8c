"""Makes batch-metrics.json: what scikit-learn says of the metrics of training.

pip install scikit-learn==1.9.1; python batch_metrics.py
AUC by thresholds, with Keras's interpolation of the precision-recall curve, is written out here.
"""

import json
import os

import numpy as np
from sklearn import metrics as sk

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(3)
cases = []


def case(type, params, target_is, prediction, target, value, weight=None, mask=None, softmax=False):
    rows = len(prediction)
    cases.append({
        "type": type,
        "params": params,
        "targetIs": target_is,
        "softmax": softmax,
        "prediction": np.asarray(prediction).tolist(),
        "target": np.asarray(target).tolist(),
        "weight": (np.ones(rows) if weight is None else weight).tolist(),
        "mask": None if mask is None else np.asarray(mask).tolist(),
        "value": float(value),
    })


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


N, C = 40, 4
weight = np.round(rng.uniform(0.5, 2, N), 2)
labels = rng.integers(0, C, N)
logits = np.round(rng.normal(size=(N, C)) + 1.2 * np.eye(C)[labels], 3)
p = softmax(logits)
hot = np.eye(C)[labels]
best = p.argmax(1)

# with softmax the logits are stored, and the test applies it as the loss's activation is
for target_is, target in [("classes", labels), ("values", hot)]:
    case("Accuracy", {}, target_is, logits, target, sk.accuracy_score(labels, best, sample_weight=weight), weight, softmax=True)
    case("TopKCategoricalAccuracy", {"k": 2}, target_is, logits, target, sk.top_k_accuracy_score(labels, p, k=2, sample_weight=weight), weight, softmax=True)
    case("LogLoss", {}, target_is, logits, target, sk.log_loss(labels, p, sample_weight=weight), weight, softmax=True)
    for average in ["macro", "micro"]:
        for type, f in [("Precision", sk.precision_score), ("Recall", sk.recall_score), ("F1Score", sk.f1_score)]:
            params = {"average": average, **({"classes": C} if average == "macro" else {})}
            case(type, params, target_is, logits, target, f(labels, best, average=average, sample_weight=weight), weight, softmax=True)
case("F1Score", {"average": "macro", "classes": C, "beta": 0.5}, "classes", logits, labels, sk.fbeta_score(labels, best, beta=0.5, average="macro"), softmax=True)

bits = rng.integers(0, 2, (N, 1)).astype(float)
# scores in the middles of different intervals of AUC's thresholds, so that it is exact
score = ((np.arange(N) * 5 + 1.5) / 199)[rng.permutation(N)][:, None]
said = score > 0.5
for type, f in [("Accuracy", sk.accuracy_score), ("Precision", sk.precision_score), ("Recall", sk.recall_score), ("F1Score", sk.f1_score)]:
    case(type, {}, "values", score, bits, f(bits[:, 0], said[:, 0], sample_weight=weight), weight)
case("Precision", {"threshold": 0.8}, "values", score, bits, sk.precision_score(bits[:, 0], score[:, 0] > 0.8))
case("Accuracy", {"threshold": 0.3}, "values", score, bits, sk.accuracy_score(bits[:, 0], score[:, 0] > 0.3))
case("LogLoss", {}, "values", score, bits, sk.log_loss(bits[:, 0], score[:, 0], sample_weight=weight), weight)
case("AUC", {}, "values", score, bits, sk.roc_auc_score(bits[:, 0], score[:, 0], sample_weight=weight), weight)

two = np.round(rng.normal(size=(N, 2)), 3)
two_labels = rng.integers(0, 2, N)
second = softmax(two)[:, 1]
case("Precision", {}, "classes", two, two_labels, sk.precision_score(two_labels, second > 0.5), softmax=True)
case("Recall", {}, "values", two, np.eye(2)[two_labels], sk.recall_score(two_labels, second > 0.5), softmax=True)

multi = np.round(rng.uniform(size=(N, 3)), 3)
multi_bits = rng.integers(0, 2, (N, 3)).astype(float)
for average in ["macro", "micro"]:
    params = {"average": average, **({"classes": 3} if average == "macro" else {})}
    case("F1Score", params, "values", multi, multi_bits, sk.f1_score(multi_bits, multi > 0.5, average=average, sample_weight=weight), weight)
case("Accuracy", {}, "values", multi, multi_bits, np.average((multi_bits == (multi > 0.5)).mean(1), weights=weight), weight)


def curve(y, s, w, count):
    thresholds = [-1e-7] + [i / (count - 1) for i in range(1, count - 1)] + [1 + 1e-7]
    tp = np.array([w[(s > t) & (y > 0)].sum() for t in thresholds])
    fp = np.array([w[(s > t) & (y <= 0)].sum() for t in thresholds])
    return tp, fp


def pr_area(tp, fp):
    """Keras's interpolate_pr_auc."""
    dtp = tp[:-1] - tp[1:]
    found = tp + fp
    slope = np.divide(dtp, found[:-1] - found[1:], out=np.zeros_like(dtp), where=(found[:-1] - found[1:]) > 0)
    intercept = tp[1:] - slope * found[1:]
    ratio = np.where((found[:-1] > 0) & (found[1:] > 0), np.divide(found[:-1], found[1:], out=np.ones_like(dtp), where=found[1:] > 0), 1)
    return (slope * (dtp + intercept * np.log(ratio))).sum() / tp[0]


coarse = np.round(rng.uniform(size=(N, 1)), 2)
flat, y = coarse[:, 0], bits[:, 0]
tp, fp = curve(y, flat, weight, 200)
case("AUC", {"curve": "PR"}, "values", coarse, bits, pr_area(tp, fp), weight)
tp, fp = curve(y, flat, weight, 12)
case("AUC", {"numThresholds": 12}, "values", coarse, bits, np.sum((tp[:-1] + tp[1:]) / 2 * (fp[:-1] - fp[1:])) / tp[0] / fp[0], weight)
case("AUC", {"curve": "PR", "numThresholds": 12}, "values", coarse, bits, pr_area(tp, fp), weight)

a, b = np.round(rng.normal(size=(N, 2)), 3), np.round(rng.normal(size=(N, 2)), 3)
a = np.round(b + 0.5 * a, 3)
for type, f in [("MeanSquaredError", sk.mean_squared_error), ("MeanAbsoluteError", sk.mean_absolute_error), ("RootMeanSquaredError", None), ("MeanAbsolutePercentageError", None)]:
    if type == "RootMeanSquaredError":
        value = np.sqrt(sk.mean_squared_error(b, a, sample_weight=weight))
    elif type == "MeanAbsolutePercentageError":
        value = 100 * sk.mean_absolute_percentage_error(b, a, sample_weight=weight)
    else:
        value = f(b, a, sample_weight=weight)
    case(type, {}, "values", a, b, value, weight)
case("R2Score", {}, "values", a[:, :1], b[:, :1], sk.r2_score(b[:, 0], a[:, 0]))
case("R2Score", {"outputs": 2}, "values", a, b, sk.r2_score(b, a, sample_weight=weight), weight)
far = np.round(10000 + b[:, :1], 2)
case("R2Score", {}, "values", np.round(far + 0.5, 2).astype(np.float32).astype(float), far.astype(np.float32).astype(float), sk.r2_score(far.astype(np.float32).astype(float)[:, 0], np.round(far + 0.5, 2).astype(np.float32).astype(float)[:, 0]))
cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
case("CosineSimilarity", {}, "values", a, b, np.average(cosine, weights=weight), weight)

# sequences: every place that counts weighs as its row
T = 3
steps = rng.integers(0, C, (N, T))
step_logits = np.round(rng.normal(size=(N, T, C)) + np.eye(C)[steps], 3)
mask = np.arange(T)[None, :] < rng.integers(1, T + 1, N)[:, None]
place_weight = (weight[:, None] * mask).flatten()
step_best = step_logits.argmax(-1).flatten()
case("Accuracy", {}, "classes", step_logits, steps, sk.accuracy_score(steps.flatten(), step_best, sample_weight=place_weight), weight, mask, softmax=True)
case("Accuracy", {}, "classes", step_logits, steps, sk.accuracy_score(steps.flatten(), step_best), softmax=True)
case("F1Score", {"average": "macro", "classes": C}, "classes", step_logits, steps, sk.f1_score(steps.flatten(), step_best, average="macro", sample_weight=place_weight), weight, mask, softmax=True)
case("LogLoss", {}, "classes", step_logits, steps, sk.log_loss(steps.flatten(), softmax(step_logits).reshape(-1, C), sample_weight=place_weight), weight, mask, softmax=True)
series, wanted = np.round(rng.normal(size=(N, T, 2)), 3), np.round(rng.normal(size=(N, T, 2)), 3)
case("MeanSquaredError", {}, "values", series, wanted, np.average(((series - wanted) ** 2).mean(-1).flatten(), weights=place_weight), weight, mask)

with open(os.path.join(HERE, "batch-metrics.json"), "w") as out:
    out.write('{ "cases": [\n')
    out.write(",\n".join(json.dumps(c) for c in cases))
    out.write("\n] }\n")
print(len(cases), "cases")

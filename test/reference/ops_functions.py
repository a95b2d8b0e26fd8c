"""ONNX operators written in PyTorch: functions of (inputs by name, attributes, case)."""

import torch
import torch.nn.functional as F

functions = {}


def op(*names):
    def register(function):
        for name in names:
            functions[name] = function
        return function

    return register


def unary(name, function):
    functions[name] = lambda i, a, c: function(i["x"])


def binary(name, function):
    functions[name] = lambda i, a, c: function(i["a"], i["b"])


def ints(tensor):
    return [int(v) for v in tensor.reshape(-1).tolist()]


for name, function in {
    "Abs": torch.abs, "Neg": torch.neg, "Exp": torch.exp, "Log": torch.log, "Sqrt": torch.sqrt,
    "Reciprocal": torch.reciprocal, "Identity": lambda x: x * 1, "Sign": torch.sign, "Floor": torch.floor,
    "Ceil": torch.ceil, "Round": torch.round, "Sin": torch.sin, "Cos": torch.cos, "Tan": torch.tan,
    "Asin": torch.asin, "Acos": torch.acos, "Atan": torch.atan, "Sinh": torch.sinh, "Cosh": torch.cosh,
    "Tanh": torch.tanh, "Asinh": torch.asinh, "Acosh": torch.acosh, "Atanh": torch.atanh, "Erf": torch.erf,
    "Relu": torch.relu, "Sigmoid": torch.sigmoid, "Softplus": F.softplus,
    "Softsign": F.softsign, "HardSwish": F.hardswish, "Mish": F.mish,
}.items():
    unary(name, function)
for name, function in {
    "Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Div": torch.div, "Pow": torch.pow, "Mod": torch.fmod,
    "MatMul": torch.matmul,
}.items():
    binary(name, function)


def many(i):
    return torch.stack(torch.broadcast_tensors(*i.values()))


functions["Sum"] = lambda i, a, c: many(i).sum(0)
functions["Mean"] = lambda i, a, c: many(i).mean(0)
functions["Max"] = lambda i, a, c: many(i).amax(0)
functions["Min"] = lambda i, a, c: many(i).amin(0)
functions["Where"] = lambda i, a, c: torch.where(i["condition"], i["a"], i["b"])


@op("Clip")
def clip(i, a, c):
    if "min" not in i and "max" not in i:
        return i["x"] * 1
    constants = {s["name"] for s in c["inputs"] if s.get("constant")}
    bounds = [i[k].item() if k in constants else i.get(k) for k in ("min", "max")]
    return torch.clamp(i["x"], *bounds)


functions["LeakyRelu"] = lambda i, a, c: F.leaky_relu(i["x"], a.get("alpha", 0.01))
functions["Elu"] = lambda i, a, c: F.elu(i["x"], a.get("alpha", 1.0))
functions["Celu"] = lambda i, a, c: F.celu(i["x"], a.get("alpha", 1.0))
functions["ThresholdedRelu"] = lambda i, a, c: F.threshold(i["x"], a.get("alpha", 1.0), 0.0)
functions["Swish"] = lambda i, a, c: i["x"] * torch.sigmoid(a.get("alpha", 1.0) * i["x"])
functions["QuickGelu"] = lambda i, a, c: i["x"] * torch.sigmoid(a.get("alpha", 1.702) * i["x"])
functions["BiasGelu"] = lambda i, a, c: F.gelu(i["x"] + i["bias"])
functions["FastGelu"] = lambda i, a, c: F.gelu(i["x"] + i.get("bias", 0), approximate="tanh")
functions["Gelu"] = lambda i, a, c: F.gelu(i["x"], approximate=a.get("approximate", "none"))


@op("PRelu")
def prelu(i, a, c):
    x, slope = i["x"], i["slope"]
    if slope.numel() == 1:
        return F.prelu(x, slope)
    return torch.where(x > 0, x, x * slope)


@op("Selu")
def selu(i, a, c):
    if not a:
        return F.selu(i["x"])
    return a["gamma"] * F.elu(i["x"], a["alpha"])


@op("Shrink")
def shrink(i, a, c):
    x, lambd, bias = i["x"], a.get("lambd", 0.5), a.get("bias", 0.0)
    if lambd == bias:
        return F.softshrink(x, lambd)
    return F.hardshrink(x, lambd) - bias * torch.sign(F.hardshrink(x, lambd)).detach()


@op("HardSigmoid")
def hard_sigmoid(i, a, c):
    # hardsigmoid is relu6(x + 3) / 6: stretched to other slopes
    alpha, beta = a.get("alpha", 0.2), a.get("beta", 0.5)
    return F.hardsigmoid((alpha * i["x"] + beta) * 6 - 3)


functions["Softmax"] = lambda i, a, c: F.softmax(i["x"], a.get("axis", -1))
functions["LogSoftmax"] = lambda i, a, c: F.log_softmax(i["x"], a.get("axis", -1))


@op("Gemm")
def gemm(i, a, c):
    x = i["a"].T if a.get("transA") else i["a"]
    y = i["b"].T if a.get("transB") else i["b"]
    product = a.get("alpha", 1.0) * (x @ y)
    return product + a.get("beta", 1.0) * i["c"] if "c" in i else product


@op("FusedMatMul")
def fused_matmul(i, a, c):
    x = i["a"].mT if a.get("transA") else i["a"]
    y = i["b"].mT if a.get("transB") else i["b"]
    return a.get("alpha", 1.0) * (x @ y)


# reductions
def reduction(name, function):
    def run(i, a, c):
        x = i["x"]
        axes = ints(i["axes"]) if "axes" in i else []
        if not axes and a.get("noop_with_empty_axes"):
            return x * 1
        axes = [axis % x.dim() for axis in axes] if axes else list(range(x.dim()))
        keep = bool(a.get("keepdims", 1))
        if not axes:
            # of a scalar
            return function(x.reshape(1), [0], False)
        return function(x, axes, keep)

    functions[name] = run


def product(x, axes, keep):
    for axis in sorted(axes, reverse=True):
        x = x.prod(axis, keepdim=keep)
    return x


reduction("ReduceSum", lambda x, axes, keep: x.sum(axes, keepdim=keep))
reduction("ReduceMean", lambda x, axes, keep: x.mean(axes, keepdim=keep))
reduction("ReduceMax", lambda x, axes, keep: x.amax(axes, keepdim=keep))
reduction("ReduceMin", lambda x, axes, keep: x.amin(axes, keepdim=keep))
reduction("ReduceProd", product)
reduction("ReduceL1", lambda x, axes, keep: torch.linalg.vector_norm(x, 1, axes, keepdim=keep))
reduction("ReduceL2", lambda x, axes, keep: torch.linalg.vector_norm(x, 2, axes, keepdim=keep))
reduction("ReduceSumSquare", lambda x, axes, keep: (x * x).sum(axes, keepdim=keep))
reduction("ReduceLogSum", lambda x, axes, keep: x.sum(axes, keepdim=keep).log())
reduction("ReduceLogSumExp", lambda x, axes, keep: torch.logsumexp(x, axes, keepdim=keep))


@op("CumSum")
def cumsum(i, a, c):
    x, axis = i["x"], int(i["axis"])
    turned = x.flip(axis) if a.get("reverse") else x
    total = turned.cumsum(axis)
    total = total - turned if a.get("exclusive") else total
    return total.flip(axis) if a.get("reverse") else total


@op("TopK")
def topk(i, a, c):
    return torch.topk(i["x"], int(i["k"]), a.get("axis", -1), bool(a.get("largest", 1)))[0]



"""PyTorch's values of layers: results, gradients of inputs and weights, running statistics.

python test/reference/layers.py    # writes layers.json beside it
"""

import json
import math
import os

import torch
import torch.nn.functional as F

torch.manual_seed(3)
torch.set_default_dtype(torch.float64)
cases = []


def tensor(t):
    data = [float(f"{v:.8g}") for v in t.detach().reshape(-1).tolist()]
    return {"shape": list(t.shape), "data": data}


def rand(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).float().double().requires_grad_(True)


def case(name, layer, inputs, weights, y, next=None, mask=None, prediction=None):
    """y is differentiated through sum(y * cos(0.7 i)); prediction is the result outside training where it is another."""
    r = torch.cos(0.7 * torch.arange(y.numel())).reshape(y.shape)
    wrt = {**{f"x{i}": x for i, x in enumerate(inputs)}, **weights}
    grads = torch.autograd.grad((y * r).sum(), list(wrt.values()), allow_unused=True, retain_graph=True)
    cases.append(
        {
            "name": name,
            "layer": layer,
            "inputs": [tensor(x) for x in inputs],
            "weights": {k: tensor(w) for k, w in weights.items()},
            "y": tensor(y),
            "grads": {k: tensor(d) for k, d in zip(wrt, grads) if d is not None},
            **({"next": {k: tensor(v) for k, v in next.items()}} if next else {}),
            **({"mask": mask.int().tolist()} if mask is not None else {}),
            **({"prediction": tensor(prediction)} if prediction is not None else {}),
        }
    )


def layer(type, **params):
    return {"type": type, "params": params}


# convolutions
x, w, b = rand(2, 5, 3), rand(4, 3, 3), rand(4)
causal = F.conv1d(F.pad(x.transpose(1, 2), (4, 0)), w, b, dilation=2).transpose(1, 2)
case("causal Conv1D", layer("Conv1D", filters=4, kernelSize=3, padding="causal", dilationRate=2), [x],
     {"conv1d/kernel": w, "conv1d/bias": b}, causal)

x, w, b = rand(2, 4, 7, 6), rand(6, 2, 3, 3), rand(6)
y = F.conv2d(F.pad(x, (0, 1, 1, 1)), w, b, stride=2, groups=2)
case("Conv2D, same, stride 2, groups", layer("Conv2D", filters=6, kernelSize=3, strides=2, padding="same", groups=2),
     [x], {"conv2d/kernel": w, "conv2d/bias": b}, y)

x, w, b = rand(2, 2, 4, 5, 3), rand(3, 2, 2, 3, 2), rand(3)
case("Conv3D", layer("Conv3D", filters=3, kernelSize=[2, 3, 2]), [x], {"conv3d/kernel": w, "conv3d/bias": b},
     F.conv3d(x, w, b))

x, w, b = rand(2, 3, 4, 3), rand(3, 2, 3, 3), rand(2)
full = F.conv_transpose2d(x, w, b, stride=2)
case("Conv2DTranspose, valid", layer("Conv2DTranspose", filters=2, kernelSize=3, strides=2), [x],
     {"conv2d_transpose/kernel": w, "conv2d_transpose/bias": b}, full)
case("Conv2DTranspose, same", layer("Conv2DTranspose", filters=2, kernelSize=3, strides=2, padding="same"), [x],
     {"conv2d_transpose/kernel": w, "conv2d_transpose/bias": b}, full[:, :, :8, :6])

x, w, b = rand(2, 3, 5, 5), rand(6, 1, 3, 3), rand(6)
case("DepthwiseConv2D", layer("DepthwiseConv2D", kernelSize=3, depthMultiplier=2, padding="same"), [x],
     {"depthwise_conv2d/depthwiseKernel": w, "depthwise_conv2d/bias": b}, F.conv2d(x, w, b, padding=1, groups=3))
p, b2 = rand(4, 6, 1, 1), rand(4)
case("SeparableConv2D", layer("SeparableConv2D", filters=4, kernelSize=3, depthMultiplier=2), [x],
     {"separable_conv2d/depthwiseKernel": w, "separable_conv2d/pointwiseKernel": p, "separable_conv2d/bias": b2},
     F.conv2d(F.conv2d(x, w, groups=3), p, b2))

# pooling
x = rand(2, 3, 5, 6)
case("MaxPooling2D, same", layer("MaxPooling2D", poolSize=3, strides=2, padding="same"), [x], {},
     F.max_pool2d(F.pad(x, (0, 1, 1, 1), value=-math.inf), 3, 2))
ones = torch.ones_like(x)
around = lambda t: F.avg_pool2d(F.pad(t, (0, 1, 1, 1)), 3, 2)
case("AveragePooling2D, same: zeros around do not count",
     layer("AveragePooling2D", poolSize=3, strides=2, padding="same"), [x], {}, around(x) / around(ones))
x = rand(2, 6, 3)
case("MaxPooling1D", layer("MaxPooling1D", poolSize=2), [x], {}, F.max_pool1d(x.transpose(1, 2), 2).transpose(1, 2))
x = rand(2, 2, 4, 4, 4)
case("AveragePooling3D", layer("AveragePooling3D", poolSize=2), [x], {}, F.avg_pool3d(x, 2))
x = rand(2, 3, 4, 5)
case("GlobalAveragePooling2D", layer("GlobalAveragePooling2D"), [x], {}, x.mean((2, 3)))
case("UpSampling2D, bilinear", layer("UpSampling2D", size=2, interpolation="bilinear"), [x], {},
     F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False))
case("UpSampling2D, nearest", layer("UpSampling2D", size=[2, 3]), [x], {},
     x.repeat_interleave(2, 2).repeat_interleave(3, 3))

# normalizations; Keras's running variance takes the batch's own, without Bessel's correction
for name, x, axes in (("pictures", rand(4, 3, 3, 2), (0, 2, 3)), ("rows", rand(6, 3), (0,))):
    gamma, beta, mean, variance = rand(3), rand(3), rand(3), (torch.rand(3) + 0.5).requires_grad_(True)
    wide = lambda v: v.reshape(1, 3, *([1] * (x.dim() - 2)))
    m, v = x.mean(axes), x.var(axes, unbiased=False)
    y = (x - wide(m)) / torch.sqrt(wide(v) + 1e-3) * wide(gamma) + wide(beta)
    p = (x - wide(mean)) / torch.sqrt(wide(variance) + 1e-3) * wide(gamma) + wide(beta)
    n = "batch_normalization/"
    case(f"BatchNormalization of {name}", layer("BatchNormalization", momentum=0.8), [x],
         {n + "gamma": gamma, n + "beta": beta}, y,
         next={n + "movingMean": 0.8 * mean + 0.2 * m, n + "movingVariance": 0.8 * variance + 0.2 * v}, prediction=p)
    cases[-1]["weights"].update({n + "movingMean": tensor(mean), n + "movingVariance": tensor(variance)})

x, gamma, beta = rand(2, 3, 5), rand(5), rand(5)
case("LayerNormalization", layer("LayerNormalization"), [x],
     {"layer_normalization/gamma": gamma, "layer_normalization/beta": beta},
     F.layer_norm(x, (5,), gamma, beta, 1e-3))
case("RMSNormalization", layer("RMSNormalization"), [x], {"rms_normalization/gamma": gamma},
     F.rms_norm(x, (5,), gamma, 1e-6))
x, gamma, beta = rand(2, 4, 3, 3), rand(4), rand(4)
case("GroupNormalization", layer("GroupNormalization", groups=2), [x],
     {"group_normalization/gamma": gamma, "group_normalization/beta": beta}, F.group_norm(x, 2, gamma, beta, 1e-3))

# recurrent; PyTorch's gates are i, f, g, o and r, z, n, ours i, o, f, g and z, r, n
units, features = 3, 4
reorder = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2], "RNN": [0]}


def recurrent(kind, x, mask=None, reset_after=True, backwards=False, cells=None):
    """Step by step, from leaves in our layout."""
    gates = len(reorder[kind])
    k, r = (rand(features, gates * units, scale=0.5), rand(units, gates * units, scale=0.5)) if cells is None else cells[:2]
    bias = rand(gates * units) if cells is None else cells[2]
    second = rand(gates * units) if kind == "GRU" and reset_after and cells is None else None
    h = torch.zeros(x.shape[0], units)
    c = torch.zeros(x.shape[0], units)
    ys = [None] * x.shape[1]
    for t in reversed(range(x.shape[1])) if backwards else range(x.shape[1]):
        s = x[:, t] @ k + bias
        if kind == "RNN":
            nh, nc = torch.tanh(s + h @ r), c
        elif kind == "LSTM":
            i, o, f, g = (s + h @ r).chunk(4, 1)
            nc = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            nh = torch.sigmoid(o) * torch.tanh(nc)
        else:
            sz, sr, sn = s.chunk(3, 1)
            if reset_after:
                rz, rr, rn = (h @ r + second).chunk(3, 1)
                z, q = torch.sigmoid(sz + rz), torch.sigmoid(sr + rr)
                n = torch.tanh(sn + q * rn)
            else:
                kz, kr, kn = r.chunk(3, 1)
                z, q = torch.sigmoid(sz + h @ kz), torch.sigmoid(sr + h @ kr)
                n = torch.tanh(sn + (q * h) @ kn)
            nh, nc = (1 - z) * n + z * h, c
        if mask is not None:
            going = mask[:, t].reshape(-1, 1)
            nh, nc = torch.where(going, nh, h), torch.where(going, nc, c)
        h, c = nh, nc
        ys[t] = h
    return torch.stack(ys, 1), h, (k, r, bias, second)


def torch_module(kind, leaves):
    """PyTorch's own module with the same weights, to be sure of the steps above."""
    k, r, bias, second = leaves
    module = getattr(torch.nn, kind)(features, units, batch_first=True)
    order = reorder[kind]
    # row block j of PyTorch is our block order.index(j)
    blocks = lambda m: torch.cat([m.chunk(len(order), -1)[order.index(j)] for j in range(len(order))], -1)
    with torch.no_grad():
        module.weight_ih_l0.copy_(blocks(k).T)
        module.weight_hh_l0.copy_(blocks(r).T)
        module.bias_ih_l0.copy_(blocks(bias))
        module.bias_hh_l0.copy_(torch.zeros_like(bias) if second is None else blocks(second))
    return module


def weights_of(prefix, leaves):
    k, r, bias, second = leaves
    named = {f"{prefix}/kernel": k, f"{prefix}/recurrentKernel": r, f"{prefix}/bias": bias}
    return {**named, **({f"{prefix}/recurrentBias": second} if second is not None else {})}


x = rand(2, 5, features)
mask = torch.tensor([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]]).bool()
for kind, type, prefix in (("LSTM", "LSTM", "lstm"), ("GRU", "GRU", "gru"), ("RNN", "SimpleRNN", "simple_rnn")):
    ys, h, leaves = recurrent(kind, x)
    same = torch_module(kind, leaves)(x)[0]
    assert torch.allclose(same, ys, atol=1e-12), kind
    case(type, layer(type, units=units), [x], weights_of(prefix, leaves), h)
    case(f"{type}, sequences", layer(type, units=units, returnSequences=True), [x], weights_of(prefix, leaves), ys)
    ys, h, leaves = recurrent(kind, x, mask=mask)
    case(f"{type} with a mask", layer(type, units=units, returnSequences=True), [x], weights_of(prefix, leaves), ys,
         mask=mask)
    ys, h, leaves = recurrent(kind, x, backwards=True)
    case(f"{type} backwards", layer(type, units=units, returnSequences=True, goBackwards=True), [x],
         weights_of(prefix, leaves), ys.flip(1))
ys, h, leaves = recurrent("GRU", x, reset_after=False)
case("GRU, reset before", layer("GRU", units=units, resetAfter=False), [x], weights_of("gru", leaves), h)
a, _, la = recurrent("LSTM", x)
b, _, lb = recurrent("LSTM", x, backwards=True)
n = "bidirectional/"
case("Bidirectional", layer("Bidirectional", layer=layer("LSTM", units=units, returnSequences=True)), [x],
     {**weights_of(n + "forward_lstm", la), **weights_of(n + "backward_lstm", lb)}, torch.cat([a, b], -1))

# attention
d, heads = 6, 2
x, other = rand(2, 5, d), rand(2, 3, d)
module = torch.nn.MultiheadAttention(d, heads, batch_first=True)
with torch.no_grad():
    for p in module.parameters():
        p.copy_((torch.randn_like(p) * 0.5).float().double())


def attention_weights(module, prefix):
    """Leaves in our layout, and the module's parameters made of them."""
    q, k, v = (m.T.clone().detach().requires_grad_(True) for m in module.in_proj_weight.chunk(3))
    bq, bk, bv = (m.clone().detach().requires_grad_(True) for m in module.in_proj_bias.chunk(3))
    o = module.out_proj.weight.T.clone().detach().requires_grad_(True)
    bo = module.out_proj.bias.clone().detach().requires_grad_(True)
    named = {}
    for name, kernel, bias in (("query", q, bq), ("key", k, bk), ("value", v, bv), ("output", o, bo)):
        named[f"{prefix}{name}/kernel"] = kernel
        named[f"{prefix}{name}/bias"] = bias
    inner = {
        "in_proj_weight": torch.cat([q.T, k.T, v.T]),
        "in_proj_bias": torch.cat([bq, bk, bv]),
        "out_proj.weight": o.T,
        "out_proj.bias": bo,
    }
    return named, inner


named, inner = attention_weights(module, "multi_head_attention/")
call = lambda *args, **kw: torch.func.functional_call(module, inner, args, {"need_weights": False, **kw})[0]
mha = dict(numHeads=heads, keyDim=d // heads)
case("MultiHeadAttention to itself", layer("MultiHeadAttention", **mha), [x], named, call(x, x, x))
case("MultiHeadAttention to another", layer("MultiHeadAttention", **mha), [x, other], named, call(x, other, other))
later = torch.triu(torch.ones(5, 5), 1).bool()
case("MultiHeadAttention, causal", layer("MultiHeadAttention", **mha, useCausalMask=True), [x], named,
     call(x, x, x, attn_mask=later))
padded = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
case("MultiHeadAttention with a mask", layer("MultiHeadAttention", **mha), [x], named,
     call(x, x, x, key_padding_mask=~padded), mask=padded)

for first in (False, True):
    block = torch.nn.TransformerEncoderLayer(d, heads, 8, dropout=0.0, activation="relu", batch_first=True,
                                             layer_norm_eps=1e-5, norm_first=first)
    with torch.no_grad():
        for p in block.parameters():
            p.copy_((p + torch.randn_like(p) * 0.3).float().double())
    n = "transformer_encoder/"
    named, inner = attention_weights(block.self_attn, n + "attention/")
    inner = {f"self_attn.{k}": v for k, v in inner.items()}
    for ours, theirs in (("feedforward_hidden", "linear1"), ("feedforward_output", "linear2")):
        kernel = getattr(block, theirs).weight.T.clone().detach().requires_grad_(True)
        bias = getattr(block, theirs).bias.clone().detach().requires_grad_(True)
        named.update({f"{n}{ours}/kernel": kernel, f"{n}{ours}/bias": bias})
        inner.update({f"{theirs}.weight": kernel.T, f"{theirs}.bias": bias})
    for ours, theirs in (("attention_norm", "norm1"), ("feedforward_norm", "norm2")):
        gamma = getattr(block, theirs).weight.clone().detach().requires_grad_(True)
        beta = getattr(block, theirs).bias.clone().detach().requires_grad_(True)
        named.update({f"{n}{ours}/gamma": gamma, f"{n}{ours}/beta": beta})
        inner.update({f"{theirs}.weight": gamma, f"{theirs}.bias": beta})
    y = torch.func.functional_call(block, inner, (x,))
    title = "TransformerEncoder" + (", normalized first" if first else "")
    case(title, layer("TransformerEncoder", intermediateDim=8, numHeads=heads, normalizeFirst=first), [x], named, y)

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layers.json")
with open(path, "w") as f:
    f.write(json.dumps(cases))
    f.write("\n")
print(len(cases), "cases,", os.path.getsize(path), "bytes")

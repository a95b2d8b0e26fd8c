"""In PyTorch: normalizations, losses, dropout, quantization, resizing, convolution, pooling, recurrent networks."""

import torch
import torch.nn.functional as F

from ops_functions import functions, ints, op


@op("LayerNormalization")
def layer_norm(i, a, c):
    x, axis, eps = i["x"], a.get("axis", -1), a.get("epsilon", 1e-5)
    y = F.layer_norm(x, x.shape[axis:], i["scale"], i.get("bias"), eps)
    if c["outputs"] == 1:
        return y
    axes = list(range(axis % x.dim(), x.dim()))
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return y, mean, (variance + eps).rsqrt()


@op("RMSNormalization", "SimplifiedLayerNormalization")
def rms_norm(i, a, c):
    x = i["x"]
    return F.rms_norm(x, x.shape[a.get("axis", -1) :], i["scale"], a.get("epsilon", 1e-5))


functions["InstanceNormalization"] = lambda i, a, c: F.instance_norm(
    i["x"], weight=i["scale"], bias=i["bias"], eps=a.get("epsilon", 1e-5))
functions["GroupNormalization"] = lambda i, a, c: F.group_norm(
    i["x"], a["num_groups"], i["scale"], i["bias"], a.get("epsilon", 1e-5))


@op("BatchNormalization")
def batch_norm(i, a, c):
    x, eps, m = i["x"], a.get("epsilon", 1e-5), a.get("momentum", 0.9)
    axes = [k for k in range(x.dim()) if k != 1]
    wide = [1, -1] + [1] * (x.dim() - 2)
    if not a.get("training_mode"):
        # F.batch_norm does not differentiate mean and variance
        slope = i["scale"] / torch.sqrt(i["variance"] + eps)
        return (x - i["mean"].reshape(wide)) * slope.reshape(wide) + i["bias"].reshape(wide)
    variance, mean = torch.var_mean(x, axes, correction=0)
    y = F.batch_norm(x, None, None, i["scale"], i["bias"], True, 0, eps)
    return y, m * i["mean"] + (1 - m) * mean, m * i["variance"] + (1 - m) * variance


functions["LpNormalization"] = lambda i, a, c: i["x"] / torch.linalg.vector_norm(
    i["x"], a.get("p", 2), a.get("axis", -1), keepdim=True).clamp_min(1e-30) if i["x"].abs().sum() > 0 or i["x"].numel() == 0 else i["x"] * 0


@op("MeanVarianceNormalization")
def mean_variance(i, a, c):
    x, axes = i["x"], a.get("axes", [0, 2, 3])
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) / (variance.sqrt() + 1e-9)


functions["LRN"] = lambda i, a, c: F.local_response_norm(
    i["x"], a["size"], a.get("alpha", 1e-4), a.get("beta", 0.75), a.get("bias", 1.0))


@op("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss")
def losses(i, a, c):
    ignore, reduction = a.get("ignore_index", -(10**6)), a.get("reduction", "mean")
    if c["type"] == "NegativeLogLikelihoodLoss":
        return F.nll_loss(i["scores"], i["labels"], i.get("weights"), ignore_index=ignore, reduction=reduction)
    loss = F.cross_entropy(i["scores"], i["labels"], i.get("weights"), ignore_index=ignore, reduction=reduction)
    return loss if c["outputs"] == 1 else (loss, F.log_softmax(i["scores"], 1))


# with ratio 0, or not in training
functions["Dropout"] = lambda i, a, c: i["x"] * 1


@op("DequantizeLinear")
def dequantize(i, a, c):
    scale, x = i["scale"], i["x"].to(i["scale"].dtype)
    if scale.dim() == 1:
        scale = scale.reshape([-1 if k == a.get("axis", 1) else 1 for k in range(x.dim())])
    return (x - i.get("zero", torch.zeros(())).to(scale.dtype)) * scale


@op("Resize")
def resize(i, a, c):
    x, mode, coordinates = i["x"], a.get("mode", "nearest"), a.get("coordinate_transformation_mode", "half_pixel")
    sizes = ints(i["sizes"])[2:] if "sizes" in i and "axes" not in a else None
    scales = i["scales"].tolist()[2:] if "scales" in i and "axes" not in a else None
    # at borders antialiasing in PyTorch leaves pixels outside out; other kernels repeat the last one
    if (sizes is None and scales is None) or bool(a.get("exclude_outside")) != bool(a.get("antialias")):
        return None
    if mode == "nearest":
        if coordinates != "asymmetric":
            return None
        return F.interpolate(x, sizes, scales, "nearest")
    if coordinates == "pytorch_half_pixel" or a.get("cubic_coeff_a", -0.75) != -0.75:
        return None
    antialias = bool(a.get("antialias"))
    return F.interpolate(x, sizes, scales, {"linear": "bilinear", "cubic": "bicubic"}[mode], coordinates == "align_corners",
                         antialias=antialias)


def padded(x, w, a, fill=0.0):
    """x with the pads of the case, for kernel sizes w: also uneven ones, and those of auto_pad."""
    n = len(w)
    strides, dilations = a.get("strides", [1] * n), a.get("dilations", [1] * n)
    pads = a.get("pads", [0] * 2 * n)
    auto = a.get("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        total = [max(0, (-(-s // t) - 1) * t + (k - 1) * d + 1 - s) for s, t, k, d in zip(x.shape[2:], strides, w, dilations)]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        pads = small + large if auto == "SAME_UPPER" else large + small
    return F.pad(x, [p for k in reversed(range(n)) for p in (pads[k], pads[k + n])], value=fill), strides, dilations, pads


@op("Conv")
def conv(i, a, c):
    x, strides, dilations, _ = padded(i["x"], i["w"].shape[2:], a)
    run = [F.conv1d, F.conv2d, F.conv3d][x.dim() - 3]
    return run(x, i["w"], i.get("bias"), strides, 0, dilations, a.get("group", 1))


@op("ConvTranspose")
def conv_transpose(i, a, c):
    if "output_shape" in a or "auto_pad" in a:
        return None
    n = i["x"].dim() - 2
    pads, extra = a.get("pads", [0] * 2 * n), a.get("output_padding", [0] * n)
    y = F.conv_transpose2d(i["x"], i["w"], None, a.get("strides", [1] * n), 0, 0, a.get("group", 1), a.get("dilations", [1] * n))
    # cut uneven pads off; output_padding adds at the end what the pads cut there
    y = F.pad(y, [p for k in reversed(range(n)) for p in (0, max(0, extra[k] - pads[k + n]))])
    cut = [slice(pads[k], y.shape[k + 2] - max(0, pads[k + n] - extra[k])) for k in range(n)]
    y = y[(slice(None), slice(None), *cut)]
    return y + i["bias"].reshape(-1, 1, 1) if "bias" in i else y


@op("MaxPool")
def max_pool(i, a, c):
    kernel = a["kernel_shape"]
    if a.get("ceil_mode"):
        return None
    x, strides, dilations, _ = padded(i["x"], kernel, a, float("-inf"))
    return [F.max_pool1d, F.max_pool2d, F.max_pool3d][len(kernel) - 1](x, kernel, strides, 0, dilations)


@op("AveragePool")
def average_pool(i, a, c):
    kernel, pads = a["kernel_shape"], a.get("pads", [0, 0, 0, 0])
    if "auto_pad" in a or pads[:2] != pads[2:]:
        return None
    return F.avg_pool2d(i["x"], kernel, a.get("strides", 1), pads[:2], bool(a.get("ceil_mode")), bool(a.get("count_include_pad")))


functions["GlobalAveragePool"] = lambda i, a, c: i["x"].mean(list(range(2, i["x"].dim())), keepdim=True)
functions["GlobalMaxPool"] = lambda i, a, c: i["x"].amax(list(range(2, i["x"].dim())), keepdim=True)


@op("LSTM", "GRU", "RNN")
def recurrent(i, a, c):
    """PyTorch's own cells where they exist: no lengths, peepholes, clip or other direction than forward and both."""
    direction = a.get("direction", "forward")
    if "lengths" in i or "p" in i or "clip" in a or direction == "reverse" or (c["type"] == "GRU" and not a.get("linear_before_reset")):
        return None
    both = direction == "bidirectional"
    activation = a.get("activations", ["Tanh"])[0].lower()
    order = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}[c["type"]]  # gates i o f c and z r h in ONNX
    gates, hidden, x = len(order), a["hidden_size"], i["x"]
    turned = lambda t: torch.cat([t.chunk(gates)[k] for k in order])  # noqa: E731
    module = getattr(torch.nn, c["type"])(x.shape[2], hidden, bidirectional=both, dtype=x.dtype, **({"nonlinearity": activation} if gates == 1 else {}))
    parameters = {}
    for d in range(2 if both else 1):
        suffix = "_l0_reverse" if d else "_l0"
        bias = i.get("bias", torch.zeros(2, 2 * gates * hidden, dtype=x.dtype))[d].chunk(2)
        parameters |= {"weight_ih" + suffix: turned(i["w"][d]), "weight_hh" + suffix: turned(i["r"][d]),
                       "bias_ih" + suffix: turned(bias[0]), "bias_hh" + suffix: turned(bias[1])}
    zeros = torch.zeros(len(parameters) // 4, x.shape[1], hidden, dtype=x.dtype)
    h0 = i.get("h0", zeros)
    state = (h0, i.get("c0", zeros)) if c["type"] == "LSTM" else h0
    y, last = torch.func.functional_call(module, parameters, (x, state))
    y = y.reshape(y.shape[0], y.shape[1], -1, hidden).transpose(1, 2)
    return (y, *last) if c["type"] == "LSTM" else (y, last)


functions["Einsum"] = lambda i, a, c: torch.einsum(a["equation"], *i.values())


@op("Attention")
def attention(i, a, c):
    q, k, v, mask = i["q"], i["k"], i["v"], i.get("mask")
    causal = bool(a.get("is_causal"))
    if "pastKey" in i or "softcap" in a or (causal and mask is not None):
        return None
    heads = lambda x, n: x if x.dim() == 4 else x.unflatten(2, (n, -1)).transpose(1, 2)  # noqa: E731
    q, k, v = heads(q, a.get("q_num_heads")), heads(k, a.get("kv_num_heads")), heads(v, a.get("kv_num_heads"))
    y = F.scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale=a.get("scale"), enable_gqa=True)
    return y if i["q"].dim() == 4 else y.transpose(1, 2).flatten(2)

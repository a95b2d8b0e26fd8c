"""Makes ops.json: losses and gradients of the operators' conformance cases, by PyTorch.

pip install torch onnx
npm run build:test && node .build/test/reference/cases.js | python test/reference/ops.py
Each case is y = op(inputs), loss = sum of each float output times cos(0), cos(1), ...; see test/conformance/op-table.ts.
"""

import json
import math
import pathlib
import sys

import onnx
import torch

import ops_network  # noqa: F401  registers its operators, as does the next
import ops_shape  # noqa: F401
from ops_functions import functions

STORED = 32  # elements per tensor, as in test/conformance/torch-values.ts


def tensor_of(sample, float_type):
    types = {"float32": float_type, "int64": torch.int64, "int32": torch.int32, "bool": torch.bool,
             "int8": torch.int8, "uint8": torch.uint8, "uint32": torch.int64}
    values = [float(v) if sample["dtype"] == "float32" else int(v) for v in sample["values"]]
    return torch.tensor(values, dtype=types[sample["dtype"]]).reshape(sample["shape"])


def number(value):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(f"{value:.6g}") if value != int(value) or abs(value) > 1e15 else int(value)


def stored(tensor):
    every = max(1, -(-tensor.numel() // STORED))
    return [number(v) for v in tensor.reshape(-1)[::every].tolist()]


def run(case):
    function = functions.get(case["type"])
    if function is None:
        return None
    float_type = getattr(torch, case["float"])
    inputs = {s["name"]: tensor_of(s, float_type) for s in case["inputs"]}
    wrt = {s["name"]: inputs[s["name"]].requires_grad_() for s in case["inputs"]
           if s["dtype"] == "float32" and not s.get("constant")}
    if not wrt:
        return None
    outputs = function(inputs, case["attrs"], case)
    if outputs is None:
        return None  # a variant that PyTorch does not have
    outputs = [outputs] if torch.is_tensor(outputs) else list(outputs)
    floats = [y for y in outputs[: case["lossOf"]] if y.dtype == float_type]
    if not floats:
        return None
    # the graph's weights are float32 cosines too
    weights = [torch.cos(torch.arange(y.numel(), dtype=torch.float32) + i).to(float_type).reshape(y.shape) for i, y in enumerate(floats)]
    loss = sum((y * w).sum() for y, w in zip(floats, weights))
    result = {} if case["float"] == "float32" else {"loss": [number(loss.item())]}
    grads = torch.autograd.grad(loss, list(wrt.values()), allow_unused=True) if loss.requires_grad else [None] * len(wrt)
    for (name, x), grad in zip(wrt.items(), grads):
        result[name] = stored(torch.zeros_like(x) if grad is None else grad)
    return result


cases = json.load(sys.stdin)
results = {case["key"]: result for case in cases if (result := run(case)) is not None}
since = {}
for schema in onnx.defs.get_all_schemas_with_history():
    if schema.domain == "":
        since[schema.name] = min(since.get(schema.name, 99), schema.since_version)
kinds = sorted({case["type"] for case in cases if case["domain"] == ""})
lines = ",\n".join(f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in results.items())
head = json.dumps({"torch": torch.__version__.split("+")[0], "since": {k: since[k] for k in kinds if k in since}}, separators=(",", ":"))
pathlib.Path(__file__).with_suffix(".json").write_text(f'{head[:-1]},"cases":{{\n{lines}\n}}}}\n')
print(f"{len(results)} of {len(cases)} cases; no counterpart of {sorted({c['type'] for c in cases} - set(functions))}", file=sys.stderr)

"""Reference results of real models from onnxruntime in Python, for the tests of OnnxModel.

Run: pip install onnxruntime numpy; python test/reference/onnx_model.py ../shared/data > test/reference/onnx-model.json
Row r of an input of n numbers is (i * 7919 + r * 104729) % 256 for i = 0 .. n - 1, shifted and scaled as stated.
"""

import json
import sys

import numpy as np
import onnxruntime as ort

folder = sys.argv[1]
out = {"onnxruntime": ort.__version__, "models": []}


def pixels(rows, n):
    i = np.arange(n, dtype=np.int64)
    return np.stack([(i * 7919 + r * 104729) % 256 for r in range(rows)]).astype(np.float32)


def add(file, feeds, fetches, extra):
    session = ort.InferenceSession(f"{folder}/{file}")
    found = session.run(fetches, feeds)
    results = {name: [[round(float(v), 6) for v in row.ravel()[:8]] for row in value] for name, value in zip(fetches, found)}
    best = {name: [int(row.argmax()) for row in value] for name, value in zip(fetches, found) if value.ndim == 2}
    out["models"].append({"file": file, **extra, "first": results, "argmax": best})


for file, shape, scale, shift in [
    ("tiny_models/cifar10_resnet8.onnx", [32, 32, 3], 1.0, 0.0),
    ("tiny_models/kws_dscnn.onnx", [49, 10, 1], 1 / 16, -8.0),
    ("models/mobilenet_v1_0.25_128.onnx", [128, 128, 3], 1 / 128, -1.0),
]:
    x = (pixels(3, int(np.prod(shape))) * np.float32(scale) + np.float32(shift)).reshape([3, *shape])
    add(file, {"input": x}, ["probabilities", "features"], {"shape": shape, "scale": scale, "shift": shift})

ids = np.array([[101, 7592, 2088, 102], [101, 1037, 4937, 102], [101, 3899, 102, 0]], dtype=np.int64)
mask = (ids != 0).astype(np.int64)
feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
add("minilm/all-MiniLM-L6-v2-int8.onnx", feeds, ["last_hidden_state"], {"ids": ids.tolist(), "mask": mask.tolist()})

json.dump(out, sys.stdout, separators=(",", ":"))

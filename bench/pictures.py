"""Featurizes pictures as a careful Python script would: Pillow in a thread pool, ONNX Runtime in batches of 32.

Arguments: model, list of files (JSON), threads. Prints {"perSecond": ...} after a warm-up.
"""

import json
import pathlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
from PIL import Image

model, listing, threads = sys.argv[1], json.loads(pathlib.Path(sys.argv[2]).read_text()), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
pool = ThreadPoolExecutor(threads)
size = 32


def decode(path):
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB").resize((224, 224), Image.BILINEAR), np.float32)
    return ((pixels - 127) / 128).transpose(2, 0, 1)


def featurize(files):
    batches = [files[i : i + size] for i in range(0, len(files), size)]
    waiting = [[pool.submit(decode, path) for path in batch] for batch in batches[:2]]
    features = []
    for i in range(len(batches)):
        if i + 2 < len(batches):
            waiting.append([pool.submit(decode, path) for path in batches[i + 2]])
        images = np.stack([future.result() for future in waiting.pop(0)])
        features.append(session.run(["features"], {"images": images})[0])
    return np.concatenate(features)


featurize(listing[: 2 * size])
started = time.perf_counter()
featurize(listing)
print(json.dumps({"perSecond": len(listing) / (time.perf_counter() - started)}))

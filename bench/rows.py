"""The Python peer of the rows benchmark: pyarrow reads, onnxruntime scores on two threads."""

import json
import sys
import time

import numpy as np
import onnxruntime as ort
import pyarrow.parquet as pq

data, model = sys.argv[1:]
options = ort.SessionOptions()
options.intra_op_num_threads = 2
session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
started = time.perf_counter()
rows = 0
for batch in pq.ParquetFile(data).iter_batches(batch_size=65536):
    x = batch.column("x").flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False).reshape(batch.num_rows, -1)
    (scores,) = session.run(None, {"x": x})
    rows += len(scores)
print(json.dumps({"rows": rows, "seconds": time.perf_counter() - started}))

"""The peer of the Spark benchmark: PySpark's predict_batch_udf with onnxruntime, Pillow for pictures, on the same server.

Arguments: what (pictures, rows, nothing), URL, parquet file, model. Prints {"seconds": ..., "total": ...}, and warms up first.
"nothing" hands the rows to Python workers and back: what Spark itself takes.
"""

import json
import sys
import time

from pyspark.ml.functions import predict_batch_udf
from pyspark.sql import SparkSession
from pyspark.sql.functions import element_at, sum
from pyspark.sql.types import ArrayType, FloatType

what, url, data, model = sys.argv[1:]


def session_of(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def featurizer():
    import io

    import numpy as np
    from PIL import Image

    session = session_of(model)

    def decode(file):
        with Image.open(io.BytesIO(file)) as picture:
            pixels = np.asarray(picture.convert("RGB").resize((224, 224), Image.BILINEAR), np.float32)
        return ((pixels - 127) / 128).transpose(2, 0, 1)

    def predict(files):
        images = np.stack([decode(bytes(file)) for file in files.reshape(-1)])
        return session.run(["features"], {"images": images})[0]

    return predict


def scorer():
    session = session_of(model)
    return lambda x: session.run(None, {"x": x})[0]


spark = SparkSession.builder.remote(url).getOrCreate()
frame = spark.read.parquet(data)
vector = ArrayType(FloatType())
if what == "pictures":
    run = predict_batch_udf(featurizer, return_type=vector, batch_size=32)
    result = lambda df: df.select(run("image").alias("y")).agg(sum(element_at("y", 1)))
elif what == "rows":
    run = predict_batch_udf(scorer, return_type=vector, batch_size=4096, input_tensor_shapes=[[16]])
    result = lambda df: df.select(run("x").alias("y")).agg(sum(element_at("y", 1)))
else:
    result = lambda df: df.mapInArrow(lambda batches: batches, df.schema).agg(sum(element_at("x", 1)))

# in two partitions, so that both executors have started what they need
result(frame.limit(128).repartition(2)).collect()
started = time.perf_counter()
(total,) = result(frame).collect()[0]
print(json.dumps({"seconds": time.perf_counter() - started, "total": total}))
spark.stop()

"""Seconds that fits of a multilayer perceptron take in Spark MLlib: for each number of steps asked for, after one to warm up."""

import json
import sys
import time

from pyspark.ml.classification import MultilayerPerceptronClassifier
from pyspark.ml.functions import array_to_vector
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

sizes = json.loads(sys.argv[1])
layers, rows, cores = sizes["layers"], sizes["rows"], sizes["cores"]
spark = (
    SparkSession.builder.master("local[%d]" % cores)
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "4g")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
numbers = F.transform(F.sequence(F.lit(1), F.lit(layers[0])), lambda i: F.abs(F.sin(i * F.col("id"))).cast("float"))
df = (
    spark.range(0, rows, 1, cores)
    .select((F.col("id") % layers[-1]).cast("double").alias("label"), array_to_vector(numbers).alias("features"))
    .cache()
)
df.count()


def fit(steps):
    started = time.time()
    MultilayerPerceptronClassifier(layers=layers, maxIter=steps, tol=0.0, seed=1).fit(df)
    return time.time() - started


fit(5)
print(json.dumps([fit(steps) for steps in sizes["steps"]]))

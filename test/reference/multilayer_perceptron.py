"""Makes multilayer-perceptron.json: what Spark MLlib's MultilayerPerceptronClassifier finds, for the tests to compare with.

pip install "pyspark==4.3.0" numpy; python multilayer_perceptron.py
"""

import json
import math
import os

from pyspark.ml.classification import MultilayerPerceptronClassifier
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession

HERE = os.path.dirname(os.path.abspath(__file__))


def waves():
    """90 rows of 4 numbers and 3 classes by formula, as test/waves.ts makes them, without the fourth column's offset."""
    rows = []
    for i in range(90):
        x = [math.sin(1 + 0.7 * i), math.cos(0.37 * i * i), 0.01 * math.sin(2.1 * i), 3 * math.cos(0.9 * i)]
        score = 1.5 * x[0] - x[1] + 80 * x[2] + 0.2 * x[3] + 2.5 * math.sin(12.9898 * i)
        rows.append((x, 0 if score < -0.6 else 1 if score < 0.9 else 2))
    return rows


PROBLEMS = {
    "xor": [([0, 0], 0), ([0, 1], 1), ([1, 0], 1), ([1, 1], 0)],
    "waves": waves(),
}

COUNT = (4 + 1) * 6 + (6 + 1) * 5 + (5 + 1) * 3
START = [0.7 * math.sin(1 + 0.9 * i) for i in range(COUNT)]

# one partition and blocks that hold all its rows, or one each: Spark's mean of blocks' means is the mean of the rows then
CASES = [
    ("xor", {"layers": [2, 5, 2], "seed": 123, "blockSize": 1, "maxIter": 100, "solver": "l-bfgs"}),
    ("waves", {"layers": [4, 3], "seed": 5, "maxIter": 500, "tol": 1e-12}),
    ("waves", {"layers": [4, 6, 5, 3], "initialWeights": START, "maxIter": 15}),
    ("waves", {"layers": [4, 6, 5, 3], "seed": 7, "maxIter": 15}),
    ("waves", {"layers": [4, 6, 5, 3], "initialWeights": START, "maxIter": 20, "solver": "gd", "stepSize": 0.5}),
]


def main():
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    cases = []
    for problem, params in CASES:
        rows = [(Vectors.dense([float(v) for v in x]), float(y)) for x, y in PROBLEMS[problem]]
        df = spark.createDataFrame(rows, ["features", "label"]).coalesce(1).cache()
        given = dict(params)
        start = given.pop("initialWeights", None)
        estimator = MultilayerPerceptronClassifier(**given)
        if start is not None:
            estimator = estimator.setInitialWeights(Vectors.dense(start))
        model = estimator.fit(df)
        found = model.transform(df).collect()
        cases.append(
            {
                "problem": problem,
                "params": params,
                "weights": model.weights.toArray().tolist(),
                "objectiveHistory": list(model.summary().objectiveHistory),
                "rawPrediction": [r.rawPrediction.toArray().tolist() for r in found],
                "probability": [r.probability.toArray().tolist() for r in found],
                "prediction": [r.prediction for r in found],
            }
        )
        print(problem, given, cases[-1]["objectiveHistory"][-1], flush=True)
    with open(os.path.join(HERE, "multilayer-perceptron.json"), "w") as file:
        json.dump(cases, file, separators=(",", ":"))
        file.write("\n")


main()

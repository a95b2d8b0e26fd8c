"""Makes linear-regression.json: what Spark ML and scikit-learn find, for the tests to compare with.

pip install "pyspark==4.3.0" scikit-learn==1.9.1; python linear_regression.py
"""

import json
import math
import os

import numpy as np
from pyspark.ml.linalg import Vectors
from pyspark.ml.regression import LinearRegression
from pyspark.sql import SparkSession
from sklearn import linear_model

HERE = os.path.dirname(os.path.abspath(__file__))


def waves():
    """80 rows of 5 numbers by formula, as linear-regression.reference.test.ts makes them, with a few outliers; the fifth is constant."""
    x, y = [], []
    for i in range(80):
        a, b = math.sin(1 + 0.7 * i), math.cos(0.37 * i * i)
        row = [a, b, 0.01 * math.sin(2.1 * i), 50 + 3 * math.cos(0.9 * i) + a, 2.0]
        x.append(row)
        noise = math.sin(12.9898 * i) * (20 if i % 13 == 5 else 1)
        y.append(30 + 4 * row[0] - 2 * row[1] + 150 * row[2] + 0.5 * row[3] + noise)
    return np.array(x), np.array(y)


CASES = [
    {},
    {"solver": "l-bfgs"},
    {"solver": "normal", "weighted": True},
    {"fitIntercept": False},
    {"regParam": 0.5},
    {"regParam": 0.5, "solver": "l-bfgs"},
    {"regParam": 0.5, "standardization": False},
    {"regParam": 0.5, "standardization": False, "solver": "l-bfgs", "weighted": True},
    {"regParam": 1.0, "elasticNetParam": 1.0},
    {"regParam": 1.0, "elasticNetParam": 1.0, "solver": "l-bfgs"},
    {"regParam": 0.7, "elasticNetParam": 0.4, "standardization": False},
    {"regParam": 0.7, "elasticNetParam": 0.4, "fitIntercept": False, "solver": "l-bfgs"},
    {"loss": "huber"},
    {"loss": "huber", "epsilon": 2.0, "regParam": 0.3},
    {"loss": "huber", "regParam": 0.3, "standardization": False, "weighted": True},
    {"loss": "huber", "fitIntercept": False},
]


def weights(n):
    return np.array([0.5 + (i % 4) for i in range(n)])


def spark_fit(spark, x, y, weighted=False, **params):
    w = weights(len(y)) if weighted else np.ones(len(y))
    rows = [(Vectors.dense(a), float(b), float(c)) for a, b, c in zip(x, y, w)]
    df = spark.createDataFrame(rows, ["features", "label", "weight"]).coalesce(1).cache()
    model = LinearRegression(weightCol="weight", maxIter=5000, tol=1e-14, **params).fit(df)
    found = {
        "coefficients": model.coefficients.toArray().tolist(),
        "intercept": model.intercept,
        "scale": model.scale,
    }
    summary = model.summary
    names = ["meanSquaredError", "rootMeanSquaredError", "meanAbsoluteError", "explainedVariance", "r2", "r2adj"]
    found["summary"] = {name: getattr(summary, name) for name in names}
    found["summary"]["numInstances"] = summary.numInstances
    found["summary"]["degreesOfFreedom"] = summary.degreesOfFreedom
    found["objective"] = summary.objectiveHistory[-1]
    return found


def sklearn_fit(x, y, weighted=False, regParam=0.0, elasticNetParam=0.0, fitIntercept=True, standardization=True, **rest):
    """Only unpenalised squared error and Huber's loss of original features are posed alike; without the constant column."""
    if regParam > 0 and (standardization or rest.get("loss") != "huber"):
        return None
    w = weights(len(y)) if weighted else np.ones(len(y))
    x = x[:, :4]
    if rest.get("loss") == "huber":
        alpha = regParam * w.sum()
        # moving the columns changes the intercept alone, and helps the solver
        offset = x.mean(0) if fitIntercept else np.zeros(4)
        model = linear_model.HuberRegressor(epsilon=rest.get("epsilon", 1.35), alpha=alpha, max_iter=100000, tol=1e-12, fit_intercept=fitIntercept)
        model.fit(x - offset, y, sample_weight=w)
        intercept = model.intercept_ - model.coef_ @ offset
        return {"coefficients": [*model.coef_.tolist(), 0.0], "intercept": float(intercept), "scale": float(model.scale_)}
    model = linear_model.LinearRegression(fit_intercept=fitIntercept).fit(x, y, sample_weight=w)
    return {"coefficients": [*model.coef_.tolist(), 0.0], "intercept": float(model.intercept_), "scale": 1.0}


def main():
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    x, y = waves()
    cases = []
    for params in CASES:
        found = spark_fit(spark, x, y, **params)
        other = sklearn_fit(x, y, **params)
        gap = None if other is None else float(np.abs(np.array(other["coefficients"]) - found["coefficients"]).max())
        print(params, found["coefficients"], "differs from scikit-learn by", gap, flush=True)
        cases.append({"params": params, "spark": found, "sklearn": other})
    with open(os.path.join(HERE, "linear-regression.json"), "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")


main()

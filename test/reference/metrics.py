"""Makes metrics.json: what Spark ML's evaluators and scikit-learn say of the same predictions.

pip install "pyspark==4.3.0" scikit-learn==1.9.1; python metrics.py
"""

import json
import math
import os

import numpy as np
from pyspark.ml.evaluation import BinaryClassificationEvaluator, MulticlassClassificationEvaluator, RegressionEvaluator
from pyspark.ml.linalg import Vectors
from pyspark.sql import SparkSession
from sklearn import metrics

HERE = os.path.dirname(os.path.abspath(__file__))


def predictions():
    """120 rows by formula, as test/predictions.ts makes them: 4 classes of which label 3 is never predicted."""
    rows = []
    for i in range(120):
        label = (i * i + i // 7) % 4
        scores = [math.sin(1.3 * i + 2.1 * k) + (1.2 if k == label else 0) - (9 if k == 3 else 0) for k in range(4)]
        total = sum(math.exp(s) for s in scores)
        probability = [math.exp(s) / total for s in scores]
        rows.append((float(label), float(np.argmax(probability)), probability, 0.5 + i % 3))
    return rows


def scores():
    """300 rows by formula: labels 0 and 1, scores rounded to 0.1 so that many are equal, and exact ones."""
    rows = []
    for i in range(300):
        label = 1.0 if math.sin(7.7 * i) > 0.2 else 0.0
        exact = math.sin(3.1 * i) + 0.8 * label
        rows.append((label, math.floor(10 * exact + 0.5) / 10, exact, 0.5 + i % 3))
    return rows


def regression():
    return [(10 + 3 * math.sin(0.7 * i), 10.2 + 2.5 * math.sin(0.7 * i + 0.3), 0.5 + i % 3) for i in range(80)]


def multiclass(spark):
    rows = predictions()
    df = spark.createDataFrame([(a, b, Vectors.dense(p), w) for a, b, p, w in rows], ["label", "prediction", "probability", "weight"])
    names = ["f1", "accuracy", "weightedPrecision", "weightedRecall", "weightedTruePositiveRate", "weightedFalsePositiveRate", "weightedFMeasure", "truePositiveRateByLabel", "falsePositiveRateByLabel", "precisionByLabel", "recallByLabel", "fMeasureByLabel", "logLoss", "hammingLoss"]
    found = []
    for extra in [{}, {"weightCol": "weight"}, {"metricLabel": 2.0, "beta": 0.5}]:
        for name in names:
            value = MulticlassClassificationEvaluator(metricName=name, **extra).evaluate(df)
            found.append({"params": {"metric": name, **extra}, "value": value})
    return found


def binary(spark):
    rows = scores()
    df = spark.createDataFrame(rows, ["label", "rounded", "exact", "weight"]).coalesce(1)
    found = []
    for column in ["rounded", "exact"]:
        for name in ["areaUnderROC", "areaUnderPR"]:
            for extra in [{}, {"numBins": 0}, {"numBins": 20}, {"weightCol": "weight"}]:
                value = BinaryClassificationEvaluator(rawPredictionCol=column, metricName=name, **extra).evaluate(df)
                found.append({"params": {"rawPredictionCol": column, "metric": name, **extra}, "value": value})
    return found


def regressions(spark):
    df = spark.createDataFrame(regression(), ["label", "prediction", "weight"])
    found = []
    for extra in [{}, {"weightCol": "weight"}, {"throughOrigin": True}]:
        for name in ["rmse", "mse", "r2", "mae", "var"]:
            value = RegressionEvaluator(metricName=name, **extra).evaluate(df)
            if name == "r2" and extra.get("weightCol"):
                # Spark scales the labels' spread by (W - 1) / (W - sum(w^2) / W), which it should not
                y, p, w = np.array(regression()).T
                value = metrics.r2_score(y, p, sample_weight=w)
            found.append({"params": {"metric": name, **extra}, "value": value})
    return found


def report():
    rows = predictions()
    y = np.array([r[0] for r in rows])
    p = np.array([r[1] for r in rows])
    probability = np.array([r[2] for r in rows])
    found = {"report": metrics.classification_report(y, p, output_dict=True, zero_division=0)}
    found["confusion"] = metrics.confusion_matrix(y, p).tolist()
    found["logLoss"] = metrics.log_loss(y, probability)
    found["top2"] = metrics.top_k_accuracy_score(y, probability, k=2)
    found["oneVsRest"] = []
    for k in range(4):
        fpr, tpr, _ = metrics.roc_curve(y == k, probability[:, k], drop_intermediate=False)
        precision, recall, _ = metrics.precision_recall_curve(y == k, probability[:, k])
        found["oneVsRest"].append({
            "auc": metrics.roc_auc_score(y == k, probability[:, k]),
            "averagePrecision": metrics.average_precision_score(y == k, probability[:, k]),
            "fpr": fpr.tolist(), "tpr": tpr.tolist(),
            "precision": precision.tolist(), "recall": recall.tolist(),
        })
    confidence = probability.max(axis=1)
    bins = np.minimum((confidence * 10).astype(int), 9)
    found["calibration"] = [
        {"count": int((bins == b).sum()), "confidence": float(confidence[bins == b].mean()), "accuracy": float((y == p)[bins == b].mean())}
        for b in range(10) if (bins == b).any()
    ]
    return found


def main():
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    found = {"multiclass": multiclass(spark), "binary": binary(spark), "regression": regressions(spark), "report": report()}
    with open(os.path.join(HERE, "metrics.json"), "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")


main()

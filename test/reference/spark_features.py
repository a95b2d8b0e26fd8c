"""Reference values of the feature stages from Spark ML itself.

Run: pip install "pyspark==4.0.*" numpy; python test/reference/spark_features.py > test/reference/spark-features.json
Each case holds the rows to fit on, the rows to transform, what was learned, and the rows that came out or the reason of the failure.
"""

import json
import math
import re
import sys

from pyspark.ml import feature as F
from pyspark.ml.linalg import Vectors, VectorUDT
from pyspark.sql import SparkSession
from pyspark.sql.types import DoubleType, FloatType, IntegerType, LongType, StringType, StructField, StructType

spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")

TYPES = {
    "double": DoubleType(),
    "float": FloatType(),
    "int": IntegerType(),
    "bigint": LongType(),
    "string": StringType(),
    "vector": VectorUDT(),
}
NAN, INF = math.nan, math.inf
cases = []


def frame(types, rows):
    schema = StructType([StructField(name, TYPES[type]) for name, type in types.items()])
    values = [[Vectors.dense(v) if isinstance(v, list) else v for v in row] for row in rows]
    return spark.createDataFrame(values, schema)


def plain(value):
    if hasattr(value, "toArray"):
        value = value.toArray().tolist()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def case(name, stage, params, types, fit, rows, learned=()):
    """`learned`: (our parameter, attribute of Spark's model) pairs."""
    out = {"name": name, "stage": stage, "params": {k: plain(v) for k, v in params.items()}, "types": types}
    if fit is not None:
        out["fit"] = plain(fit)
    out["rows"] = plain(rows)
    try:
        made = getattr(F, stage)(**params)
        model = made if fit is None else made.fit(frame(types, fit))
        if learned:
            out["learned"] = {ours: plain(read(model)) for ours, read in learned}
        result = model.transform(frame(types, rows))
        added = [c for c in result.columns if c not in types]
        out["types_out"] = {c: re.sub("udt|vectorudt", "vector", result.schema[c].dataType.simpleString()) for c in added}
        out["result"] = [plain(list(row)) for row in result.collect()]
    except Exception as error:  # the reason is part of the reference
        text = str(error)
        reasons = re.findall(r"(?:Exception|Error|requirement failed): ([^\n]*)", text)
        out["fails"] = (reasons[-1] if reasons else text.split("\n")[0])[:200]
    cases.append(out)


def attr(name):
    return lambda model: getattr(model, name)


# VectorAssembler
numbers = {"a": "double", "b": "int", "v": "vector"}
good = [[1.5, 2, [3.0, 4.0]], [-1.0, 0, [0.0, NAN]]]
assemble = {"inputCols": ["a", "b", "v"], "outputCol": "out"}
case("numbers and vectors", "VectorAssembler", assemble, numbers, None, good)
for handle in ["error", "skip", "keep"]:
    for what, row in [("null number", [None, 1]), ("NaN number", [NAN, 1]), ("null integer", [1.0, None])]:
        params = {"inputCols": ["a", "b"], "outputCol": "out", "handleInvalid": handle}
        case(f"{what}, {handle}", "VectorAssembler", params, {"a": "double", "b": "int"}, None, [[1.5, 2], row, [-1.0, 0]])
case("null vector, error", "VectorAssembler", assemble, numbers, None, good + [[1.0, 1, None]])
case("null vector, skip", "VectorAssembler", {**assemble, "handleInvalid": "skip"}, numbers, None, good + [[1.0, 1, None]])

# StringIndexer
words = [["b"], ["a"], ["c"], ["b"], ["a"], ["d"], [None], ["b"]]
labels = [("labelsArray", lambda m: [list(x) for x in m.labelsArray])]
for order in ["frequencyDesc", "frequencyAsc", "alphabetDesc", "alphabetAsc"]:
    case(order, "StringIndexer", {"inputCol": "s", "outputCol": "i", "stringOrderType": order}, {"s": "string"}, words,
         [["a"], ["b"], ["c"], ["d"]], labels)
for handle in ["error", "skip", "keep"]:
    params = {"inputCol": "s", "outputCol": "i", "handleInvalid": handle}
    case(f"unseen label, {handle}", "StringIndexer", params, {"s": "string"}, words, [["a"], ["zz"], ["b"]], labels)
    case(f"null label, {handle}", "StringIndexer", params, {"s": "string"}, words, [["a"], [None], ["b"]], labels)
    case(f"two columns, {handle}", "StringIndexer", {"inputCols": ["s", "t"], "outputCols": ["i", "j"], "handleInvalid": handle},
         {"s": "string", "t": "string"}, [["a", "x"], ["b", "y"], ["b", "y"], [None, "z"], ["c", None]],
         [["a", "y"], ["zz", "x"], ["b", "zz"], ["b", None], ["b", "x"]], labels)
case("integers", "StringIndexer", {"inputCol": "n", "outputCol": "i"}, {"n": "int"}, [[10], [9], [10], [-1]], [[9], [10], [-1]], labels)
doubles = [[0.5], [10.0], [1e7], [1.5e-5], [123456.789], [0.5], [NAN], [INF], [0.1], [1e-3], [9999999.0], [-2.5]]
case("doubles", "StringIndexer", {"inputCol": "n", "outputCol": "i"}, {"n": "double"}, doubles, [[0.5], [10.0], [1e7]], labels)
case("NaN, keep", "StringIndexer", {"inputCol": "n", "outputCol": "i", "handleInvalid": "keep"}, {"n": "double"}, doubles, [[NAN], [INF], [None]], labels)
case("floats", "StringIndexer", {"inputCol": "n", "outputCol": "i"}, {"n": "float"}, [[0.5], [0.1], [3.4e20]], [[0.1], [0.5]], labels)
case("capitals, accents, digits", "StringIndexer", {"inputCol": "s", "outputCol": "i", "stringOrderType": "alphabetAsc"}, {"s": "string"},
     [["b"], ["B"], ["é"], ["10"], ["9"], [""], ["\U0001F600"], ["\uFB01"]], [["b"]], labels)
case("nothing to fit on", "StringIndexer", {"inputCol": "s", "outputCol": "i"}, {"s": "string"}, [], [], labels)

# IndexToString
names = {"inputCol": "i", "outputCol": "s", "labels": ["x", "y", "z"]}
case("labels", "IndexToString", names, {"i": "double"}, None, [[0.0], [2.0], [1.0], [1.7]])
case("an index too large", "IndexToString", names, {"i": "double"}, None, [[0.0], [3.0]])
case("a negative index", "IndexToString", names, {"i": "double"}, None, [[-1.0]])
case("an integer column", "IndexToString", names, {"i": "int"}, None, [[0], [2]])
case("a null index", "IndexToString", names, {"i": "double"}, None, [[0.0], [None]])

# OneHotEncoder
sizes = [("categorySizes", lambda m: list(m.categorySizes))]
seen = [[0.0], [2.0], [1.0], [2.0]]
for drop in [True, False]:
    for handle in ["error", "keep"]:
        params = {"inputCol": "i", "outputCol": "v", "dropLast": drop, "handleInvalid": handle}
        tag = f"dropLast {str(drop).lower()}, {handle}"
        case(tag, "OneHotEncoder", params, {"i": "double"}, seen, seen, sizes)
        case(f"unseen index, {tag}", "OneHotEncoder", params, {"i": "double"}, seen, [[1.0], [3.0]], sizes)
        case(f"negative index, {tag}", "OneHotEncoder", params, {"i": "double"}, seen, [[-1.0]], sizes)
case("a fraction", "OneHotEncoder", {"inputCol": "i", "outputCol": "v"}, {"i": "double"}, seen, [[1.5]], sizes)
case("a null index", "OneHotEncoder", {"inputCol": "i", "outputCol": "v"}, {"i": "double"}, seen, [[None], [1.0]], sizes)
case("a null index, keep", "OneHotEncoder", {"inputCol": "i", "outputCol": "v", "handleInvalid": "keep"}, {"i": "double"}, seen, [[None], [1.0]], sizes)
case("NaN, keep", "OneHotEncoder", {"inputCol": "i", "outputCol": "v", "handleInvalid": "keep"}, {"i": "double"}, seen, [[NAN]], sizes)
case("fit on a fraction", "OneHotEncoder", {"inputCol": "i", "outputCol": "v"}, {"i": "double"}, [[0.5]], [], sizes)
case("fit on a negative index", "OneHotEncoder", {"inputCol": "i", "outputCol": "v"}, {"i": "double"}, [[-1.0]], [], sizes)
case("fit on a null", "OneHotEncoder", {"inputCol": "i", "outputCol": "v"}, {"i": "double"}, [[0.0], [None]], [], sizes)
case("nothing to fit on", "OneHotEncoder", {"inputCol": "i", "outputCol": "v"}, {"i": "double"}, [], [], sizes)
case("two columns", "OneHotEncoder", {"inputCols": ["i", "j"], "outputCols": ["v", "w"]}, {"i": "double", "j": "int"},
     [[0.0, 3], [1.0, 0]], [[0.0, 1], [1.0, 3]], sizes)

# StandardScaler
vectors = [[[1.0, 10.0, 5.0]], [[2.0, -30.0, 5.0]], [[4.0, 50.5, 5.0]], [[9.5, 0.25, 5.0]]]
stats = [("mean", attr("mean")), ("std", attr("std"))]
for mean in [False, True]:
    for std in [False, True]:
        case(f"withMean {str(mean).lower()}, withStd {str(std).lower()}", "StandardScaler",
             {"inputCol": "v", "outputCol": "o", "withMean": mean, "withStd": std}, {"v": "vector"}, vectors, vectors, stats)
case("one row", "StandardScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors[:1], vectors, stats)
case("NaN in the fit", "StandardScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors + [[[NAN, 1.0, 2.0]]], vectors, stats)
case("NaN in the rows", "StandardScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors, [[[NAN, 1.0, 2.0]]], stats)
case("nothing to fit on", "StandardScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, [], [], stats)
case("a null vector in the fit", "StandardScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors + [[None]], vectors, stats)
case("a null vector", "StandardScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors, [[None]], stats)
case("another length", "StandardScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors, [[[1.0, 2.0]]], stats)

# MinMaxScaler
limits = [("originalMin", attr("originalMin")), ("originalMax", attr("originalMax"))]
case("0 to 1", "MinMaxScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors, vectors + [[[20.0, 100.0, 7.0]]], limits)
case("-5 to 5", "MinMaxScaler", {"inputCol": "v", "outputCol": "o", "min": -5.0, "max": 5.0}, {"v": "vector"}, vectors, vectors, limits)
case("NaN in the fit", "MinMaxScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors + [[[NAN, 1.0, 2.0]]], vectors, limits)
case("NaN in the rows", "MinMaxScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors, [[[NAN, 1.0, NAN]]], limits)
case("nothing to fit on", "MinMaxScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, [], [], limits)
case("another length", "MinMaxScaler", {"inputCol": "v", "outputCol": "o"}, {"v": "vector"}, vectors, [[[1.0, 2.0]]], limits)

# Imputer
surrogates = [("surrogates", lambda m: [float(x) for x in m.surrogateDF.first()])]
gaps = [[1.0, 4], [2.0, None], [NAN, 4], [4.0, -1], [5.0, 7], [None, 8], [2.0, -1]]
two = {"inputCols": ["x", "n"], "outputCols": ["y", "m"]}
for strategy in ["mean", "median", "mode"]:
    case(strategy, "Imputer", {**two, "strategy": strategy}, {"x": "double", "n": "int"}, gaps, gaps, surrogates)
    case(f"{strategy}, -1 is missing", "Imputer", {**two, "strategy": strategy, "missingValue": -1.0}, {"x": "double", "n": "int"}, gaps, gaps, surrogates)
case("median of an even count", "Imputer", {"inputCol": "x", "outputCol": "y", "strategy": "median"}, {"x": "double"},
     [[1.0], [2.0], [4.0], [5.0]], [[NAN]], surrogates)
case("mode, ties", "Imputer", {"inputCol": "x", "outputCol": "y", "strategy": "mode"}, {"x": "double"},
     [[3.0], [1.0], [3.0], [1.0], [2.0]], [[None]], surrogates)
case("floats and longs", "Imputer", two, {"x": "float", "n": "bigint"}, [[0.1, 4], [0.2, 5], [None, None]], [[None, None], [0.1, 1]], surrogates)
case("all missing", "Imputer", {"inputCol": "x", "outputCol": "y"}, {"x": "double"}, [[None], [NAN]], [[1.0]], surrogates)

# Bucketizer
splits = {"inputCol": "x", "outputCol": "b", "splits": [-INF, -0.5, 0.0, 0.5, INF]}
case("infinite ends", "Bucketizer", splits, {"x": "double"}, None, [[-999.9], [-0.5], [-0.3], [0.0], [0.2], [0.5], [999.9], [INF], [-INF]])
for handle in ["error", "skip", "keep"]:
    p = {"inputCol": "x", "outputCol": "b", "splits": [0.0, 1.0, 2.0], "handleInvalid": handle}
    case(f"last split, {handle}", "Bucketizer", p, {"x": "double"}, None, [[0.0], [1.0], [2.0]])
    case(f"below, {handle}", "Bucketizer", p, {"x": "double"}, None, [[-0.1]])
    case(f"above, {handle}", "Bucketizer", p, {"x": "double"}, None, [[2.1]])
    case(f"NaN, {handle}", "Bucketizer", p, {"x": "double"}, None, [[0.5], [NAN]])
    case(f"null, {handle}", "Bucketizer", p, {"x": "double"}, None, [[0.5], [None]])
case("two columns, keep", "Bucketizer", {"inputCols": ["x", "n"], "outputCols": ["b", "c"], "splitsArray": [[0.0, 1.0, 2.0], [-INF, 5.0, INF]], "handleInvalid": "keep"},
     {"x": "double", "n": "int"}, None, [[0.5, 5], [NAN, 4], [1.0, -4]])
case("two columns, skip", "Bucketizer", {"inputCols": ["x", "n"], "outputCols": ["b", "c"], "splitsArray": [[0.0, 1.0, 2.0], [-INF, 5.0, INF]], "handleInvalid": "skip"},
     {"x": "double", "n": "int"}, None, [[0.5, 5], [NAN, 4], [1.0, -4]])

json.dump({"spark": spark.version, "cases": cases}, sys.stdout, separators=(",", ":"))

"""Prints as JSON what TensorBoard reads in the folders given: python read_events.py DIR ... (pip install tensorboard)."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

found = []
for folder in sys.argv[1:]:
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    tags = events.Tags()
    found.append({
        "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "histograms": {
            tag: [[e.step, *(getattr(e.histogram_value, field) for field in ["min", "max", "num", "sum", "sum_squares", "bucket_limit", "bucket"])] for e in events.Histograms(tag)]
            for tag in tags["histograms"]
        },
        "time": events.FirstEventTimestamp(),
    })
print(json.dumps(found))

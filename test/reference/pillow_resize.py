"""Makes pillow_resize.json: Pillow's bilinear resize of small made-up pictures.

pip install pillow numpy; python test/reference/pillow_resize.py
Pictures are wide or square: Pillow 13 resizes tall ones top to bottom first, ONNX Runtime always left to right first.
"""

import base64
import json
import pathlib

import numpy as np
import PIL
from PIL import Image

cases = []
for height, width, to in [(24, 40, (9, 13)), (17, 31, (17, 8)), (5, 7, (12, 20)), (64, 64, (32, 32)), (40, 60, (28, 28)), (12, 12, (12, 12))]:
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    pixels = ((x * 37 + y * y * 11 + c * 53 + x * y * (c + 1)) % 256).astype(np.uint8)  # the test makes the same
    resized = Image.fromarray(pixels).resize((to[1], to[0]), Image.BILINEAR)
    cases.append({"from": [height, width], "to": to, "base64": base64.b64encode(np.asarray(resized).tobytes()).decode()})

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps({"pillow": PIL.__version__, "cases": cases}, indent=1) + "\n")

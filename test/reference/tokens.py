"""Tokens of odd texts by Hugging Face's tokenizers (0.23): python tokens.py ../fixtures/tokenizer.json minilm/tokenizer.json > tokens.json"""

import json
import sys

from tokenizers import Tokenizer

texts = [
    "The rain is not sunny.",
    "",
    "   ",
    "Cafés, cafe\u0301 — CAFÉ!",
    "雨rain雨 你好世界",
    "sun☀ 😀👩‍👩‍👧 ☀️",
    "isn't aabb bbaa xyzzy",
    "tab\tnew\nline\u0000nul\u200bzero\ufeffbom\u00a0nbsp\x7f\x1f",
    "[CLS] the [SEP] rain [UNK] [PAD] [MASK]",
    "a" * 99 + " " + "a" * 100 + " " + "a" * 101,
    "the rain is sunny " * 40,
    "İstanbul straße ﬁne ÅÄÖ Ǆ ﷺ",
    "한국어 日本語 ひらがな カタカナ русский العربية हिन्दी ไทย",
    "$5.99 100% a_b-c a/b\\c <html>&amp; \u201cquoted\u201d …",
    "\ud7ff\ue000 \U0010ffff \U00020000",
]
lengths = [128, 16, 3]


def tokens(path):
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_padding()
    found = {}
    for length in lengths:
        tokenizer.enable_truncation(length)
        found[length] = [tokenizer.encode(text).ids for text in texts]
    return found


json.dump({"texts": texts, "own": tokens(sys.argv[1]), "minilm": tokens(sys.argv[2])}, sys.stdout)
print()

#!/usr/bin/python3
"""Records how Ansible's callbacks show differences: tests/data/diffs.jsonl, one case per line."""
import json
import os
import random
import sys

os.environ["ANSIBLE_FORCE_COLOR"] = "1"

from ansible import constants as C  # noqa: E402
from ansible.plugins.callback import CallbackBase  # noqa: E402
from ansible.utils import color as ansible_color  # noqa: E402

TEXTS = [
    ("one\ntwo\n", "one\nTWO\n"),
    ("", "new\n"),
    ("gone\n", ""),
    ("same\n", "same\n"),
    ("a\nb\nc", "a\nb\nc\n"),
    ("a\nb\nc\n", "a\nb\nc"),
    ("a", "b"),
    ("", "\n"),
    ("a\r\nb\rc\x0bd\x0ce\n", "a\r\nb\rC\x0bd\x0ce\n"),
    ("a\u2028b\u0085c\n", "a\u2028B\u0085c\n"),
    ("a\x1cb\x1dc\x1ed\n", "a\x1cb\x1dC\x1ed\n"),
    ("ends in\r", "ends in\n"),
    ("ü\nö\n", "ü\nö\nß\n"),
    ("@@ x\n-y\n+z\n", "@@ x\n-Y\n+z\n"),
    ("a\n" * 20 + "b\n" + "a\n" * 20, "a\n" * 20 + "c\n" + "a\n" * 20),
    ("".join("%d\n" % i for i in range(50)), "".join("%d\n" % i for i in range(50) if i not in (3, 11, 12, 40))),
    ("".join("%d\n" % i for i in range(30)), "".join("%d\n" % i for i in range(29, -1, -1))),
]


def random_texts(rng, lines, alphabet):
    before = [rng.choice(alphabet) + "\n" for _ in range(lines)]
    after = list(before)
    for _ in range(rng.randint(1, 8)):
        at = rng.randrange(len(after) + 1)
        if rng.random() < 0.5 and at < len(after):
            del after[at:at + rng.randint(1, 4)]
        else:
            after[at:at] = [rng.choice(alphabet) + "\n" for _ in range(rng.randint(1, 4))]
    return "".join(before), "".join(after)


def cases():
    for before, after in TEXTS:
        yield {"before": before, "after": after}
    yield {"before": "a\n", "after": "b\n", "before_header": "/etc/x", "after_header": "/tmp/y"}
    yield {"before": "a\n", "after": "b\n", "before_header": "/etc/x (content)"}
    yield {"before": {"path": "/x", "mode": "0644"}, "after": {"path": "/x", "mode": "0600", "state": "file"}}
    yield {"before": {"a": {"b": ["ü", 1, None, True, 1.5]}, "e": {}, "l": []}, "after": {"a": {"b": []}}}
    yield {"before": None, "after": "x\n"}
    yield {"before": "x\n"}
    yield {"prepared": "--- a\n+++ b\nas it is"}
    yield {"before": "a\n", "after": "b\n", "prepared": "and this\n"}
    yield {"dst_binary": 1, "src_binary": 1}
    yield {"dst_larger": 104448, "src_larger": 104448}
    yield {}
    yield []
    yield [{"before": "a\n", "after": "b\n"}, {"before": {"m": 1}, "after": {"m": 2}}]
    rng = random.Random(1)
    for lines, letters in ((5, "ab"), (12, "abc"), (40, "abcdefgh"), (60, "ab"), (230, "abcdefghij"), (260, "ab")):
        for _ in range(8):
            alphabet = list(letters) + ["line %d" % i for i in range(lines // 3)]
            before, after = random_texts(rng, lines, alphabet)
            yield {"before": before, "after": after}


def main():
    callback = CallbackBase()
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "diffs.jsonl"), "w") as out:
        for diff in cases():
            for context, color in ((3, True), (3, False), (0, False), (1, False)):
                C.DIFF_CONTEXT = context
                ansible_color.ANSIBLE_COLOR = color
                text = callback._get_diff(json.loads(json.dumps(diff)))
                row = {"diff": diff, "context": context, "color": color, "text": text}
                out.write(json.dumps(row, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

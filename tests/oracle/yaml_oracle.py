#!/usr/bin/python3
"""What Ansible's own loader makes of every document of the YAML corpus.

Reads yaml/corpus.txt (documents after lines "=== name") and the list of generated scalars, and writes one line per
document, "name<TAB>result", to yaml/expected.txt. tests/unit/test_yaml_oracle.c prints the same notation from our reader.
A document Ansible refuses has the result "error". Run it by hand where ansible-core is installed:

    tests/oracle/yaml_oracle.py > tests/oracle/yaml/expected.txt
"""
import datetime
import json
import os
import sys

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.yaml.objects import AnsibleVaultEncryptedUnicode
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import AnsibleUnsafe

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "yaml")
warnings = []


def corpus(path):
    name, lines = None, []
    for line in open(path, encoding="utf-8", newline="\n"):
        if line.startswith("=== "):
            if name:
                yield name, "".join(lines)
            name, lines = line[4:].strip(), []
        else:
            lines.append(line)
    if name:
        yield name, "".join(lines)


def text(s):
    return json.dumps(str(s), ensure_ascii=True)


positions = True


def pos(v):
    p = getattr(v, "ansible_pos", None)
    return "@%d:%d" % (p[1], p[2]) if positions and p and p[1] else ""


def show(v):
    """A notation that keeps types, key types, order and positions of strings, lists and dicts."""
    if v is None:
        return "null"
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):  # ours keeps what does not fit as digits
        return str(v) if -(1 << 63) <= v < 1 << 63 else text(v)
    if isinstance(v, float):
        return "f" + repr(v)
    if isinstance(v, (datetime.date, datetime.datetime)):
        return text(v)
    if isinstance(v, bytes):
        return "b" + text(v.decode("latin-1"))
    if isinstance(v, AnsibleVaultEncryptedUnicode):
        return "v" + text(v._ciphertext.decode()) + pos(v)
    if isinstance(v, AnsibleUnsafe) and isinstance(v, str):
        return "u" + text(v)
    if isinstance(v, str):
        return text(v) + pos(v)
    if isinstance(v, tuple):
        return "(" + ", ".join(show(x) for x in v) + ")"
    if isinstance(v, set):
        return "[" + ", ".join(sorted(show(x) for x in v)) + "]"
    if isinstance(v, list):
        return "[" + ", ".join(show(x) for x in v) + "]" + pos(v)
    if isinstance(v, dict):
        return "{" + ", ".join(show(k) + ": " + show(x) for k, x in v.items()) + "}" + pos(v)
    raise TypeError(type(v))


def is_json(doc):
    try:
        json.loads(doc)
        return True
    except ValueError:
        return False


def result(doc, with_pos):
    """with_pos is off for what has no position in Ansible but has one in ours: JSON, dates, huge numbers."""
    global positions
    positions = with_pos
    loader = DataLoader()
    loader.set_vault_secrets([("default", None)])
    del warnings[:]
    try:
        v = show(loader.load(doc, "doc"))
    except Exception as e:  # Python errors of constructors (int("x")) are refusals too
        return "error"
    return v + (" duplicates=%d" % len(warnings) if warnings else "")


Display.warning = lambda self, msg, *a, **k: warnings.append(msg)
for name, doc in corpus(os.path.join(HERE, "corpus.txt")):
    json_doc = is_json(doc)
    print("%s%s\t%s" % ("nopos " if json_doc else "", name, result(doc, not json_doc and "nopos" not in name)))
for word in open(os.path.join(HERE, "scalars.txt"), encoding="utf-8").read().split("\n"):
    if word:
        print("nopos scalar %s\t%s" % (word, result("k: " + word + "\n", False)))

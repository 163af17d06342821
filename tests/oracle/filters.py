#!/usr/bin/python3
"""Asks the installed Ansible what filters, tests and methods give, and writes the answers for the C tests.

    tests/oracle/filters.py            write tests/data/builtins/*.jsonl
    tests/oracle/filters.py --check    only say whether they are still what Ansible gives

One JSON object per line: k kind, n name, s subject, a arguments, w keyword arguments, and r the result or
e the error text with its class c (T TypeError, U undefined, F any other). Values JSON cannot hold are written as
one-key objects: {"__t__": [...]} a tuple, {"__u__": hint} undefined, {"__m__": text} Markup, {"__o__": [type, text]}.
"""
import datetime
import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = os.path.realpath(os.path.join(HERE, "..", "data", "lookup_files"))
OUT = os.path.join(HERE, "..", "data", "builtins")
os.environ["TZ"] = "UTC"
os.environ["ANDON_TEST_VAR"] = "set in test"
os.environ["ANDON_V"] = "val"

from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.template import AnsibleUndefined, Templar  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from jinja2.exceptions import UndefinedError  # noqa: E402
from jinja2.runtime import Undefined  # noqa: E402
from markupsafe import Markup  # noqa: E402

Display.warning = lambda *a, **k: None
Display.deprecated = lambda *a, **k: None
LOADER = DataLoader()
TEMPLAR = Templar(loader=LOADER, variables={})
ENV = TEMPLAR.environment
CONTEXT = ENV.from_string("").new_context({})
CASES = {}
CURRENT = [None]


def encode(v):
    if isinstance(v, Undefined):
        return {"__u__": v._undefined_message}
    if isinstance(v, Markup):
        return {"__m__": str(v)}
    if isinstance(v, tuple):
        return {"__t__": [encode(x) for x in v]}
    if isinstance(v, (set, frozenset)):
        return {"__s__": sorted((encode(x) for x in v), key=repr)}
    if isinstance(v, list):
        return [encode(x) for x in v]
    if isinstance(v, dict):
        if all(isinstance(k, str) for k in v):
            return {str(k): encode(x) for k, x in v.items()}
        return {"__d__": [[encode(k), encode(x)] for k, x in v.items()]}
    if isinstance(v, (datetime.datetime, datetime.timedelta)):
        return {"__o__": [type(v).__name__, str(v)]}
    if isinstance(v, str):
        return str(v)
    if v is None or isinstance(v, (bool, int, float)):
        return v
    if hasattr(v, "__iter__"):
        return [encode(x) for x in v]
    raise ValueError("cannot write %r" % (v,))


def clone(v):
    if isinstance(v, list):
        return [clone(x) for x in v]
    if isinstance(v, tuple):
        return tuple(clone(x) for x in v)
    if isinstance(v, dict):
        return {k: clone(x) for k, x in v.items()}
    return v


# Messages that name Python's own functions or repeat CPython's wording of rare mistakes are not compared.
LOOSE = ("required argument", "bad character range", "missing {", "positional argument", "codec can't encode", "(char ")


def outcome(case, fn):
    try:
        case["r"] = encode(fn())
    except (UndefinedError,) as e:
        case["e"], case["c"] = str(e), "U"
    except TypeError as e:
        case["e"], case["c"] = str(e), "T"
    except RecursionError:
        raise
    except Exception as e:
        if case["k"] == "x":
            case["cls"] = type(e).__name__
        case["e"], case["c"] = getattr(e, "message", None) or str(e), "F"
        if isinstance(e, KeyError) or not str(e):
            case["e"] = str(e) or type(e).__name__
    if any(x in case.get("e", "") for x in LOOSE):
        case["x"] = 1
    return case


def add(case):
    CASES.setdefault(CURRENT[0], []).append(case)


def new(kind, name, subject, args, kwargs):
    case = {"k": kind, "n": name, "s": encode(subject)}
    if args:
        case["a"] = [encode(x) for x in args]
    if kwargs:
        case["w"] = {k: encode(x) for k, x in kwargs.items()}
    return case


def f(name, subject, *args, **kwargs):
    case = new("f", name, subject, args, kwargs)
    subject, args, kwargs = clone((subject, args, kwargs))
    loose = kwargs.pop("_loose", False)
    if loose:
        case["w"].pop("_loose")
        case["x"] = 1
    add(outcome(case, lambda: ENV.call_filter(name, subject, list(args), kwargs, context=CONTEXT)))


def t(name, subject, *args, **kwargs):
    case = new("t", name, subject, args, kwargs)
    add(outcome(case, lambda: bool(ENV.call_test(name, subject, list(args), kwargs))))


def m(name, subject, *args, **kwargs):
    """A method; the subject afterwards is recorded too."""
    case = new("m", name, subject, args, kwargs)
    subject = clone(subject)
    outcome(case, lambda: getattr(subject, name)(*args, **kwargs))
    if isinstance(subject, (list, dict)):
        case["s2"] = encode(subject)
    add(case)


def x(template, variables, **kwargs):
    """A whole template with variables; relative files are below tests/data/lookup_files."""
    case = {"k": "x", "n": template, "s": encode(variables)}
    loader = DataLoader()
    loader.set_basedir(FILES)
    templar = Templar(loader=loader, variables=dict(variables, ansible_search_path=[FILES]))
    outcome(case, lambda: templar.template(template))
    if "e" in case:
        case["x"] = 1
        case["c"] = "U" if "Undefined" in case.get("cls", "") else "F"
        case["e"] = case["e"].replace(FILES, "{FILES}")
    case.pop("cls", None)
    add(json.loads(json.dumps(case).replace(json.dumps(FILES)[1:-1], "{FILES}")))


def known(name, subject, result, *args, **kwargs):
    """A filter that is not installed here: the right answer is given."""
    case = new("f", name, subject, args, kwargs)
    case["r"] = encode(result)
    add(case)


def each(names, subjects, argsets=((),)):
    """Every name with every subject and set of arguments (a tuple, perhaps ending in a dict of keywords)."""
    for n in names.split():
        for s in subjects:
            for a in argsets:
                kw = a[-1] if a and isinstance(a[-1], dict) and a[-1].get("_kw") else {}
                pos = a[:-1] if kw else a
                f(n, s, *pos, **{k: v for k, v in kw.items() if k != "_kw"})


U = AnsibleUndefined(name="nope")


def main():
    for path in sorted(glob.glob(os.path.join(HERE, "builtins", "*.py"))):
        CURRENT[0] = os.path.basename(path)[:-3]
        with open(path) as fh:
            exec(compile(fh.read(), path, "exec"), globals())
    stale = 0
    os.makedirs(OUT, exist_ok=True)
    for name, cases in CASES.items():
        text = "".join(json.dumps(c, ensure_ascii=False) + "\n" for c in cases)
        path = os.path.join(OUT, name + ".jsonl")
        old = open(path).read() if os.path.exists(path) else ""
        if "--check" in sys.argv:
            stale += old != text
        elif old != text:
            with open(path, "w") as fh:
                fh.write(text)
    print("%d cases in %d files%s" % (sum(map(len, CASES.values())), len(CASES),
                                      ", %d files differ" % stale if stale else ""))
    return 1 if stale else 0


sys.exit(main())

# to_yaml and to_nice_yaml: every style a scalar can get, folding, nesting, and generated data.
import random as _random
S = ["", "abc", "a b", " lead", "trail ", "true", "True", "yes", "no", "on", "Off", "null", "~", "Null", "123", "-1", "+5", "0o17", "017", "0x1F", "0b11", "1_000",
     "1.5", "1e3", "1.0e+3", ".5", "-.inf", ".nan", "1:30", "1:30.5", "2024-01-02", "2024-01-02 03:04:05", "2024-1-2t3:04:05Z", "<<", "=", "!tag", "&a", "*a", "- x", "-x",
     "-", "? x", "?x", ": x", ":x", "x: y", "x:y", "x :y", "a #b", "a#b", "#a", "[x]", "{x}", "x,y", "'q'", '"dq"', "it's", 'say "x"', "%x", "@x", "`x", "|x", ">x", "---", "--- a",
     "...", "a\nb", "a\nb\n", "\na", "a\n\nb", "a\n", "a\n\n", " a\nb", "a\n b", "a \nb", "tab\tx", "bell\x07", "nul\x00x", "é", "日本語", "emoji 😀", "nbsp\u00a0x", "ls\u2028x", "nel\x85x",
     "bom\ufeffx", "del\x7fx", "\u200bzw", "x" * 100, "word " * 30, "long words " * 20 + "end", "a" * 85 + " " + "b" * 10, "k: " * 40, "  " * 50, "quote's " * 20, "uni é " * 30,
     "{{ var }}", "{% if %}", "a\\b", "C:\\x", "x\ry", "x\r\ny", "line one is quite long and needs folding at eighty columns, so here it goes on and on\nsecond", "\"", "'", "''",
     "word  double  spaces " * 8, "a" * 200 + "é", "\x1b[0m", "- - a", "key:", "a: b: c", "http://x/y?z=1&b=2#c", "user@host", "0", "00", "08", "1.", "1.2.3", "12:30:45", "y", "n", "Y", "e1",
     "0.1", "+.5", "1e5", "١٢", "a\tb: c", "x\t", "\tx", "x: \ty", "end:\n", "a\u0085", "a\u2029b", "multi\nline\n  indented\nback", "trail space \nnext"]
for s in S:
    for v in (s, [s], {"k": s}, {s: "v"}, {"k": [s, {"n": s}]}):
        f("to_yaml", v)
        f("to_nice_yaml", v)
    f("to_yaml", {"key": s, "l": [s]}, width=20)
    f("to_nice_yaml", {"key": {"sub": s}}, width=40, indent=2)
    for st in ("'", '"', "|", ">"):
        f("to_yaml", {"k": s, "n": 1, "l": [s]}, default_style=st)
V = [None, True, 0, -5, 1.5, 1e16, 1e17, 1e-5, float("inf"), float("-inf"), 100000.0, 1e22, [], {}, [[]], [{}], {"a": []}, {"a": {}}, [[1, 2], [3]], [[[1]]], {"a": {"b": {"c": [1, {"d": 2}]}}},
     {"b": 1, "a": 2, "C": 3}, {1: "x", 2: "y"}, {"1": "x", 2: "y"}, {True: 1, None: 2}, {"list": ["a", "b"], "map": {"x": 1}}, (1, 2), [(1, 2), (3, 4)], {"k": (1,)},
     {"a" * 130: 1}, {"a" * 128: 1}, {"a" * 127: 1}, {"multi\nkey": 1}, {"a b": {"c d": 1}}, [None, True, "x", 1.0], {"": 1}, {(1, 2): "t"} if False else {"z": 0},
     list(range(60)), {"k%02d" % i: i for i in range(30)}, ["item number %d" % i for i in range(20)], {"x": ["y" * 50, "z" * 50]}, [{"name": "a", "v": [1, 2]}, {"name": "b", "v": []}],
     {"é": "ü", "日": ["本"]}, {"a": None, "b": ""}, [{"a": {"b": None}}], {"deep": [[["x"], "y"], ["z"]]}, {"n": {"l": ["a\nb", "c"]}}]
for v in V:
    for n in ("to_yaml", "to_nice_yaml"):
        f(n, v)
        f(n, v, indent=2)
        f(n, v, width=30)
        f(n, v, sort_keys=False)
        f(n, v, explicit_start=True)
        f(n, v, explicit_start=True, explicit_end=True)
    for fl in (True, False, None):
        f("to_yaml", v, default_flow_style=fl)
        f("to_yaml", v, default_flow_style=fl, width=20, indent=4)
    f("to_nice_yaml", v, 8)
    f("to_nice_yaml", v, indent=1)
    f("to_nice_yaml", v, indent=12)
f("to_yaml", {"a": U})
f("to_nice_yaml", [U])
_r = _random.Random(7)
_parts = ["a", "word", " ", "  ", "\n", "\n\n", ":", ": ", "-", "- ", "#", " #", "'", '"', "é", "日", "\t", "{", "}", "[", ",", "1", "0", "true", "\\", "%", "long_token_" * 3, "😀", "\u2028", "?", "? ", "!", "&", "."]


def _text():
    return "".join(_r.choice(_parts) for _ in range(_r.randrange(0, 25)))


def _data(depth):
    k = _r.randrange(8 if depth < 4 else 4)
    if k < 3:
        return _text()
    if k == 3:
        return _r.choice([None, True, False, 0, 12345, -1.5, "", "x"])
    if k < 6:
        return [_data(depth + 1) for _ in range(_r.randrange(4))]
    return {_text()[:40] or "k": _data(depth + 1) for _ in range(_r.randrange(4))}


for _ in range(400):
    _v = _data(0)
    f("to_yaml", _v)
    f("to_nice_yaml", _v)
    f("to_nice_yaml", _v, indent=2, width=_r.choice([20, 60, 120, 1000]))
    f("to_yaml", _v, default_style=_r.choice(["|", ">", "'", '"']))

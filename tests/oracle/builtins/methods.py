# Python's methods of text, lists, mappings and numbers.
S = ["", "abc", "Hello World", "  pad  ", "a,b,,c", "ÄÖÜ ß éà", "Ελληνικά ΣΑΣ", "multi\nline\r\ntext\n", "1234", "-42", "+7", "½²٣", "日本語",
     "tab\there\n\tx", "aaa", "a-b_c", "Title Case Here", "x=y=z", "ǆ ǅ", "ﬀ ŉ", "I İ ı", "don't stop", "\x1c\u2028x", "_id1", "1a"]
for s in S:
    for n in ("lower upper title capitalize swapcase casefold isalpha isalnum isdecimal isdigit isnumeric isspace islower isupper istitle "
              "isascii isidentifier isprintable splitlines strip lstrip rstrip split rsplit __len__").split():
        m(n, s)
    m("splitlines", s, True)
    for a in ((",",), (" ", 1), (None, 1), ("a",), ("",), ("=", 1), ("aa",), (None,), (5,)):
        m("split", s, *a)
        m("rsplit", s, *a)
    m("split", s, maxsplit=1)
    m("rsplit", s, maxsplit=2)
    for a in (("a",), (" ",), ("lHd",), (None,), (5,)):
        m("strip", s, *a)
        m("lstrip", s, *a)
        m("rstrip", s, *a)
    for a in (("a",), ("",), ("b", 1), ("c", 0, 2), ("ö", -3), ("x", 50), (5,), ("l", -4, -1)):
        m("find", s, *a)
        m("rfind", s, *a)
        m("startswith", s, *a)
        m("endswith", s, *a)
        m("count", s, *a)
    m("startswith", s, ("a", "H"))
    m("endswith", s, ("c", "\n"))
    m("index", s, "a")
    m("rindex", s, "l")
    for a in (("a", "X"), ("", "-"), ("a", "", 1), ("l", "LL", -1), (" ", "_", 0)):
        m("replace", s, *a)
    m("join", s, ["x", "y", "z"])
    m("join", s, "ab")
    m("join", s, [1])
    m("join", s, [])
    for w in (0, 5, 12, 13):
        m("ljust", s, w)
        m("rjust", s, w, "*")
        m("center", s, w, "é")
        m("center", s, w)
        m("zfill", s, w)
    for sep in (",", "=", "a", "zz", ""):
        m("partition", s, sep)
        m("rpartition", s, sep)
    m("removeprefix", s, "a")
    m("removesuffix", s, "c")
    m("removesuffix", s, "")
    m("expandtabs", s)
    m("expandtabs", s, 4)
    m("translate", s, {97: "X", 98: None, 99: 65})
FMT = ["{}", "{} {}", "{0}-{1}-{0}", "{a}", "{a[k]}", "{0!r}", "{0!s:>6}", "{:>10}", "{:<10}|", "{:^9}|", "{:*^9}", "{:05d}", "{:+d}", "{:x}", "{:#x}", "{:b}",
       "{:,}", "{:_}", "{:.2f}", "{:10.3f}", "{:e}", "{:g}", "{:%}", "{:.1%}", "{{}}", "{{{}}}", "{", "}", "{0[1]}", "{!z}", "{:{}}", "{:c}", "{:o}", "{:.3}", "{:s}",
       "{:d}", "{:X}", "{: d}", "{:08.2f}", "{:n}", "{:=+8d}", "{1}", "{x}", "{:,.2f}", "{:#b}", "{:#o}", "{0.a}", "{:é^7}", "{:>{w}}"]
for fmt in FMT:
    for a in ((), (5,), ("text",), (3.14159,), (1234567,), (-7, 6), ([1, 2],), (None,), (True,), (1e10,), (65, 8)):
        m("format", fmt, *a)
    m("format", fmt, a="v")
    m("format", fmt, 9, a={"k": "v"}, w=8)
m("format_map", "{a}-{b}", {"a": 1, "b": 2})
L = [[], [1, 2, 3], ["b", "a"], [3, 1, 2, 1], [[1], [2]], [1, "a"]]
for l in L:
    m("append", l, 5)
    m("append", l, [1])
    m("extend", l, [7, 8])
    m("extend", l, "ab")
    m("extend", l, 5)
    for i in (0, 1, -1, 99, -99):
        m("insert", l, i, "new")
        m("pop", l, i)
    m("pop", l)
    for v in (1, "a", [1], 9):
        m("remove", l, v)
        m("index", l, v)
        m("count", l, v)
    m("index", l, 1, 2)
    m("index", l, 1, -2)
    m("sort", l)
    m("sort", l, reverse=True)
    m("reverse", l)
    m("copy", l)
    m("clear", l)
    m("__len__", l)
m("index", (1, 2), 2)
m("index", (1, 2), 3)
m("count", (1, 1), 1)
m("append", (1,), 2)
D = [{}, {"a": 1}, {"b": 2, "a": 1}, {"k": {"n": 1}, "z": None}, {1: "one", "2": "two"}]
for d in D:
    for n in ("keys", "values", "items", "copy", "clear", "popitem", "__len__"):
        m(n, d)
    for a in (("a",), ("a", 9), ("zz",), ("zz", "d"), (1,), ([1],), ("zz", None)):
        m("get", d, *a)
        m("pop", d, *a)
        m("setdefault", d, *a)
    m("update", d, {"a": 5, "new": 1})
    m("update", d, [["p", 1], ["q", 2]])
    m("update", d, x=1)
    m("update", d, {"y": 1}, x=2)
    m("update", d, [[1]])
    m("update", d, 5)
    m("update", d)
    m("fromkeys", d, ["a", "b"], 0)
    m("fromkeys", d, "xy")
    m("__setitem__", d, "s", 1)
for i in (0, 1, -1, 255, 256, -1000):
    m("bit_length", i)
    m("bit_count", i)
    m("conjugate", i)
    m("as_integer_ratio", i)
for x in (1.0, 1.5, -2.0, float("inf")):
    m("is_integer", x)
P = [5, "x", 3.14159, None, [1], (1, 2), ("a", "b", "c"), {"k": "v", "n": 7}, -12, 255, 1e6, "é", True, (5, 3.5), ("w", 6)]
for fmt in ("%s", "%d", "%5d|", "%-5d|", "%05d", "%+d", "% d", "%x", "%X", "%#x", "%o", "%#o", "%f", "%.2f", "%8.3f|", "%e", "%E", "%g", "%G", "%r", "%c", "%%", "%5s|", "%-5s|", "%.1s",
            "%s %s", "%(k)s", "%(n)05d", "%(zz)s", "%", "%y", "%*d", "%i", "%u", "%a", "abc", "%(k)s %(n)s", "%5.1f%%", "%.0f", "%s-%s-%s", "%.3d", "%#.3g"):
    for p in P:
        f("format", fmt, *(p if isinstance(p, tuple) else (p,)))
    f("format", fmt, k="v", n=7)

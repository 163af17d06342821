# The filters and tests nearly all playbooks use.
S = ["", "abc", "Hello World", "  padded  ", "a,b,,c", "ÄÖÜ ß éà", "Ελληνικά ΣΑΣ", "Привет МИР", "multi\nline\ntext\n",
     "x" * 30, "1", "0", "yes", "True", "no", "off", "3.7", "-5", "1e3", " 42 ", "0x1f", "日本語", "emoji 😀!", "tab\there",
     "don't", 'say "hi"', "a/b/c.tar.gz", "/etc/hosts", "null", "None", "~"]
N = [0, 1, -1, 42, 3.5, -2.5, 1e18, True, False, 2147483648]
L = [[], [1, 2, 3], ["b", "a", "C", "A"], [3, 1, 2, 1], [[1, 2], [3]], [None, 1], [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
     [1, "a", None, True, 2.5], (1, 2), ["x"], [True, 1, 1.0], [0, "", None, []]]
D = [{}, {"a": 1}, {"b": 2, "a": 1, "C": 3}, {"k": {"n": [1, 2]}, "z": None}, {1: "one", "2": "two"}]
ALL = S + N + L + D + [None]

each("default d", [U, "", 0, None, "x", [], 5], [(), ("dflt",), ("dflt", True), (None,), ([],), ("", True),
                                               ({"_kw": 1, "default_value": 9, "boolean": True},)])
each("bool", ALL)
each("int", ALL, [(), (7,), (0, 16), ({"_kw": 1, "base": 8},), (5, 2)])
each("float", ALL, [(), (1.5,)])
each("string lower upper length first last list", ALL)
each("trim", S + N, [(), ("x ",), (None,)])
each("capitalize title", S + N + [None, True, [1]])
each("replace", S, [("a", "Z"), ("", "-"), ("l", "L", 1), ("a", ""), (" ", "_")])
f("replace", 1234, 2, 9)
f("replace", "aaa", "a", "b", None)
f("replace", "aaa", "a", "b", count=2)
f("replace", "abc", "b")
each("join", L + S + D + [None, 5], [(), (",",), (", ",), (1,)])
each("join", [[{"n": 1}, {"n": "b"}], [{"n": {"m": "deep"}}]], [(",", "n"), ({"_kw": 1, "attribute": "n.m"},)])
each("ternary", ALL, [("y", "n"), ("y", "n", "none")])
f("ternary", U, 1, 2)
f("ternary", True)
each("unique", L + S + [None, 5, {"b": 1, "a": 2}], [(), (True,), (False,)])
f("unique", [{"a": 1}, {"a": 1}, {"a": 2}])
f("unique", [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2}], attribute="a")
f("unique", [[1], [1], [2]], True)
f("unique", ["a", "A", "b"], case_sensitive=True)
each("sort", L + S + D + [None, 5], [(), (True,), ({"_kw": 1, "case_sensitive": True},)])
P = [{"name": "bob", "age": 30, "x": {"y": 2}}, {"name": "Al", "age": 25, "x": {"y": 1}}, {"name": "cy", "age": 30, "x": {"y": 3}}]
for kw in ({"attribute": "name"}, {"attribute": "age"}, {"attribute": "age,name"}, {"attribute": "x.y", "reverse": True},
           {"attribute": "name", "case_sensitive": True}, {"attribute": "nokey"}):
    f("sort", P, **kw)
each("min max", L + [["b", "A"], [3, 1.5, 2], "hello", None, 5, D[2]], [(), (True,)])
f("max", P, attribute="age")
f("min", P, attribute="x.y")
each("sum", [[], [1, 2, 3], [1.5, 2], ["a"], [True, True], [[1], [2]], None, P], [(), (None, 10), ({"_kw": 1, "start": []},),
                                                                                ({"_kw": 1, "attribute": "age"},)])
each("reverse", ALL)
each("abs", ALL)
each("round", N + ["a", None, 2.675, 0.5, 1.5, 2.5, 1234.5678, 15, 25], [(), (2,), (-1,), (1, "ceil"), (1, "floor"), (0, "ceil"), (0, "bad")])
each("map", [["a", "b"], [1, 2], [], None, "xy", {"k": 1}], [("upper",), ("string",), ("nofilter",), (), ("replace", "a", "Q")])
f("map", P, attribute="name")
f("map", P, attribute="x.y")
f("map", P, attribute="nope")
f("map", P, attribute="nope", default="dd")
f("map", P, attribute="nope", other=1)
f("map", [[1, 2], [3]], "first")
f("map", [[1, 2], [3]], attribute=0)
f("map", ["1", "x"], "int", default=-1)
f("map", [U, 1], "default", "u")
f("map", ["a:b", "c"], "split", ":")
f("map", ["a", "b"], "regex_replace", "^(.*)$", "<\\1>")
f("map", P, "combine", {"q": 1})
for n in ("select", "reject"):
    each(n, [[1, 0, None, "a", ""], [1, 2, 3, 4], [], None, ["abc", "xbc"]],
         [(), ("defined",), ("odd",), ("gt", 2), ("match", "a"), ("none",), ("in", [1, 2]), ("==", 3), ("badtest",), ("equalto", 2)])
for n in ("selectattr", "rejectattr"):
    for a in ((), ("age",), ("age", "equalto", 30), ("age", "lt", 30), ("name", "match", "b"), ("x.y", "gt", 1),
              ("nope", "defined"), ("nope", "undefined"), ("nope",), ("name", "in", ["bob"]), ("age", ">=", 26), ("age", "eq", 30)):
        f(n, P, *a)
f("selectattr", [], "a", "b")
each("combine", [{"a": 1}, {"a": {"x": 1, "l": [1, 2]}}, {}, None, [], [{"a": 1}, {"b": 2}], "str", 5],
     [(), ({"b": 2},), ({"a": {"y": 2, "l": [2, 3]}},), ({"a": {"y": 2}}, {"_kw": 1, "recursive": True}), ([{"z": 1}, {"y": 2}],),
      ({"b": 1}, {"b": 2}, {"c": 3}), ("x",), ({"x": 1}, {"_kw": 1, "bad": 1}), ({"x": 1}, {"_kw": 1, "list_merge": "bad"})])
for lm in ("replace", "keep", "append", "prepend", "append_rp", "prepend_rp"):
    for r in (False, True):
        f("combine", {"a": [1, 2, 2], "d": {"l": [1], "k": 1}, "s": 1}, {"a": [2, 3], "d": {"l": [1, 2], "m": 2}, "s": [1]},
          recursive=r, list_merge=lm)
each("dict2items", D + [None, [], "x", 5], [(), ("k", "v"), ({"_kw": 1, "key_name": "file", "value_name": "path"},)])
each("items2dict", [[], [{"key": "a", "value": 1}, {"key": "b", "value": [2]}], [{"k": 1}], {}, "x", None, [1], [{"file": "f", "path": "p"}]],
     [(), ("file", "path"), ({"_kw": 1, "key_name": "key"},)])
each("dictsort", D + [None, [1], {"b": 1, "A": 2, "a": 3}], [(), (True,), (False, "value"), (False, "key", True), (False, "bad")])
each("items", D + [U, None, [1], "x"])
each("to_json", ALL + [{"a": U}, "é\u2028", {"b": 1, "a": [1, {"z": None}]}, [1.0, 1e16, 1e-7, 0.1, 100000.5]],
     [(), ({"_kw": 1, "indent": 2},), ({"_kw": 1, "sort_keys": True},), ({"_kw": 1, "ensure_ascii": False},)])
f("to_json", {"a": [1, 2]}, separators=(",", ":"))
for i in (0, "\t", "", -1):
    f("to_json", {"a": [1, {"b": "x y"}], "b": []}, indent=i)
each("to_nice_json", L + D + ["é", 5, None], [(), (2,), ({"_kw": 1, "indent": 8, "sort_keys": False},)])
each("tojson", L + D + ["<a href='x'>&</a>", 5, None], [(), (2,)])
each("from_json", ["{}", "[1, 2.5, null, true]", '{"a": {"b": "c"}}', '"x"', "12", "é", "", "{", "[1,]", "nul", '{"a" 1}', "NaN", "[1] x",
                   '"\\u00e9\\n"', None, 5, ["x"], {"a": 1}])
RX = ["hello world", "foo123bar456", "", "a.b.c", "Multi\nLine\ntext", "ÄÖ ü", "aaa", "key = value", "/a/b/c"]
each("regex_replace", RX, [("o", "0"), ("(\\w+)", "<\\1>"), ("^", "# "), ("$", "!"), ("", "-"), ("[0-9]+", ""), ("(?P<x>[a-z])", "\\g<x>\\g<1>"),
                           ("x*", "-"), ("L", "l", True), ("^", "> ", False, True), ("\\s+", "\\n"), ("(a)|(b)", "[\\1\\2]"), ("^(.*)$", "\\1x"),
                           (".", "\\\\"), ("(", "x"), ("a", "\\q"), ("a", "\\9"), ("*", ""), ("[a", ""), ("\\Z", "END"), ("a{,2}", "X")])
f("regex_replace", 123, "2", "x")
f("regex_replace", "abc", 1, "x")
f("regex_replace", "abc")
f("regex_replace", "a1b2", "[a-z](\\d)", "\\g<1>0")
f("regex_replace", "foo.bar", "\\.", "_")
f("regex_replace", "ABC", "b", "x", ignorecase=True)
f("regex_replace", [1, "a"], "a", "b")
f("regex_replace", None, "N", "n")
f("regex_replace", "x", "x", None)
each("regex_search", RX, [("o",), ("(\\w)(\\d)",), ("(\\w+)(\\d)", "\\1", "\\2"), ("(?P<w>\\w+)", "\\g<w>"), ("L", {"_kw": 1, "ignorecase": True}),
                          ("^Line", {"_kw": 1, "multiline": True}), ("[", ), ("zzz", "\\1"), ("(a)|(o)", "\\1"), ("(a)", "bad"), ("(\\w)", "\\7")])
each("regex_findall", RX, [("o",), ("\\w+",), ("(\\w)(\\d)",), ("(\\d)",), ("",), ("l", {"_kw": 1, "ignorecase": True}), ("^\\w", True)])
each("regex_escape", RX + ["a+b*c?[x]{1}(y)|^$.#&~-", 5, "tab\t nl\n"], [(), ("python",), ("posix_basic",), ("posix_extended",), ("bad",)])
each("split", S + [5, None, [1]], [(), (",",), (" ", 1), (None,), ("",), ("/", ), ("l", 1)])
PATHS = ["/etc/hosts", "a/b/", "file.txt", "/", "", "a", "../x", "/a//b", ".bashrc", "a.tar.gz", "..", "a/.b", "...x", "a/b.c/d", "//x", 5, None, ["a"],
         "C:\\Users\\x.txt", "\\\\srv\\share\\dir\\f", "C:", "D:rel"]
each("basename dirname splitext win_basename win_dirname win_splitdrive expanduser", PATHS)
each("path_join", [["a", "b"], ["/a", "/b"], ["a/", "b"], ["a", ""], ["", "a"], [], "x", ("a", "b", "c"), 5, None, ["a", 1], [1]])
each("b64encode", S + [5, None], [(), ("utf-16-le",), ({"_kw": 1, "encoding": "latin-1"},)])
each("b64decode", ["", "aGVsbG8=", "aGVsbG8", "w6TDtsO8", "####", "aGVs\nbG8=", 5], [()])
f("b64decode", "aABpAA==", "utf-16-le")
each("quote", S + N + [None, [1, "a b"], {"a": 1}])
C3 = ["text", "two\nlines", "trailing\n", "", "blank\n\nmid"]
each("comment", C3, [(), ("plain",), ("c",), ("cblock",), ("xml",), ("erlang",), ("bad",), ("plain", {"_kw": 1, "decoration": ";; "}),
                     ({"_kw": 1, "prefix": "!!", "postfix": "", "postfix_count": 2},), ("cblock", {"_kw": 1, "beginning": "/**", "newline": "\n"}),
                     ({"_kw": 1, "prefix_count": 0, "postfix_count": 0},), ({"_kw": 1, "prefix": "\n", "postfix": "\n", "decoration": ""},)])
f("comment", 5)
f("comment", None)
each("indent", ["a", "a\nb", "a\n\nb\n", "", "x\r\ny"], [(), (2,), (2, True), (2, True, True), ("> ",), ({"_kw": 1, "first": True},), (0,), (-1,), (None,)])
f("indent", 5)
each("mandatory", ["x", "", None, 0, U], [(), ("my message",)])
each("type_debug", ALL + [U])
each("flatten", L + [[1, [2, [3, [4]]]], [1, None, "null", "None", [None]], None, "abc", 5, {"a": [1]}],
     [(), (1,), (0,), ({"_kw": 1, "skip_nulls": False},), ({"_kw": 1, "levels": 2},)])
each("difference union intersect symmetric_difference", [[1, 2, 2, 3], ["a", "b", "A"], [], [{"x": 1}, {"y": 2}], [[1], [2]]],
     [([2, 3, 4],), ([],), (["a"],), ([{"x": 1}],), ([[2]],)])
f("union", [1], None)
f("difference", None, [1])
each("zip", [[1, 2, 3], ["a"], [], "xy"], [(), ([4, 5, 6],), (["b", "c"], [7, 8]), ("mn",)])
each("zip_longest", [[1, 2, 3], ["a"], []], [(), ([4, 5],), (["b"], [7, 8], {"_kw": 1, "fillvalue": "X"})])
each("count", L)
each("subelements", [[{"n": "a", "g": ["x", "y"], "d": {"k": [1]}}, {"n": "b", "g": [], "d": {"k": [2, 3]}}], {"u": {"g": [1]}}, [{"n": 1}], "x", [1]],
     [("g",), ("d.k",), (["d", "k"],), ("n",), ("g", True), (5,), ("zz", {"_kw": 1, "skip_missing": True})])
each("extract", ["a", 0, "zz", 1], [({"a": {"b": {"c": 1}}, 0: "zero"},), (["x", "y"],), ({"a": {"b": {"c": 1}}}, "b"),
                                   ({"a": {"b": {"c": 1}}}, ["b", "c"]), ("string",)])
each("format", ["%s", "%s and %s", "%05d", "%(a)s", "no", "%d%%"], [(), (5,), (1, 2), ({"_kw": 1, "a": "kw"},), ("str",)])
each("hash", ["", "abc", "ü", 5], [(), ("md5",), ("sha256",), ("sha512",), ("sha224",), ("sha384",), ({"_kw": 1, "hashtype": "sha1"},)])
each("md5 sha1 checksum", ["", "abc", "ü"])
each("to_uuid", ["", "abc", "ü", 5], [(), ("11111111-2222-3333-4444-555555555555",), ("bad",), ({"_kw": 1, "namespace": "6ba7b8109dad11d180b400c04fd430c8"},)])

for n in ("defined undefined none boolean true false integer float number string mapping iterable sequence callable "
          "lower upper odd even truthy falsy failed succeeded changed skipped any all nan").split():
    for s in ALL + [U, float("nan"), {"failed": True}, {"failed": False, "changed": True}, {"results": [{"changed": True}]}, {"skipped": True},
                    {"changed": "yes"}, {"results": []}]:
        t(n, s)
for n in ("eq equalto == ne != lt < lessthan le <= gt > greaterthan ge >= in").split():
    for s in (1, "a", None, [1], 2.0, True, {"a": 1}):
        for o in (1, "a", None, [1], "b", 0.5, [1, "a"], {"a": 1}):
            t(n, s, o)
for s in (10, 7, 0, -4, 2.5, "x", None):
    for o in (2, 5, 0, 2.5, "a"):
        t("divisibleby", s, o)
for n in ("match", "search", "regex"):
    for s in RX + [5]:
        for a in (("foo",), ("h.*d",), ("LINE", True), ("^Line", False, True), ("",), ("(",), ()):
            t(n, s, *a)
t("regex", "abc", "b", match_type="match")
t("regex", "abc", "abc", match_type="fullmatch")
V = ["1.0", "1.0.0", "1.10", "1.9", "2.0-rc1", "1.2.3-beta.2", "1.2.3-beta.11", "1.2.3", "10.04", "1.0a1", "1.2b3", "", 1.5, "v1.2", "1.2.3+b1", "7.4p1", "1.0.post1", "1.0.dev3"]
for a in V:
    for b in ("1.0", "1.2.3", "1.2.3-beta.3", "2", "1.0b2", 1.9):
        t("version", a, b, ">=")
        t("version", a, b, "lt")
for vt in ("loose", "strict", "semver", "semantic", "pep440", "bad"):
    for a in V[:11] + V[13:]:
        t("version", a, "1.2.3", "<", version_type=vt)
        t("version", a, "1.2.3-beta.2", "==", version_type=vt)
for op in ("==", "=", "eq", "<", "lt", "<=", "le", ">", "gt", ">=", "ge", "!=", "<>", "ne", "bad"):
    t("version", "1.10", "1.9", op)
    t("version_compare", "2.0", "2.0", op)
t("version", "1.0", "1.0", strict=True, version_type="loose")
t("version", "1.0.1", "1.0", "gt", strict=True)
for a, b in (([1], [1, 2]), ([1, 2], [1]), ([], [1]), ("ab", "abc"), ([[1]], [[1]]), (None, [1]), ([1], 5)):
    t("subset", a, b)
    t("superset", a, b)
    t("issubset", a, b)
for a, b in (([1, 2], 1), ("abc", "b"), ({"k": 1}, "k"), ([1], 2), ("abc", 1), (None, 1), (5, 1)):
    t("contains", a, b)
t("truthy", "false", convert_bool=True)
t("truthy", "no", True)
t("falsy", "off", convert_bool=True)
t("falsy", "maybe", convert_bool=True)
for s in ("https://a.b/c", "file:///x", "urn:isbn:1", "x", "", "http:", "mailto:a@b", 5):
    for n in ("uri", "url", "urn"):
        t(n, s)
    t("url", s, schemes=["https"])
for s in ("/etc", "/etc/passwd", "/nonexistent", "rel", "/", 5):
    for n in ("directory", "file", "link", "exists", "abs", "mount", "link_exists"):
        t(n, s)
t("same_file", "/etc", "/etc/.")
t("same_file", "/etc", "/nonexistent")
t("filter", "default"); t("filter", "nofilter"); t("test", "defined"); t("test", "zz")
t("sameas", True, True); t("sameas", None, None); t("sameas", 1, 1); t("sameas", "a", 1)
t("callable", 5)

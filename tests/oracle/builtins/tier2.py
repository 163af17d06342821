# Filters used less often.
S = ["", "abc", "Hello World", "a,b,,c", "ÄÖÜ ß", "multi\nline\ntext\n", "x" * 30, "<b>bold</b> & 'q' \"d\"", "one two  three", "a-b_c d"]
N = [0, 1, -1, 42, 3.5, -2.5, True, 1000000]
ALL = S + N + [None, [], [1, 2, 3], {"a": 1}, ["x", "y"]]
each("escape e forceescape", ALL)
each("safe striptags", S + ["<p>a</p>\n <p>b <!-- c --> d</p>", "&amp; &lt;x&gt; &#233; &#xe9; &copy;", "<unclosed", 5])
each("center", S, [(), (20,), (5,), (21,)])
each("truncate", ["short", "a fairly long text that goes on and on for a while", "日本語テキストです" * 3, "x" * 40], [(), (10,), (10, True), (10, False, "!"), (10, True, "", 0), (20, False, "...", 3), (2,), (3,)])
each("wordcount", S + ["don't stop", "été à la", None, 5])
W = ["", "short", "a fairly long text that goes on and on for quite a while, until it ends.", "verylongwordwithoutanyspaces" * 4, "hyphen-ated words-are split-able here-and-there", "para one\n\npara two is longer than the width",
     "a  b   c    d", "--option and foo--bar", "e.g. x-y-z 1-2-3", "   leading", "trailing   "]
each("wordwrap", W, [(), (20,), (10,), (10, False), (10, True, "|"), (12, True, None, False), (5,), (1,)])
each("xmlattr", [{}, {"class": "my", "id": 5, "none": None, "x": "<\"&'>"}, {"a b": 1}, {"ok": True}, None], [(), (False,)])
each("urlize", ["see http://example.com/x?y=1 now", "www.foo.com, (https://bar.org).", "mail me@x.org or mailto:a@b.co", "no links", "foo.com bar.net/x", "<http://x.org>", "ftp://x tel:123", "http://a.b/" + "x" * 50],
     [(), (10,), (None, True), ({"_kw": 1, "target": "_blank"},), ({"_kw": 1, "rel": "a b", "nofollow": True},), ({"_kw": 1, "extra_schemes": ["ftp://", "tel:"]},)])
each("urlencode", S + N + [{"a": 1, "b c": "d&e"}, [["k", "v w"], ["x", "é"]], "a/b?c=d&e f", None, [1], {}])
each("urldecode", ["a%20b", "a+b", "%C3%A9", "%zz", "100%", ""])
URL = ["http://user:pass@www.acme.com:9000/dir/index.html?query=term#fragment", "https://x", "mailto:a@b", "/path/only?q", "", "//host/p", "http://[::1]:80/x", "HTTP://EXAMPLE.com:8080", "ftp://u@h/p;x", "http://h:bad/", "http://h:99999/",
       "a:b:c", "http://h?q#f", "file:///etc/x"]
each("urlsplit", URL, [(), ("hostname",), ("port",), ("path",), ("bad",)])
each("filesizeformat", [0, 1, 999, 1000, 1024, 123456, 1e9, 1.5e12, 2**50, 1e28, "5000", "x", None, 3.7], [(), (True,)])
each("human_readable", [0, 1, 1023, 1024, 1536, 10**6, 2**30, 5e12, 2**70, 0.5, "x", None, True], [(), (True,), (False, "M"), (False, "k"), ({"_kw": 1, "unit": "G"},), (True, "B")])
each("human_to_bytes", ["0", "10", "1K", "1KB", "2.5M", "1 GB", "3Gb", "4 kilobytes", "1Mb", "10 B", "x", "1Z", "", "1.5", "7Q", " 2 K", 10, None, "1byte", "1 mb"],
     [(), ("M",), ({"_kw": 1, "isbits": True},), ("K", True)])
each("log", [1, 10, 100, 2.5, 0, -1, "x", None, True], [(), (10,), (2,), (1,), ("a",)])
each("pow", [2, 0, -2, 2.5, "x", None], [(3,), (0.5,), (-1,), ("a",), (1000,)])
each("root", [4, 27, 2.5, 0, -4, "x", None], [(), (3,), ("3",), (0,), ("x",)])
P = [1, 2, 3]
each("permutations", [P, [], "ab", None, [1]], [(), (2,), (5,), (0,), (-1,)])
each("combinations", [P, [], "abc", None, [1, 1]], [(2,), (0,), (5,), (-1,), ()])
each("product", [P, [], "ab", None], [(), ([4, 5],), ("xy", [0]), ({"_kw": 1, "repeat": 2},), ([],)])
each("batch", [list(range(7)), [], "abcd", None, (1, 2, 3)], [(3,), (2, "x"), (10, 0), (1,), (3, None)])
each("slice", [list(range(7)), [], "abcd", None], [(3,), (2, "x"), (10, 0), (1,), (0,), (4, None)])
PP = [{"n": "a", "g": "X", "x": {"y": 1}}, {"n": "b", "g": "x", "x": {"y": 2}}, {"n": "c", "g": "Y"}, {"n": "d", "g": "X", "x": {"y": 1}}]
for a in (("g",), ("g", None, True), ("n",), ("x.y", 0), ("x.y",), ("zz", "none"), ("g", "d", False)):
    f("groupby", PP, *a)
f("groupby", [[1, "a"], [1, "b"], [2, "c"]], 0)
f("groupby", [], "x")
f("groupby", PP)
each("attr", [{"a": 1}, "x", 5, [1]], [("nope",)])
each("pprint", [[], {}, "abc", list(range(50)), {"b": 1, "a": [1, 2]}, {"key%d" % i: "value number %d" % i for i in range(8)}, [{"name": "x" * 30, "vals": list(range(30))}], ("t" * 40, "u" * 50), {"outer": {"inner": {"deep": ["x" * 30, "y" * 30]}}}, None, 5,
                [["a" * 40, "b" * 40], ["c"]]])
each("random", [10, [1, 2, 3], "abcdef", 5, 1000000, ["a", "b", "c", "d"], 0, [], None, 2.5],
     [({"_kw": 1, "seed": s},) for s in ("abc", "host1.example.com", 1, 42, -7, 1.5, True, "", "é")])
each("random", [100, 60, 10], [({"_kw": 1, "seed": "s", "start": 5},), (1, 2, "s"), ({"_kw": 1, "seed": 5, "step": 7},), (50, 10, 3), ({"_kw": 1, "seed": 1, "start": 200},)])
f("random", [1], start=1, seed=2)
each("shuffle", [[1, 2, 3, 4, 5], [], "abc", ["x"], None, 5, list(range(20))], [({"_kw": 1, "seed": s},) for s in ("abc", 42, "x1", 3.5)])
each("to_datetime", ["2024-01-02 03:04:05", "2024-02-30 00:00:00", "bad", "", None, 5, "2024-01-02 03:04:05 "], [(), ("%Y-%m-%d %H:%M:%S ",)])
for s, fm in (("2024-01-02", "%Y-%m-%d"), ("02/Jan/2024:10:00:00 +0100", "%d/%b/%Y:%H:%M:%S %z"), ("10:30 PM", "%I:%M %p"), ("12:30 AM", "%I:%M %p"), ("2024-060", "%Y-%j"), ("69", "%y"), ("68", "%y"),
              ("1.25", "%S.%f"), ("Monday 5 March 2018", "%A %d %B %Y"), ("2024Z", "%Y%z"), ("x", "%Q"), ("100%", "100%%"), ("a  b", "a b"), ("2024-1-2", "%Y-%m-%d"), ("20240102", "%Y%m%d"), ("2024-01-02", "%y-%m-%d"), ("12/25/23", "%D"), ("UTC", "%Z")):
    f("to_datetime", s, fm, **({"_loose": True} if fm in ("%Q", "%D") else {}))
for fm in ("%Y-%m-%d", "%H:%M:%S", "%j %U %w %a %A %b %B %d", "%%", "", "plain", "%y%m", "%s", "%Z", "%z", "%F %T", "%e|%k"):
    for sec in (0, 1700000000, "1700000000", 1700000000.9, -1, "x", None and 0):
        if sec is not None:
            f("strftime", fm, sec)
            f("strftime", fm, sec, True)
f("strftime", "%Y", second=1e9, utc=True)
f("strftime", 5, 0)
for a in ((), ("sha512",), ("sha256",), ("md5",), ("sha512_crypt",), ("bad",)):
    f("password_hash", "pass", *a, salt="abcdefgh")
f("password_hash", "pass", "sha512", "mysalt12", rounds=5000)
f("password_hash", "pass", "sha512", "mysalt12", rounds=656000)
f("password_hash", "pass", "sha256", "mysalt12", rounds=1000)
f("password_hash", "pass", "sha512", "bad!salt")
f("password_hash", "pass", "sha512", "toolongsalttoolongsalt")
f("password_hash", "é", "sha512", "mysalt12")
f("password_hash", 12345, "sha512", "mysalt12")
f("rekey_on_member", [{"n": "a", "v": 1}, {"n": "b", "v": 2}], "n")
f("rekey_on_member", {"x": {"n": "a"}, "y": {"n": "b"}}, "n")
f("rekey_on_member", [{"n": "a"}, {"n": "a"}], "n")
f("rekey_on_member", [{"n": "a", "v": 1}, {"n": "a", "v": 2}], "n", duplicates="overwrite")
f("rekey_on_member", [{"n": "a"}], "z")
f("rekey_on_member", [1], "z")
f("rekey_on_member", "abc", "z")
f("rekey_on_member", [{"n": []}], "n")
f("rekey_on_member", [{"n": "a"}], "n", "bad")
for p in ("$ANDON_V/x", "${ANDON_V}y", "$NOPE_X", "${NOPE_X}", "a$", "$$", "${", "plain", "$ANDON_V$ANDON_V"):
    f("expandvars", p)
for p in ("/etc/../usr", "/", "/nonexistent/a/../b", "/etc/./passwd", "//x", "/tmp/.."):
    f("realpath", p)
for a, b in (("/a/b/c", "/a"), ("/a", "/a/b"), ("/a/b", "/a/b"), ("/x/y", "/a/b"), ("/a/b/", "/a"), ("/", "/a")):
    f("relpath", a, b)
f("relpath", "", "/a")
each("fileglob", ["/etc/passw?", "/nonexistent*", "/etc"])
each("regex_replace", ["café", "a\nb\nc", "AbC", "x.y.z", "tést 123", "日本語テキスト"], [("\\w", "W"), ("^b$", "X", False, True), ("(?i)B", "z"), ("\\.", "-"), ("[^\\w\\s]", ""), ("(?<=t)é", "e"), ("\\d+", "<\\g<0>>"), ("é|日", "?"),
     ("\\u65e5", "J"), ("(?P<a>b)|c", "[\\g<a>]"), ("\\b", "|"), ("a.c", "x"), ("(?s)a.b", "x"), ("[[:alpha:]]", "p"), ("x*?", "-"), ("(a)(b)?", "\\2"), ("(?#comment)b", "B"), ("[a-c-]", "#"), ("\\Ax", "S"), ("z\\Z", "E"),
     ("\\x41", "h"), ("\\101", "o"), ("[\\]x]", "k"), ("a{2}", "q"), ("(?:b)(?!c)", "n"), ("(b", ""), ("b)", ""), ("(?P<1>a)", ""), ("(?<n>a)", ""), ("\\h", ""), ("a**", ""), ("[z-a]", ""), ("(?P<a>.)(?P=a)", "d"), ("\\N", ""), ("a++", "+")])
each("vault_x" if False else "count", [[1], "ab", {"a": 1}])

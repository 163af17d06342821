# json_query: expressions and answers of the JMESPath specification and its tutorial.
D = {"locations": [{"name": "Seattle", "state": "WA"}, {"name": "New York", "state": "NY"}, {"name": "Bellevue", "state": "WA"}, {"name": "Olympia", "state": "WA"}],
     "people": [{"name": "b", "age": 30, "state": {"name": "up"}}, {"name": "a", "age": 50, "state": {"name": "down"}}, {"name": "c", "age": 40, "state": {"name": "up"}}],
     "a": {"b": {"c": {"d": "value"}}}, "l": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], "nested": [[0, 1], 2, [3], [4, [5, 6, 7]]], "s": "text", "n": None, "f": 1.5, "t": True, "e": [],
     "ops": {"functionA": {"numArgs": 2}, "functionB": {"numArgs": 3}, "functionC": {"variadic": True}}, "with space": 1, "res": [{"i": [{"s": {"n": 1}}, {"s": {"n": 2}}]}, {"i": [{"s": {"n": 3}}]}],
     "strs": ["b", "a", "c"], "mixed": ["1", 2]}
Q = [("a.b.c.d", "value"), ("a.b.x", None), ("l[1]", 1), ("l[-1]", 9), ("l[20]", None), ("l[0:5]", [0, 1, 2, 3, 4]), ("l[5:]", [5, 6, 7, 8, 9]), ("l[:3]", [0, 1, 2]), ("l[::2]", [0, 2, 4, 6, 8]), ("l[::-1]", [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
     ("l[8:2:-3]", [8, 5]), ("l[-2:]", [8, 9]), ("people[*].name", ["b", "a", "c"]), ("people[:2].name", ["b", "a"]), ("people[*].nope", []), ("ops.*.numArgs", [2, 3]), ("nested[]", [0, 1, 2, 3, 4, [5, 6, 7]]), ("nested[][]", [0, 1, 2, 3, 4, 5, 6, 7]),
     ("res[*].i[*].s.n", [[1, 2], [3]]), ("res[].i[].s.n", [1, 2, 3]), ("people[?age > `35`].name", ["a", "c"]), ("people[?age > `35`] | [0].name", "a"), ("people[?state.name=='up'].name", ["b", "c"]), ("people[?state.name!='up'].name", ["a"]),
     ("people[?age >= `40` && name != 'c'].name", ["a"]), ("people[?age < `35` || name == 'c'].name", ["b", "c"]), ("people[?!(age == `30`)].name", ["a", "c"]), ("people[*].[name, age]", [["b", 30], ["a", 50], ["c", 40]]),
     ("people[*].{n: name, s: state.name}", [{"n": "b", "s": "up"}, {"n": "a", "s": "down"}, {"n": "c", "s": "up"}]), ("people[*].name | [0]", "b"), ("locations[?state == 'WA'].name | sort(@) | {WashingtonCities: join(', ', @)}", {"WashingtonCities": "Bellevue, Olympia, Seattle"}),
     ("length(people)", 3), ("length(s)", 4), ("length(a)", 1), ("max_by(people, &age).name", "a"), ("min_by(people, &age).name", "b"), ("sort_by(people, &age)[*].name", ["b", "c", "a"]), ("sort_by(people, &name)[].age", [50, 30, 40]), ("sum(l)", 45), ("avg(l)", 4.5), ("max(l)", 9), ("min(strs)", "a"),
     ("abs(`-5`)", 5), ("ceil(f)", 2), ("floor(f)", 1), ("contains(s, 'ex')", True), ("contains(l, `3`)", True), ("contains(strs, 'zz')", False), ("starts_with(s, 'te')", True), ("ends_with(s, 'xt')", True), ("keys(ops)", ["functionA", "functionB", "functionC"]), ("values(a.b)", [{"d": "value"}]),
     ("join('-', strs)", "b-a-c"), ("sort(strs)", ["a", "b", "c"]), ("reverse(strs)", ["c", "a", "b"]), ("reverse(s)", "txet"), ("map(&age, people)", [30, 50, 40]), ("map(&nope, people)", [None, None, None]), ("merge(a, {x: `1`})", {"b": {"c": {"d": "value"}}, "x": 1}), ("not_null(n, s)", "text"),
     ("to_array(s)", ["text"]), ("to_array(l[:1])", [0]), ("to_number('12')", 12), ("to_number('1.5')", 1.5), ("to_number('x')", None), ("to_string(l[:2])", "[0,1]"), ("to_string(s)", "text"), ("type(s)", "string"), ("type(n)", "null"), ("type(f)", "number"), ("type(t)", "boolean"), ("type(a)", "object"), ("type(e)", "array"),
     ("\"with space\"", 1), ("'raw'", "raw"), ("`\"lit\"`", "lit"), ("`[1, 2]`", [1, 2]), ("`{\"a\": 1}`.a", 1), ("@.s", "text"), ("s || 'dflt'", "text"), ("n || 'dflt'", "dflt"), ("e || 'dflt'", "dflt"), ("s && f", 1.5), ("n && f", None), ("!n", True), ("!s", False), ("[s, f]", ["text", 1.5]), ("{x: s, y: a.b.c.d}", {"x": "text", "y": "value"}),
     ("a.*", [{"c": {"d": "value"}}]), ("*.b", [{"c": {"d": "value"}}]), ("a.b.*.d", ["value"]), ("people[?contains(name, 'a')].age", [50]), ("people[?name=='a'].age | [0]", 50), ("people[0].state.name", "up"), ("people[].state[].name", ["up", "down", "up"]), ("n.x", None), ("s.x", None), ("l[*]", list(range(10))), ("e[*].x", []),
     ("s[0]", None), ("s[*]", None), ("people[?age==`30` || age==`40`].name", ["b", "c"]), ("people[?starts_with(name, 'b')] | length(@)", 1), ("length(people[?age > `100`])", 0), ("f == `1.5`", True), ("t == `1`", False), ("s == 'text'", True), ("f < `2`", True), ("s < 'z'", True), ("mixed[?to_number(@) == `1`]", ["1"]), ("locations[*].state | [1:3]", ["NY", "WA"]),
     ("people[*].age[]", [30, 50, 40]), ("people[-1].name", "c"), ("(s)", "text"), ("people[?state.name == `up`].name", ["b", "c"]), ("locations[::2].name", ["Seattle", "Bellevue"]), ("people[?age > `20`] | [?name == 'a'].age", [50]), ("ops.functionC.variadic", True), ("l[?@ > `7`]", [8, 9])]
for q, want in Q:
    known("json_query", D, want, q)
known("json_query", [{"n": 1}, {"n": 2}], [1, 2], "[*].n")
known("json_query", [{"n": 1}, {"n": 2}], [2], "[?n > `1`].n")
known("json_query", [[1], [2, [3]]], [1, 2, [3]], "[]")
known("json_query", {"a": 1}, {"a": 1}, "@")

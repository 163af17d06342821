# Lookups and global functions, through whole templates.
V = {"who": "World", "flag": True, "l1": [1, 2], "l2": ["a", "b"], "d": {"k1": "v1", "k2": {"n": 2}}, "app_x": 1, "app_y": "{{ who }}", "nested": [[1, [2, [3]]], 4, None],
     "users": [{"name": "al", "keys": ["k1", "k2"], "m": {"h": ["%", "local"]}}, {"name": "bo", "keys": [], "m": {"h": ["x"]}}], "ref": "{{ who }}!", "bad": "{{ nope }}",
     "nokeys": [{"name": "x"}]}
T = """
{{ lookup('file', 'hello.txt') }}
{{ lookup('file', 'hello.txt', rstrip=false) | to_json }}
{{ lookup('file', 'top.txt', lstrip=true) | to_json }}
{{ lookup('file', 'both.txt') }}
{{ lookup('file', 'hello.txt', 'top.txt') }}
{{ query('file', 'hello.txt', 'both.txt') }}
{{ lookup('file', 'nofile.txt') }}
{{ lookup('file', 'nofile.txt', errors='ignore') | type_debug }}
{{ query('file', 'nofile.txt', errors='ignore') }}
{{ lookup('ansible.builtin.file', 'files/hello.txt') }}
{{ lookup('template', 'hi.j2') }}
{{ lookup('template', 'list.j2') }}
{{ lookup('template', 'list.j2', convert_data=false) | type_debug }}
{{ lookup('template', 'true.j2') | type_debug }}
{{ lookup('template', 'marks.j2', variable_start_string='[%', variable_end_string='%]', comment_start_string='[#', comment_end_string='#]') }}
{{ lookup('template', 'outer.j2') }}
{{ lookup('template', 'undef.j2') }}
{{ lookup('template', 'nothere.j2') }}
{{ lookup('template', 'extra.j2', template_vars={'extra': 'E', 'who': 'me'}) }}
{{ lookup('template', 'hi.j2', template_vars=dict(flag=false)) }}
{{ lookup('fileglob', 'more/*.conf') }}
{{ query('fileglob', 'more/*') | map('basename') | sort }}
{{ query('fileglob', '*.txt') | map('basename') | sort }}
{{ query('fileglob', 'nothing*') }}
{{ lookup('first_found', ['nope', 'hello.txt']) | basename }}
{{ lookup('first_found', {'files': ['x', 'b.conf'], 'paths': ['more']}) | basename }}
{{ lookup('first_found', {'files': 'x,b.conf', 'paths': 'no:more'}) | basename }}
{{ lookup('first_found', {'files': ['nope'], 'skip': true}) }}
{{ query('first_found', {'files': ['nope'], 'skip': true}) }}
{{ query('first_found', 'nope') }}
{{ query('first_found', 'nope', errors='ignore') }}
{{ lookup('first_found', 'nope', 'top.txt') | basename }}
{{ lookup('first_found', files=['top.txt']) }}
{{ lookup('first_found', ['{{ nope }}', 'top.txt']) | basename }}
{{ lookup('first_found', [{'files': 'nope'}, {'files': 'top.txt'}]) | basename }}
{{ lookup('env', 'ANDON_TEST_VAR') }}
{{ lookup('env', 'ANDON_NOT_SET') | to_json }}
{{ lookup('env', 'ANDON_NOT_SET', default='dflt') }}
{{ lookup('env', 'ANDON_NOT_SET', default=undef()) }}
{{ query('env', 'ANDON_TEST_VAR', 'ANDON_NOT_SET') }}
{{ lookup('pipe', 'echo hi; echo there') | to_json }}
{{ lookup('pipe', 'exit 3') }}
{{ lookup('pipe', 'kill -TERM $' ~ '$') }}
{{ query('lines', 'printf "a\\nb\\n"') }}
{{ lookup('lines', 'false') }}
{{ lookup('vars', 'who') }}
{{ lookup('vars', 'ref', 'who') }}
{{ lookup('vars', 'nope') }}
{{ lookup('vars', 'nope', default='dd') }}
{{ lookup('vars', 'nope', default=[]) }}
{{ lookup('vars', 'l1') }}
{{ lookup('vars', 'bad') }}
{{ lookup('vars', 'app_' ~ 'y') }}
{{ query('varnames', '^app_') | sort }}
{{ lookup('varnames', 'zzz') | to_json }}
{{ query('items', [1, 2], 3, [[4]]) }}
{{ query('items', l1) }}
{{ lookup('items', l2) }}
{{ query('list', l1, 5) }}
{{ query('indexed_items', l2) }}
{{ query('dict', d) }}
{{ query('dict', {'a': 1}, {'b': 2}) }}
{{ lookup('dict', 'x') }}
{{ lookup('dict', {'a': 1}) }}
{{ query('nested', l1, l2) }}
{{ query('nested', l1, l2, ['z']) }}
{{ query('nested', 'one', l2) }}
{{ query('nested', []) }}
{{ query('nested') }}
{{ query('together', l1, ['x']) }}
{{ query('together', l1, l2, 'q') }}
{{ query('together') }}
{{ query('subelements', users, 'keys') }}
{{ query('subelements', users, 'm.h') }}
{{ query('subelements', nokeys, 'keys') }}
{{ query('subelements', nokeys, 'keys', {'skip_missing': true}) }}
{{ query('subelements', users) }}
{{ query('subelements', users, 'name') }}
{{ query('subelements', d, 'x', {'skip_missing': True}) }}
{{ query('sequence', 'start=1 end=5') }}
{{ query('sequence', 'start=0 end=10 stride=2 format=x%02d') }}
{{ query('sequence', 'count=3') }}
{{ query('sequence', 'start=4 end=1 stride=-1') }}
{{ query('sequence', '5') }}
{{ query('sequence', '2-8/2') }}
{{ query('sequence', '4:host%02d') }}
{{ query('sequence', 'start=0x0f count=4 format=%04x') }}
{{ query('sequence', 'count=0') }}
{{ query('sequence', 'start=1 stride=2') }}
{{ query('sequence', 'start=5 end=1') }}
{{ query('sequence', 'end=3 format=nope') }}
{{ query('sequence', 'count=1 end=2') }}
{{ query('sequence', 'end=x') }}
{{ query('sequence', 'end=2 zz=1') }}
{{ lookup('random_choice', ['only']) }}
{{ query('random_choice', ['a', 'b']) | length }}
{{ lookup('ini', 'name', file='conf.ini') }}
{{ lookup('ini', 'name', section='sec', file='conf.ini') }}
{{ lookup('ini', 'name section=sec file=conf.ini') }}
{{ lookup('ini', 'OTHER', file='conf.ini') }}
{{ lookup('ini', 'multi', section='sec', file='conf.ini') | to_json }}
{{ lookup('ini', 'ref', section='sec', file='conf.ini') }}
{{ lookup('ini', 'pct', section='sec', file='conf.ini') }}
{{ lookup('ini', 'dflt', section='sec', file='conf.ini') }}
{{ lookup('ini', 'empty', file='conf.ini') | to_json }}
{{ lookup('ini', 'nokey', file='conf.ini', default='DD') }}
{{ lookup('ini', 'nokey', file='conf.ini') | to_json }}
{{ lookup('ini', 'x', section='nosec', file='conf.ini') }}
{{ query('ini', '.*', section='sec', file='conf.ini', re=true) }}
{{ query('ini', 'na', section='sec', file='conf.ini', re=true) }}
{{ lookup('ini', 'user.name', type='properties', file='app.properties') }}
{{ lookup('ini', 'user.mail type=properties file=app.properties') }}
{{ lookup('ini', 'key', section='a', file='novalue.ini', allow_no_value=true) | type_debug }}
{{ lookup('ini', 'other', section='a', file='novalue.ini') }}
{{ lookup('ini', 'K', section='a', file='dup.ini') }}
{{ lookup('ini', 'K', section='a', file='dup.ini', case_sensitive=true) }}
{{ lookup('ini', 'a', file='nofile.ini') }}
{{ lookup('csvfile', 'Li', file='el.tsv') }}
{{ lookup('csvfile', 'Na file=el.tsv col=2') }}
{{ lookup('csvfile', 'Li file=el.csv delimiter=,') }}
{{ lookup('csvfile', 'x,y file=el.csv delimiter=, col=2') | to_json }}
{{ lookup('csvfile', 'zz', file='el.csv', delimiter=',', default='none') }}
{{ query('csvfile', 'zz', file='el.csv', delimiter=',') }}
{{ lookup('csvfile', 'Na', file='el.csv', delimiter=',', col=1) | to_json }}
{{ lookup('csvfile', 'Li', file='el.csv', delimiter=',', col=9) }}
{{ lookup('password', 'files/pw1') }}
{{ lookup('password', 'files/pw2 encrypt=md5_crypt') }}
{{ lookup('password', '/dev/null') | length }}
{{ lookup('password', '/dev/null length=7') | length }}
{{ lookup('password', '/dev/null', length=12, chars=['digits']) | regex_search('^[0-9]{12}$') | length }}
{{ lookup('password', '/dev/null', seed='abc') }}
{{ lookup('password', '/dev/null seed=abc length=10 chars=ascii_lowercase,digits') }}
{{ lookup('password', '/dev/null', seed='x', length=30, chars='hexdigits') }}
{{ lookup('password', '/dev/null', seed='x', chars=['ascii_letters', '-_']) }}
{{ lookup('password', '/dev/null bad=1') }}
{{ lookup('nosuchlookup', 1) }}
{{ range(5) }}
{{ range(1, 10, 3) | list }}
{{ range(5, 0, -2) | list }}
{{ range(1, 2, 0) }}
{{ range() }}
{{ dict(a=1, b=2) }}
{{ dict([['x', 1]]) }}
{{ dict({'a': 1}, b=3) }}
{{ (now() | string | length) > 10 }}
{{ now(utc=true, fmt='%Y') | length }}
{{ now().year > 2000 }}
{{ undef() }}
{{ undef('set me') }}
{{ undef(hint='set me') | default('ok') }}
{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}
{% set j = joiner('|') %}{% for x in [1, 2, 3] %}{{ j() }}{{ x }}{% endfor %}
{% set ns = namespace(a=1) %}{% set ns.a = 5 %}{{ ns.a }}
{{ lipsum(n=1, html=false) | length > 20 }}
{{ ('2024-03-01 12:00:00' | to_datetime - '2024-02-28 11:30:00' | to_datetime).days }}
{{ ('2024-03-01 12:00:00' | to_datetime - '2024-02-28 11:30:00' | to_datetime).total_seconds() }}
{{ ('2024-03-01 12:00:00' | to_datetime - '2024-03-02 12:00:01' | to_datetime) }}
{{ '2024-03-01' | to_datetime('%Y-%m-%d') }}
{{ ('2024-03-01' | to_datetime('%Y-%m-%d')).strftime('%d.%m.%y %j %A') }}
{{ ('2024-03-01' | to_datetime('%Y-%m-%d')).isoformat() }}
{{ ('2024-03-01' | to_datetime('%Y-%m-%d')).weekday() }}
{{ ('2024-03-01 10:11:12' | to_datetime).minute }}
{{ ('2024-03-01' | to_datetime('%Y-%m-%d')) > ('2023-03-01' | to_datetime('%Y-%m-%d')) }}
{{ ('2024-03-01 10:11:12' | to_datetime).timestamp() }}
{{ ('2024-03-01 10:11:12' | to_datetime).date() }}
{{ 'bad' | to_datetime }}
{{ '2024-13-01 00:00:00' | to_datetime }}
{{ '2024-03-01T10:11:12.5+0200' | to_datetime('%Y-%m-%dT%H:%M:%S.%f%z') }}
{{ 'Mar 5 2024 03:04 PM' | to_datetime('%b %d %Y %I:%M %p') }}
{{ '%Y-%m-%d %H:%M:%S' | strftime(0) }}
{{ '%Y-%m-%d' | strftime(1700000000, utc=true) }}
{{ '%s' | strftime('12345.6') }}
{{ '%Y' | strftime('x') }}
{% for k, v in users | groupby('name') %}{{ k }}={{ v | length }};{% endfor %}
{{ users | groupby('name') | map(attribute='grouper') | list }}
{{ (users | groupby('name'))[0].list | length }}
{{ users | groupby('name') | list | length }}
{{ '%s and %05.1f' % ('x', 2) }}
{{ '%(a)s' % {'a': 1} }}
{{ 'a,b'.split(',') | map('upper') | join('-') }}
{{ d.items() | list }}
{{ d.keys() | sort | join(',') }}
{{ '{:>5}|{!r}'.format(3, 'x') }}
{% set x = [] %}{% set _ = x.append(1) %}{% set _ = x.extend([2, 3]) %}{{ x }}
{% set y = {} %}{% set _ = y.update({'a': 1}) %}{{ y }}
{{ [3, 1, 2] | sort | reverse | list }}
{{ {'a': 1} | to_nice_yaml }}
{{ d | dict2items | items2dict == d }}
{{ [1, 2, 3] | random(seed='abc') }} {{ 100 | random(seed='host1') }} {{ 59 | random(start=5, step=3, seed=7) }}
{{ [1, 2, 3, 4, 5] | shuffle(seed='abc') }}
""".strip("\n").split("\n")
# collections that are not installed here
for n, want in (("{{ [{'a': 1}] | community.general.json_query('[].a') }}", [1]), ("{{ '10.0.0.1/8' | ansible.utils.ipaddr('network') }}", "10.0.0.0"),
                ("{{ query('community.general.flattened', nested) }}", [1, 2, 3, 4]), ("{{ query('flattened', [1, [2, [3, none]]], 'x') }}", [1, 2, 3, "x"]),
                ("{{ query('cartesian', [1, 2], ['a']) }}", [[1, "a"], [2, "a"]])):
    CASES.setdefault(CURRENT[0], []).append({"k": "x", "n": n, "s": encode(V), "r": want})
for line in T:
    x(line, V)

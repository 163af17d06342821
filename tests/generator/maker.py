"""Makes cases: variables, and templates as trees that shrink.py can cut."""
import os
import random
import re

from words import LITERALS, SUBTYPES, WORDS

HERE = os.path.dirname(os.path.abspath(__file__))
PLACE = re.compile(r'<(\.?)([a-z]\w*)>|<([%{])|([%}])>')
MARK = 'VAR'


class Tree:
    """A piece of a template: text and trees. kind: expr, atom (an expression that needs no parentheses), body, piece or text."""

    def __init__(self, kind, parts):
        self.kind, self.parts = kind, parts

    def __str__(self):
        return ''.join(map(str, self.parts))


class Line:
    """A line of the grammar, split into text and places."""

    def __init__(self, text, atomic, names):
        self.atomic, self.names = atomic, names
        self.parts = []
        at = 0
        for m in PLACE.finditer(text):
            self.parts.append(text[at:m.start()])
            if m[2]:
                self.parts.append(('word' if m[1] else 'type', m[2]))
            else:
                self.parts.append(('open', m[3]) if m[3] else ('close', m[4]))
            at = m.end()
        self.parts.append(text[at:])


def read_grammar(name):
    rules = {}
    with open(os.path.join(HERE, name), encoding='utf-8') as f:
        for line in f:
            if line.strip() and not line.startswith('#'):
                kind, weight, text = line.rstrip('\n').split(None, 2)
                text, _, names = text.partition(' with ')
                rule = Line(text, weight.endswith('!'), [n.split(':') for n in names.split()])
                rules.setdefault(kind, ([], []))
                rules[kind][0].append(rule)
                rules[kind][1].append(int(weight.rstrip('!')))
    return rules


EXPRESSIONS = read_grammar('expressions.txt')
STATEMENTS = read_grammar('statements.txt')


def type_of(value):
    """The grammar's type of a variable's value."""
    if isinstance(value, bool):
        return 'bool'
    if isinstance(value, list):
        for kind, of in (('ints', int), ('strs', str), ('dicts', dict)):
            if value and all(isinstance(x, of) and not isinstance(x, bool) for x in value):
                return kind
        return 'list'
    return {int: 'int', float: 'float', str: 'str', dict: 'dict', type(None): 'none'}[type(value)]


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.atoms = {}
        self.vars = {}

    # --- variables

    def text(self):
        r = self.r
        return r.choice(['abc', '', 'Hello World', 'x', 'äöü €', 'one\ntwo\nthree\n', '12', ' padded ', 'yes', 'a,b;c', '[1, 2]', 'None', '{"a": 1}',
                         'https://example.com/x?y=1', '/var/lib/x.d', 'a\tb', "it's", '日本語', 'True', '1.50', 'ΑΒΓς', 'A-b_C', '\\d+', 'x' * 30])

    def number(self):
        r = self.r
        return r.choice([0, 1, 2, 3, 7, -1, -12, 80, 443, 1000, 65535, r.randint(-50, 50), 2**31, 10**12])

    def fraction(self):
        return self.r.choice([0.0, 0.5, 1.0, -2.5, 3.14159, 1e-7, 1e21, 99.995, 0.1, 1e16, 123456789.125])

    def user(self):
        r = self.r
        d = {'name': r.choice(['ann', 'bob', 'Cyd', 'dan', '']), 'uid': r.choice([0, 1000, 1001, 7]),
             'groups': r.choice([[], ['wheel'], ['dev', 'ops'], ['a', 'b', 'a']]), 'active': r.random() < 0.5}
        if r.random() < 0.3:
            del d[r.choice(list(d))]
        return d

    def value(self, depth=2):
        r = self.r
        x = r.random()
        if depth <= 0 or x < 0.6:
            return r.choice([self.text, self.number, self.fraction, self.text, self.number, lambda: None, lambda: True, lambda: False])()
        if x < 0.8:
            return [self.value(depth - 1) for _ in range(r.randint(0, 3))]
        return {k: self.value(depth - 1) for k in r.sample(['a', 'b', 'k', 'name', 'items', 'x', 'Z', 'é', '1'], r.randint(0, 4))}

    def know(self, path, value, depth=0):
        """Makes the variable, and what is in it, available to expressions."""
        self.atoms.setdefault(type_of(value), []).append(path)
        if depth < 2 and isinstance(value, list):
            for i, v in enumerate(value[:2]):
                self.know('%s[%d]' % (path, i), v, depth + 1)
        elif depth < 2 and isinstance(value, dict):
            for k, v in list(value.items())[:4]:
                dotted = k.isidentifier() and k.isascii() and k != 'items' and self.r.random() < 0.6
                self.know('%s.%s' % (path, k) if dotted else "%s['%s']" % (path, k), v, depth + 1)

    def lazy(self):
        """A variable made of other ones."""
        r = self.r
        kind = r.choice(['int', 'str', 'list', 'dict', 'any', 'bool', 'ints', 'strs'])
        expr = str(self.expr(kind, 2))
        if kind == 'str' and r.random() < 0.5:
            return 'str', 'pre {{ %s }} post%s' % (expr, r.choice(['', '\n', ' {# c #}', '{{ 1 }}']))
        if r.random() < 0.1:
            return 'dict', {'k': '{{ %s }}' % expr, 'a': 1}
        if r.random() < 0.1:
            return 'list', ['{{ %s }}' % expr, 'b', 3]
        return kind, '{{ %s }}' % expr

    def variables(self):
        r = self.r
        self.atoms = {}
        self.vars = v = {}
        v['vint'], v['vstr'], v['vfloat'] = self.number(), self.text(), self.fraction()
        v['vlist'] = [self.value(1) for _ in range(r.randint(0, 4))]
        v['vints'] = [self.number() for _ in range(r.randint(0, 4))]
        v['vstrs'] = [self.text() for _ in range(r.randint(0, 4))]
        v['vdict'] = {k: self.value(2) for k in r.sample(['a', 'b', 'k', 'name', 'x', 'two words'], r.randint(0, 4))}
        v['users'] = [self.user() for _ in range(r.randint(0, 3))]
        v['vbool'], v['vnone'] = r.random() < 0.5, None
        v['vany'] = self.value()
        v['omit'] = '__omit_place_holder__9af2'
        names = list(v)
        for name in r.sample(names, r.randint(2, 6)):
            if name not in ('vint', 'vstr', 'omit'):
                del v[name]
        for name, value in v.items():
            if name != 'omit':
                self.know(name, value)
        for i in range(r.randint(0, 3)):
            kind, value = self.lazy()
            name = 'vlazy' + (str(i) if i else '')
            v[name] = value
            self.atoms.setdefault(kind, []).append(name)
        v['vundef'] = '{{ nosuch }}'
        if r.random() < 0.1:
            name = r.choice(list(v))
            return [name] if name != 'vundef' else []
        return []

    # --- templates

    def fill(self, line, depth, kind):
        r, parts = self.r, []
        for p in line.parts:
            if isinstance(p, str):
                parts.append(p)
            elif p[0] == 'word':
                word = r.choice(WORDS[p[1]])
                parts.append(Tree('text', [word]) if p[1] == 'text' else word)
            elif p[0] == 'open':
                parts.append('{' + p[1] + r.choice(['', '', '', '', '', '-', '-', '+' if p[1] == '%' else '']))
            elif p[0] == 'close':
                parts.append(r.choice(['', '', '', '', '', '-', '-', '+' if p[1] == '%' else '']) + p[1] + '}')
            elif p[1] == 'body':
                parts.append(self.body(depth - 1, line.names))
            else:
                parts.append(self.place(p[1], depth - 1, kind == 'piece'))
        return Tree(kind, parts)

    def place(self, kind, depth, free):
        """An expression as part of another one, mostly in parentheses where it needs them."""
        e = self.expr(kind, depth)
        if free or e.kind == 'atom' or self.r.random() < 0.2:
            return e
        return Tree('atom', ['(', e, ')'])

    def expr(self, kind, depth):
        r = self.r
        if r.random() < 0.03:
            kind = 'any'
        if depth <= 0 or r.random() < 0.15:
            return self.leaf(kind)
        if kind in SUBTYPES and kind not in EXPRESSIONS:
            return self.expr(r.choice(SUBTYPES[kind]), depth)
        lines, weights = EXPRESSIONS[kind]
        line = r.choices(lines, weights)[0]
        return self.fill(line, depth, 'atom' if line.atomic and '|' not in str(line.parts) else 'expr')

    def leaf(self, kind):
        r = self.r
        while kind in SUBTYPES and r.random() < 0.8:
            kind = r.choice(SUBTYPES[kind])
        names = self.atoms.get(kind)
        if names and (r.random() < 0.65 or kind not in LITERALS):
            return Tree('atom', [r.choice(names)])
        return Tree('atom', [r.choice(LITERALS.get(kind) or LITERALS['str'])])

    def body(self, depth, names=()):
        for name, kind in names:
            self.atoms.setdefault(kind, []).extend([name] * 3)
        pieces = [self.piece(depth) for _ in range(self.r.randint(1, 3))]
        for name, kind in names:
            self.atoms[kind] = [n for n in self.atoms[kind] if n != name]
        return Tree('body', pieces)

    def piece(self, depth):
        lines, weights = STATEMENTS['piece']
        if depth <= 0:
            lines, weights = lines[:4], weights[:4]
        return self.fill(self.r.choices(lines, weights)[0], min(depth, 3) if depth > 0 else 2, 'piece')

    def case(self):
        """{'mode', 'native', 'vars', 'unsafe', 'template': Tree}"""
        r = self.r
        unsafe = self.variables()
        case = {'vars': self.vars, 'mode': 'value', 'native': r.random() < 0.25}
        if unsafe:
            case['unsafe'] = unsafe
        x = r.random()
        if x < 0.55:
            case['template'] = Tree('body', [Tree('piece', ['{{ ', self.expr('any', r.randint(1, 4)), ' }}'])])
        elif x < 0.65:
            case['mode'], case['native'] = 'condition', False
            case['template'] = Tree('body', [self.expr('bool', r.randint(1, 3))])
        else:
            case['template'] = self.body(r.randint(1, 3))
            if x > 0.85:
                case['mode'], case['native'] = 'text', False
                case['trim_blocks'], case['lstrip_blocks'] = r.random() < 0.8, r.random() < 0.3
        return case

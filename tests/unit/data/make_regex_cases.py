#!/usr/bin/env python3
"""Writes regex_cases.json: expressions, subjects and what Python's re makes of them. Run with a seed to vary."""
import json
import random
import re
import sys
import warnings

warnings.simplefilter('error')

CURATED = [
    (r'^#?\s*PermitRootLogin', '', '#PermitRootLogin yes\n', None), (r'(?i)^listen\s+(\d+)', '', 'Listen 80\n', r'Listen \1;'),
    (r'(?P<k>\w+)=(?P<v>.*)$', '', 'a=b c\n', r'\g<v>=\g<k>'), (r'(?P<q>["\']).*?(?P=q)', '', 'say "x\'y" \'z\'', '<>'),
    (r'(?<=foo)bar', '', 'foobar bar', 'X'), (r'(?<!foo)bar', '', 'foobar bar', 'X'), (r'foo(?!bar)', '', 'foobar foobaz', 'X'),
    (r'foo(?=baz)', '', 'foobar foobaz', 'X'), (r'(a*)*b', '', 'aaab', r'[\1]'), (r'(a|b)*?c', '', 'ababc', r'\1'),
    (r'x*', '', 'axb', '-'), (r'\b', '', 'a bc', '|'), (r'^', 'm', 'a\nb\n', '> '), (r'$', 'm', 'a\nb\n', ' <'), (r'$', '', 'a\n', 'E'),
    (r'\Aa\Z', '', 'a\n', None), (r'a.c', '', 'a\nc', None), (r'a.c', 's', 'a\nc', None), (r'[^a-c]+', '', 'abcdef', '.'),
    (r'[]a]', '', ']', None), (r'[a\]]+', '', 'a]a', None), (r'[\d\-x]+', '', '1-2x', None), (r'[-a]+', '', '-a-', None), (r'[a-]+', '', '-a-', None),
    (r'a{2,3}', '', 'aaaa', 'X'), (r'a{,2}', '', 'aaa', 'X'), (r'a{2}', '', 'aaaa', 'X'), (r'a{2,}?', '', 'aaaa', 'X'), (r'a{', '', 'a{', 'X'), (r'a{x}', '', 'a{x}', 'X'),
    (r'(ab){2,3}', '', 'abababab', r'\1'), (r'(?:ab|cd)+?e', '', 'abcde', None), (r'(a)(b)?', '', 'a', r'\1\2'), (r'(a)?(?(1)b|c)', '', 'ab c', 'X'),
    (r'(?P<x>a)(?(x)b)', '', 'ab', 'X'), (r'(?s:.)(.)', '', '\n\na', None), (r'(?i:A)b', '', 'ab aB', 'X'), (r'(?-i:a)B', 'i', 'ab Ab', 'X'),
    (r' a  b # c', 'x', 'ab', 'X'), (r'[ ]a\ b', 'x', ' a b', 'X'), (r'\x41\u00e9', 't', 'A\u00e9', 'X'), (r'.', 't', '\u00e9\u4e2d', '<\\g<0>>'), (r'\w+', 't', 'h\u00e9llo w', '<\\g<0>>'),
    (r'[\u00e0-\u00ff]', 't', 'a\u00e9', 'X'), (r'\u00c9', 'it', '\u00e9', 'X'), (r'(?a)\w+', 't', 'h\u00e9', 'X'), (r'\101', '', 'A', 'X'), (r'(a)\1', '', 'aa', 'X'), (r'(?i)(a)\1', '', 'aA', 'X'),
    (r'a++b', '', 'aaab', 'X'), (r'a++a', '', 'aaa', 'X'), (r'(?>a+)b', '', 'aab', 'X'), (r'(?>a|ab)c', '', 'abc', 'X'), (r'(?:ab)++c', '', 'ababc', 'X'), (r'a?+a', '', 'a', 'X'),
    (r'(', '', '', None), (r')', '', '', None), (r'a**', '', '', None), (r'*a', '', '', None), (r'[a', '', '', None), (r'[b-a]', '', '', None), (r'(?P<1a>x)', '', '', None), (r'(?P<a>x)(?P<a>y)', '', '', None),
    (r'\2(a)', '', '', None), (r'(?<=a+)b', '', '', None), (r'(?<=a|bc)d', '', '', None), (r'a{3,2}', '', '', None), (r'\q', '', '', None), (r'a\\', '', 'a\\', None), ('a\\', '', '', None), (r'(?z)', '', '', None), (r'(\1)', '', '', None),
    (r'a', '', 'a', r'\n\t\\\.'), (r'a', '', 'a', r'\q'), (r'a', '', 'a', r'\1'), (r'(a)', '', 'a', r'\g<1>0\g<0>'), (r'(a)', '', 'a', r'\g<x>'), (r'a', '', 'a', r'\101\0'), (r'a', '', 'a', '\\'),
    (r'(?m)^\s*$', '', 'a\n\n b\n  \n', 'E'), (r'(\s+)old\.host\.name(\s+.*)?$', '', ' old.host.name x', r'\1new\2'), (r'^(.+)$', 'm', 'a\nb', r'# \1'), (r'(.*?)\n(?:.*\n)*?end', '', 'a\nb\nend', r'\1'),
    (r'(a+|b+)*c', '', 'aabbac', r'\1'), (r'((a)|b)*', '', 'ab', r'\2'), (r'(?:(a)|b)*', '', 'ab', r'[\1]'), (r'(a?)*?b', '', 'aab', r'[\1]'), (r'(|a)+', '', 'aaa', r'[\1]'), (r'(a|)+', '', 'aaa', r'[\1]'), (r'(a*)+', '', 'b', r'[\1]'),
    (r'(?=(a+))a*b\1', '', 'baaabac', 'X'), (r'(?!(a))b', '', 'b', r'[\1]'), (r'(?=(a))', '', 'a', r'[\1]'), (r'\B', '', 'ab c', '-'), (r'\s*\S+\s*', '', ' a b ', '.'), (r'\D\d', '', 'a1', 'X'), (r'\W', '', 'a b', 'X'),
]

ATOMS = ['a', 'b', 'c', '.', r'\w', r'\d', r'\s', '[ab]', '[^a]', '[a-c1]', r'\b', '^', '$', r'\B', r'[\s\d]', r'\S', '\n', '1', ' ']


# Possessive repeats of groups are left out: Python 3.11.2 has known errors there.
def pattern(rnd, depth, groups):
    out = ''
    for _ in range(rnd.randint(1, 4)):
        kind = rnd.random()
        if depth and kind < 0.30:
            groups[0] += 1
            atom = '(' + pattern(rnd, depth - 1, groups) + ')'
        elif depth and kind < 0.38:
            atom = '(?:' + pattern(rnd, depth - 1, groups) + ')'
        elif depth and kind < 0.44:
            atom = rnd.choice(['(?=', '(?!', '(?<=', '(?<!', '(?>']) + pattern(rnd, depth - 1, groups) + ')'
        elif kind < 0.48 and groups[0]:
            atom = '\\%d' % rnd.randint(1, groups[0])
        else:
            atom = rnd.choice(ATOMS)
        if rnd.random() < 0.4:
            atom += rnd.choice(['*', '+', '?', '{2}', '{1,2}', '{,2}', '{2,}']) + rnd.choice(['', '', '?'] + ['+'] * (atom[0] != '('))
        out += atom
    if rnd.random() < 0.2:
        out += '|' + pattern(rnd, max(depth - 1, 0), groups)
    return out


def subject(rnd):
    return ''.join(rnd.choice('aaabbbc1 \nA_') for _ in range(rnd.randint(0, 12)))


def evaluate(pat, flags, text, template):
    known = {'i': re.I, 'm': re.M, 's': re.S, 'x': re.X}
    bits = 0
    for f in flags:
        bits |= known.get(f, 0)
    as_text = 't' in flags
    enc = (lambda s: s) if as_text else (lambda s: s.encode())
    try:
        r = re.compile(enc(pat), bits)
    except (re.error, Warning, OverflowError):
        return 'error'
    m = r.search(enc(text))
    byte = (lambda i: len(text[:i].encode())) if as_text else (lambda i: i)
    spans = [[byte(a), byte(b)] if a >= 0 else None for a, b in m.regs] if m else None
    sub = None
    if template is not None:
        try:
            s, n = r.subn(enc(template), enc(text))
            sub = [s if as_text else s.decode('latin-1'), n]
        except (re.error, IndexError, Warning):
            sub = 'error'
    return {'spans': spans, 'sub': sub}


def main():
    rnd = random.Random(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    cases = [list(c) for c in CURATED]
    while len(cases) < len(CURATED) + count:
        flags = ''.join(f for f in 'imst' if rnd.random() < 0.2)
        case = [pattern(rnd, 3, [0]), flags, subject(rnd), rnd.choice([None, 'X', r'<\g<0>>'])]
        if evaluate(*case) != 'error' or rnd.random() < 0.05:
            cases.append(case)
    out = ['[']
    for c in cases:
        out.append(json.dumps(c + [evaluate(*c)], ensure_ascii=False, separators=(',', ':')) + ',')
    out[-1] = out[-1].rstrip(',')
    print('\n'.join(out) + '\n]')


main()

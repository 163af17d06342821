"""Makes a differing case as small as it gets while the same kind of difference stays."""
import time

from maker import Tree

SIMPLE = ['1', "'a'", '[]', 'none']
MOST_ROUNDS = 60
MOST_SECONDS = 60 # of computing, after which a case is small enough


def below(tree, kinds):
    """Trees of these kinds inside a tree, outer ones first."""
    level = [tree]
    while level:
        level = [p for t in level for p in t.parts if isinstance(p, Tree)]
        yield from (t for t in level if t.kind in kinds)


def smaller(tree):
    """What may stand in a tree's place."""
    if tree.kind in ('expr', 'atom'):
        text = str(tree)
        yield from below(tree, ('expr', 'atom'))
        yield from (Tree('atom', [s]) for s in SIMPLE if len(s) < len(text))
    elif tree.kind == 'text':
        yield from (Tree('text', [s]) for s in ('', 'x') if len(s) < len(str(tree)))
    elif tree.kind == 'body':
        for i in range(len(tree.parts)):
            yield Tree('body', tree.parts[:i] + tree.parts[i + 1:])
        yield from below(tree, ('body', 'piece'))
    elif tree.kind == 'piece':
        yield from below(tree, ('body', 'piece'))
        plain = [p.replace('-', '').replace('+', '') if isinstance(p, str) and p[:2] in ('{%', '{{', '-%', '-}', '+%') else p for p in tree.parts]
        if plain != tree.parts:
            yield Tree('piece', plain)


def cuts(tree):
    """The tree with one change, big ones first."""
    yield from smaller(tree)
    for i, p in enumerate(tree.parts):
        if isinstance(p, Tree):
            for c in cuts(p):
                yield Tree(tree.kind, tree.parts[:i] + [c] + tree.parts[i + 1:])


def less(value):
    """Smaller values of a variable."""
    if isinstance(value, dict):
        for k in value:
            yield {n: v for n, v in value.items() if n != k}
        for k, v in value.items():
            yield from (dict(value, **{k: s}) for s in less(v))
        yield from value.values()
    elif isinstance(value, list):
        for i in range(len(value)):
            yield value[:i] + value[i + 1:]
        for i, v in enumerate(value):
            yield from (value[:i] + [s] + value[i + 1:] for s in less(v))
        yield from value
    elif isinstance(value, str) and len(value) > 1 and '{' not in value:
        yield from (value[:len(value) // 2], value[len(value) // 2:], 'a')
    elif isinstance(value, (int, float)) and value not in (0, 1):
        yield from (0, 1)


def variants(case):
    names = [n for n in case['vars'] if n not in str(case['template'])]
    if names:
        yield dict(case, vars={n: v for n, v in case['vars'].items() if n not in names})
    yield from (dict(case, template=t) for t in cuts(case['template']))
    for name in case['vars']:
        yield dict(case, vars={n: v for n, v in case['vars'].items() if n != name})
    for name, value in case['vars'].items():
        yield from (dict(case, vars=dict(case['vars'], **{name: v})) for v in less(value))
    if case['native']:
        yield dict(case, native=False)
    if case['mode'] == 'text':
        yield dict(case, mode='value')


def size(case):
    return len(str(case['template'])), len(str(case['vars'])), case['native'], case['mode'] == 'text'


def shrink(case, judge):
    """judge(cases) gives the kind of difference of each, None where there is none."""
    kind, end = judge([case])[0], time.process_time() + MOST_SECONDS
    for _ in range(MOST_ROUNDS):
        tried = [c for c in variants(case) if size(c) < size(case)]
        for at in range(0, len(tried), 40):
            if time.process_time() > end:
                return case
            some = tried[at:at + 40]
            found = [c for c, k in zip(some, judge(some)) if k == kind]
            if found:
                case = min(found, key=size)
                break
        else:
            break
    return case

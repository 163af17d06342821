"""When two answers count as the same, and which differences are chosen (chosen.tsv)."""
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
ADDRESS = re.compile(r'0x[0-9a-f]{6,}')
RECURSION = re.compile(r'recursive loop detected|maximum recursion|RecursionError')
# Subclasses of str that are flags of a string here.
TEXTS = re.compile(r"\b(NativeJinjaText|NativeJinjaUnsafeText|AnsibleUnsafeText|AnsibleUnicode)\b")


class Chosen:
    """A row of chosen.tsv."""

    def __init__(self, template, want, got, why, also=''):
        self.template, self.want, self.got = (re.compile(x, re.S) for x in (template, want, got))
        self.why, self.also = why, also

    def covers(self, template, lazy, want, got, unsafe):
        return ((self.template.search(template) or self.template.search(lazy)) and self.want.search(shown(want, template)) and self.got.search(shown(got, template)) and
                ('same' not in self.also or want[1] == got[1]) and ('unsafe' not in self.also or unsafe))


def read_chosen():
    with open(os.path.join(HERE, 'chosen.tsv'), encoding='utf-8') as f:
        return [Chosen(*line.rstrip('\n').split('\t')) for line in f if line.strip() and not line.startswith('#')]


CHOSEN = read_chosen()
COMPILER = 'Ansible takes a template that breaks its compiler for plain text'
# Reasons that can be tried: with Ansible changed so (changes.py) both must agree.
CHANGES = {
    COMPILER: 'unfolded',
    "Ansible's compiler stumbles over constants that are infinite": 'unfolded',
    "Ansible's compiler writes constants down as text before it knows that the result is native": 'unfolded',
    'range, the views of a dict and sets are lists': 'lists',
    'there are no sets: the text stays text': 'no_sets',
    'Ansible fails on text that spells a set or mapping that cannot be': 'hashable_only',
    'an undefined value that is printed inside another one is the name of its class alone': 'short_undefined',
    'there is no Ellipsis: the text stays text': 'no_ellipsis',
    'integers have 64 bits': 'narrow_integers',
    'no text has more than 64 MB, no list more than 4 million items': 'limited',
    'YAML is written in full, without anchors': 'full_yaml',
    'what is printed is printed at once; Ansible prints at the end, with what has changed since': 'printed_at_once',
    'Ansible fails on super() and self of a block that prints a number': 'joined_blocks',
    'native results: what an inline if without else leaves is an empty text': 'empty_without_else',
    "Ansible's unsafe texts answer an operator that they do not have with NotImplemented": 'plain_operators',
}


def normal(answer):
    """The answer without what no two runs share."""
    if answer[0] == 'ok' and answer[2] in ('Markup', 'str', '_GroupTuple'): # subclasses that are flags here, or nothing
        answer = ['ok', re.sub(r'^Markup\((.*)\)$', r'\1', answer[1], flags=re.S), 'tuple' if answer[2] == '_GroupTuple' else 'str', answer[3]]
    if answer[0] in ('ok', 'crash'):
        return [answer[0], ADDRESS.sub('0x', answer[1])] + [TEXTS.sub('str', x) if isinstance(x, str) else x for x in answer[2:]]
    text = TEXTS.sub('str', ADDRESS.sub('0x', answer[1]))
    if RECURSION.search(text):
        return ['error', 'recursive loop detected']
    return [answer[0], re.sub(r'\n  line \d+$', '', text)]


def meaning(case, answer):
    """What must agree: a result, its type and whether it is unsafe; of an error what it is about, not its words."""
    answer = normal(answer)
    if answer[0] == 'ok':
        # Ansible's mark of a whole text is lost between its templars; ours is kept, which does no harm
        return answer[:3] if case['mode'] == 'text' else answer
    syntax = 'template error while templating' in answer[1] or re.search(r'^unexpected', answer[1])
    missing = re.search(r"""(?:(?:Could not load|No (?:filter|test) named) [("']+|lookup plugin \()(\w+)""", answer[1])
    if missing:
        return ['missing', missing[1]]
    name = re.findall(r"'(\w+)' is undefined", answer[1])
    return ['syntax' if syntax else 'fails'] + name[-1:]


def agree(x, y):
    """Whether two meanings are one: which mistake of the syntax is met first is nobody's business."""
    return x == y or {x[0], y[0]} in ({'missing', 'syntax'}, {'syntax', 'fails'})


def shown(answer, template):
    """An answer as chosen.tsv's patterns see it, without the template in messages: "ok 'abc' str", "error message"."""
    if answer[0] != 'ok':
        answer = [answer[0], answer[1].replace(template, '')]
    return ' '.join(x if isinstance(x, str) else 'unsafe' if x else 'safe' for x in answer)


def bare(text):
    """Without backslashes, which Ansible doubles on the way, and without white space, some of which it loses then."""
    return re.sub(r'\s', '', text.replace('\\n', '').replace('\\', ''))


def reasons(case, want, got):
    """Why a difference may be chosen."""
    want, got, template = normal(want), normal(got), str(case['template'])
    lazy = ' '.join(str(v) for v in case['vars'].values() if '{{' in str(v))
    unsafe = case.get('unsafe') or re.search(r'\b(lookup|query|q)\(', template + str(case['vars']))
    for row in CHOSEN:
        if row.covers(template, lazy, want, got, unsafe):
            yield row.why
    if want[0] == 'ok' and bare(want[1]) == bare(repr(template)):
        yield COMPILER


def difference(case, want, got):
    """None when both agree; else a reason why the difference may be chosen, or '' when it is not."""
    if want is None or agree(meaning(case, want), meaning(case, got)):
        return None
    return next(reasons(case, want, got), '')


def by_time(why):
    """Whether the reason is when variables are resolved: then they must be right when they are used."""
    return any(row.why == why and 'variables' in row.also for row in CHOSEN)

#!/usr/bin/python3
"""Compares the template engine with ansible-core's own Templar.

usage: template.py [--update] [--show N] [EVALUATOR] [CASES.tsv...]

The cases of tests/unit/data/template/*.tsv are run through both; --update rewrites what the files expect from what Ansible says
(differs.tsv, where we mean to differ, from what we say). Made-up templates are compared by tests/generator/run.
"""
import glob
import json
import os
import re
import subprocess
import sys
import warnings

warnings.filterwarnings('ignore')
from ansible.errors import AnsibleError, AnsibleUndefinedVariable
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.conditional import Conditional
from ansible.template import AnsibleEnvironment, Templar
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var
from jinja2.exceptions import UndefinedError

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.normpath(os.path.join(HERE, '../unit/data/template'))
FILES = [os.path.join(DATA, 'files')]

# Ansible appends the text of the original exception to its own, which says everything twice (and again for each
# level of nesting). Only its own words are compared.
AnsibleError.message = property(lambda self: self._message)
Display.warning = lambda *a, **k: None
Display.deprecated = lambda *a, **k: None


def unescape(s):
    return re.sub(r'\\(.)', lambda m: {'n': '\n', 't': '\t', 'r': '\r'}.get(m.group(1), m.group(1)), s)


def escape(s):
    return s.replace('\\', '\\\\').replace('\n', '\\n').replace('\t', '\\t').replace('\r', '\\r')


def kind(e):
    if isinstance(e, (AnsibleUndefinedVariable, UndefinedError)):
        return 'undefined'
    if 'error while evaluating conditional' in str(e):
        return 'undefined'
    return 'error'


def text_templar(variables):
    searchpath = []
    for d in FILES:
        searchpath += [os.path.join(d, 'templates'), d]
    t = Templar(loader=DataLoader(), variables=variables)
    return t.copy_with_new_env(environment_class=AnsibleEnvironment, searchpath=searchpath,
                               available_variables=variables)


def ask_ansible(case):
    """('ok', repr, type) or ('undefined'|'error', message)"""
    variables = json.loads(json.dumps(case['vars']))
    for name in case.get('unsafe', ()):
        variables[name] = wrap_var(variables[name])
    templar = text_templar(variables)
    try:
        mode = case['mode']
        if mode == 'condition':
            c = Conditional(loader=DataLoader())
            when = case['template']
            c.when = when if isinstance(when, list) else [when]
            r = bool(c.evaluate_conditional(templar, variables))
        elif mode == 'text':
            env = {k: case[k] for k in ('trim_blocks', 'lstrip_blocks') if k in case}
            templar = templar.copy_with_new_env(**env)
            r = templar.do_template(case['template'], preserve_trailing_newlines=True, escape_backslashes=False)
        else:
            r = templar.template(case['template'])
        return ('ok', repr(r), type(r).__name__)
    except RecursionError as e:
        return ('error', 'recursive loop detected')
    except Exception as e:
        return (kind(e), str(e))


class Evaluator:
    def __init__(self, path):
        self.path = path
        self.start()

    def start(self):
        self.p = subprocess.Popen([self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, case):
        try:
            self.p.stdin.write(json.dumps(case) + '\n')
            self.p.stdin.flush()
            line = self.p.stdout.readline()
        except BrokenPipeError:
            line = ''
        if not line:
            rc = self.p.wait()
            self.start()
            return ('crash', 'exit status %s' % rc)
        r = json.loads(line)
        if 'error' in r:
            return ('undefined' if r['code'] == -4 else 'error', r['error'])
        return ('ok', r['repr'], r['type'])


ADDRESS = re.compile(r'0x[0-9a-f]+')


def normal(r):
    """What is compared: addresses and endless nesting aside."""
    text = re.sub(r'\n  line \d+$', '', ADDRESS.sub('0x', r[1]))
    if 'recursive loop detected' in text or 'maximum recursion' in text or 'Recursion' in text:
        return ('error', 'recursive loop detected')
    if r[0] == 'ok':
        return ('ok', text)
    # Subclasses of str that we have as flags of a string.
    text = re.sub(r"'(NativeJinjaText|Markup|AnsibleUnsafeText)'", "'str'", text)
    return (r[0], text)


def read_cases(path):
    common = json.load(open(os.path.join(DATA, 'vars.json')))
    for n, line in enumerate(open(path, encoding='utf-8'), 1):
        line = line.rstrip('\n')
        if not line or line.startswith('##'):
            yield line, None, None
            continue
        f = line.split('\t')
        mode, template = f[0], unescape(f[1])
        own = json.loads(f[3]) if len(f) > 3 and f[3] else {}
        opts = own.pop('__case__', {})
        case = {'template': template, 'vars': dict(common, **own), 'mode': mode, 'dirs': FILES}
        if mode == 'condition' and template.startswith('['):
            case['template'] = json.loads(template)
        case.update(opts)
        yield f, case, '%s:%d' % (os.path.basename(path), n)


def expected(r):
    """A result as it stands in a case file: the repr, or !kind message."""
    return escape(r[1] if r[0] == 'ok' else '!%s %s' % r[:2])


def run_files(files, evaluator, update, show):
    total = bad = 0
    for path in files:
        out = []
        for f, case, where in read_cases(path):
            if case is None:
                out.append(f)
                continue
            total += 1
            want = normal(ask_ansible(case))
            got = normal(evaluator.ask(case))
            differs = os.path.basename(path) == 'differs.tsv'
            if update:
                out.append('\t'.join([f[0], f[1], expected(got if differs else want)] + f[3:]))
            if (got != want) != differs:
                bad += 1
                if bad <= show:
                    print('%s %s\n  ansible: %s\n  andon:   %s' % (where, f[1], want, got))
        if update:
            open(path, 'w', encoding='utf-8').write('\n'.join(out) + '\n')
    print('%d cases, %d differences' % (total, bad))
    return bad


def main():
    args = sys.argv[1:]
    update = '--update' in args
    show = 40
    if '--show' in args:
        i = args.index('--show')
        show = int(args[i + 1])
        del args[i:i + 2]
    args = [a for a in args if a != '--update']
    files = [a for a in args if a.endswith('.tsv')]
    rest = [a for a in args if not a.endswith('.tsv')]
    evaluator = Evaluator(rest[0] if rest else 'build/tests/unit/template_eval')
    return run_files(files or sorted(glob.glob(DATA + '/*.tsv')), evaluator, update, show)


if __name__ == '__main__':
    sys.exit(1 if main() else 0)

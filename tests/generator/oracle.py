"""What the installed ansible-core makes of a case: its own Templar, one for each kind of results."""
import contextlib
import os
import resource
import signal
import sys
import warnings

os.environ['TZ'] = 'UTC'
warnings.filterwarnings('ignore')
from ansible import constants as C  # noqa: E402
from ansible.errors import AnsibleError, AnsibleUndefinedVariable  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.playbook.conditional import Conditional  # noqa: E402
from ansible.template import Templar  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from ansible.utils.unsafe_proxy import AnsibleUnsafe, wrap_var  # noqa: E402
from jinja2.exceptions import UndefinedError  # noqa: E402
from engine import brief  # noqa: E402

# Ansible appends the text of the original exception to its own, which says everything twice. Only its own words are compared.
AnsibleError.message = property(lambda self: self._message)
Display.warning = lambda *a, **k: None
Display.deprecated = lambda *a, **k: None
Display.display = lambda *a, **k: None

SECONDS = 3 # of computing: a busy machine is no reason to give a case up
MEMORY = 3 << 30


class TooLong(BaseException):
    """The oracle took too long: the case says nothing."""


def too_long(*args):
    raise TooLong


def kind_of(e):
    if isinstance(e, (AnsibleUndefinedVariable, UndefinedError)) or 'error while evaluating conditional' in str(e):
        return 'undefined'
    return 'error'


def has_unsafe(v):
    """True when any text in the result would not be templated again."""
    if isinstance(v, dict):
        return any(has_unsafe(x) for x in v.values())
    if isinstance(v, (list, tuple)):
        return any(has_unsafe(x) for x in v)
    return isinstance(v, AnsibleUnsafe)


def copied(v):
    """A fresh copy: templates may change what they are given."""
    if isinstance(v, dict):
        return {k: copied(x) for k, x in v.items()}
    return [copied(x) for x in v] if isinstance(v, list) else v


class Oracle:
    def __init__(self):
        self.loader = DataLoader()
        self.templars = {}
        for native in (False, True):
            C.DEFAULT_JINJA2_NATIVE = native
            self.templars[native] = Templar(loader=self.loader, variables={})
        C.DEFAULT_JINJA2_NATIVE = False
        sys.set_int_max_str_digits(0)
        signal.signal(signal.SIGPROF, too_long)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    def render(self, case):
        variables = copied(case['vars'])
        for name in case.get('unsafe', ()):
            if name in variables:
                variables[name] = wrap_var(variables[name])
        templar = self.templars[case['native']]
        templar.available_variables = variables
        template = str(case['template'])
        if case['mode'] == 'condition':
            c = Conditional(loader=self.loader)
            c.when = [template]
            return bool(c.evaluate_conditional(templar, variables))
        if case['mode'] == 'text':
            env = {k: case[k] for k in ('trim_blocks', 'lstrip_blocks') if k in case}
            return templar.copy_with_new_env(**env).do_template(template, preserve_trailing_newlines=True, escape_backslashes=False)
        return templar.template(template)

    def ask_changed(self, case, changes):
        """As ask, with some changes of changes.py."""
        with contextlib.ExitStack() as stack:
            for change in changes:
                stack.enter_context(change(self.templars[case['native']].environment))
            return self.ask(case)

    def ask(self, case):
        """['ok', repr, type, unsafe], ['undefined' or 'error', message], or None when it gave no answer in time."""
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                return self.answer(case)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        except (TooLong, MemoryError):
            return None

    def answer(self, case):
        try:
            r = self.render(case)
            return ['ok', brief(repr(r)), type(r).__name__, has_unsafe(r)]
        except RecursionError:
            return ['error', 'recursive loop detected']
        except MemoryError:
            return None
        except Exception as e:
            return [kind_of(e), str(e)]

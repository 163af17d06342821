"""Ansible changed in one way each: a chosen difference holds when Ansible, changed as its reason says, and andon agree."""
import ast
import contextlib
import functools
import jinja2.compiler
import jinja2.runtime
import operator
from unittest import mock

from ansible.module_utils.common.text.converters import to_text
from ansible.parsing.yaml.dumper import AnsibleDumper
from ansible.template import AnsibleUndefined
from ansible.utils.unsafe_proxy import AnsibleUnsafeText

SET_FILTERS = ('union', 'intersect', 'difference', 'symmetric_difference')
NUMBER_FILTERS = ('sum', 'int', 'abs', 'pow', 'round', 'human_to_bytes')
OPERATORS = ('__add__', '__radd__', '__mul__', '__rmul__', '__mod__', '__rmod__')
MOST_BYTES, MOST_ITEMS = 64 << 20, 4 << 20
literal_eval = ast.literal_eval


@contextlib.contextmanager
def filters_wrapped(env, names, wrap):
    kept = {name: env.filters[name] for name in names}
    env.filters.update((name, functools.wraps(f)(wrap(f))) for name, f in kept.items())
    try:
        yield
    finally:
        env.filters.update(kept)


@contextlib.contextmanager
def attributes(env, **values):
    """The environment with other attributes of its own."""
    kept = dict(env.__dict__)
    env.__dict__.update(values)
    try:
        yield
    finally:
        env.__dict__.clear()
        env.__dict__.update(kept)


def literals(refuse):
    """literal_eval that gives up where anything in the value is refused."""
    def inside(v):
        return refuse(v) or (any(map(inside, v)) if isinstance(v, (list, tuple, set)) else
                             any(map(inside, (*v, *v.values()))) if isinstance(v, dict) else False)

    def read(text):
        v = literal_eval(text)
        if inside(v):
            raise ValueError
        return v
    return mock.patch.object(ast, 'literal_eval', read)


# --- range, the views of a dict and the sets that filters make are lists

def listed(obj, key, found):
    """A method of a dict, giving a list in place of a view."""
    if not isinstance(obj, dict) or key not in ('items', 'keys', 'values') or not callable(found):
        return found
    return Listing(found)


class Listing:
    def __init__(self, found):
        self.found = found

    def __call__(self, *args):
        return list(self.found(*args))

    def __repr__(self):
        return repr(self.found)


def unset(f):
    """A filter that makes lists where it makes sets: of two that can be hashed."""
    def call(*args):
        sets = all(isinstance(v, (str, tuple)) for v in args[-2:])
        return f(*args[:-2], *map(list, args[-2:])) if sets else f(*args)
    return call


@contextlib.contextmanager
def lists(env):
    item, attr, span = env.getitem, env.getattr, env.globals['range']
    with attributes(env, getitem=lambda obj, key: listed(obj, key, item(obj, key)), getattr=lambda obj, key: listed(obj, key, attr(obj, key)),
                    globals=dict(env.globals, range=lambda *args: list(span(*args)))), \
            filters_wrapped(env, SET_FILTERS, unset):
        yield


# --- what text spells is no set

def no_sets(env):
    return literals(lambda v: isinstance(v, set))


# --- an undefined value is printed as the name of its class

def short_undefined(env):
    return mock.patch.object(AnsibleUndefined, '__repr__', lambda self: 'AnsibleUndefined')


# --- what text spells is no Ellipsis

def no_ellipsis(env):
    return literals(lambda v: v is Ellipsis)


# --- what text spells is text where Python cannot hash it

@contextlib.contextmanager
def hashable_only(env):
    def read(text):
        try:
            return literal_eval(text)
        except TypeError:
            raise ValueError
    with mock.patch.object(ast, 'literal_eval', read):
        yield


# --- integers have 64 bits

def wide(v):
    return type(v) is int and not -2**63 <= v < 2**63


def narrow(f):
    def call(*args, **kwargs):
        r = f(*args, **kwargs)
        if wide(r):
            raise OverflowError('integer result does not fit in 64 bits')
        return r
    return call


@contextlib.contextmanager
def narrow_integers(env):
    binary = {'+': lambda x, y: x + y, '-': lambda x, y: x - y, '*': lambda x, y: x * y, '/': lambda x, y: x / y, '//': lambda x, y: x // y,
              '%': lambda x, y: x % y, '**': lambda x, y: x ** y}
    unary = {'+': lambda x: +x, '-': lambda x: -x}
    with attributes(env, sandboxed=True, intercepted_binops=frozenset(binary), intercepted_unops=frozenset(unary),
                    call_binop=lambda context, op, x, y: narrow(binary[op])(x, y), call_unop=lambda context, op, x: narrow(unary[op])(x),
                    call=lambda context, f, *args, **kwargs: context.call(f, *args, **kwargs)), \
            filters_wrapped(env, NUMBER_FILTERS, narrow), literals(wide):
        yield


# --- texts and lists have limits

def within_limits(f):
    """The operator, refusing large results before they are made where that can be told."""
    def call(x, y):
        many, times = (x, y) if isinstance(y, int) else (y, x)
        if f is operator.mul and isinstance(many, (str, list, tuple)) and isinstance(times, int):
            check_size(many, times)
        r = f(x, y)
        check_size(r, 1)
        return r
    return call


def check_size(v, times):
    if not isinstance(v, (str, list, tuple)) or len(v) * times <= MOST_ITEMS:
        return
    if not isinstance(v, str) or len(v.encode('utf-8', 'replace')) * times > MOST_BYTES:
        raise OverflowError('more than 64 MB or 4194304 items')


def limited(env):
    binary = {'+': within_limits(operator.add), '*': within_limits(operator.mul)}
    return attributes(env, sandboxed=True, intercepted_binops=frozenset(binary), intercepted_unops=frozenset(),
                      call_binop=lambda context, op, x, y: binary[op](x, y), call=lambda context, f, *args, **kwargs: context.call(f, *args, **kwargs))


# --- YAML is written in full

def full_yaml(env):
    return mock.patch.object(AnsibleDumper, 'ignore_aliases', lambda *args: True)


# --- super() and self make a text of whatever a block prints

def joined_blocks(env):
    return mock.patch.object(jinja2.runtime, 'concat', lambda parts: ''.join(map(to_text, parts)))


# --- what is printed is a text from then on

def printed_at_once(env):
    finalize = env.finalize
    return attributes(env, finalize=lambda thing: str(thing) if isinstance(thing, (list, dict)) else finalize(thing))


# --- what an inline if without else leaves is an empty text

def empty_without_else(env):
    return mock.patch.object(jinja2.runtime, 'Undefined', lambda *args, **kwargs: '')


# --- the compiler works nothing out

def data_alone(fold):
    def to_const(self, node, frame, finalize):
        if isinstance(node, jinja2.nodes.TemplateData):
            return fold(self, node, frame, finalize)
        raise jinja2.nodes.Impossible
    return to_const


@contextlib.contextmanager
def unfolded(env):
    with contextlib.ExitStack() as stack:
        stack.enter_context(attributes(env, optimized=False))
        for made in {jinja2.compiler.CodeGenerator, env.code_generator_class}:
            if '_output_child_to_const' in vars(made):
                stack.enter_context(mock.patch.object(made, '_output_child_to_const', data_alone(made._output_child_to_const)))
        yield


# --- unsafe texts refuse an operator that they do not have

def refusing(f):
    def call(*args):
        r = f(*args)
        return NotImplemented if r == 'NotImplemented' else r
    return call


@contextlib.contextmanager
def plain_operators(env):
    with contextlib.ExitStack() as stack:
        for name in OPERATORS:
            stack.enter_context(mock.patch.object(AnsibleUnsafeText, name, refusing(getattr(AnsibleUnsafeText, name))))
        yield

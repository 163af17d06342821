# What andon does not have itself, run by the Ansible installed on this machine: filters, tests, lookups and
# inventory plugins, and the assembling of Python modules. One process serves a whole run; src/plugin/process.c
# starts it and speaks with it. Action plugins, which take their time, run in workers forked from it
# (andon-actions.py); src/plugin/worker.c speaks with those.
#
# Frames on standard input and output: four bytes of length (big endian), then JSON. A request has an "op"; its
# answer is {"ok": value} or {"error": {...}}. While a request is worked on, this side may ask for a variable
# ({"get": name}) or tell a warning or something to print ({"warn": text}, {"display": text}, not answered). Values that JSON does not have are
# {"$andon": type, "v": ...}; codec.c is the other side of encode() and decode().
import ast
import base64
import datetime
import gc
import importlib.util
import io
import json
import os
import signal
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
if sys.path and sys.path[0] == HERE:
    del sys.path[0]  # what lies beside this file is no module of ours

TAG = '$andon'
MAX_FRAME = 256 << 20
SENTINEL = 'andon-arguments-of-the-module'


def open_line():
    """Takes standard input and output for the frames; plugins that print must not get between them."""
    source, sink = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    sys.stdout = os.fdopen(os.dup(2), 'w')
    return os.fdopen(source, 'rb'), os.fdopen(sink, 'wb')


LINE_IN, LINE_OUT = open_line()


PASSED = 3  # descriptors for workers come this way


def part(name):
    """Another file of this program, read when it is first needed."""
    module = sys.modules.get('andon_' + name)
    if module is None:
        spec = importlib.util.spec_from_file_location('andon_' + name, os.path.join(HERE, 'andon-%s.py' % name))
        module = importlib.util.module_from_spec(spec)
        sys.modules['andon_' + name] = module
        spec.loader.exec_module(module)
    return module


def send(message):
    data = json.dumps(message).encode('ascii')
    LINE_OUT.write(struct.pack('>I', len(data)) + data)
    LINE_OUT.flush()


def receive():
    head = LINE_IN.read(4)
    if len(head) < 4:
        sys.exit(0)
    size = struct.unpack('>I', head)[0]
    if size > MAX_FRAME:
        sys.exit(1)
    data = LINE_IN.read(size)
    if len(data) < size:
        sys.exit(0)
    return json.loads(data.decode('utf-8'))


try:
    from ansible import context
    from ansible import constants as C
    from ansible.module_utils.common.collections import ImmutableDict
    from ansible.release import __version__ as ANSIBLE_VERSION
    from ansible.utils.display import Display
except Exception as error:
    send({'fatal': '%s: %s' % (type(error).__name__, error), 'missing': isinstance(error, ImportError),
          'python': sys.executable})
    sys.exit(3)


def show_warning(self, msg, *args, **kwargs):
    send({'warn': str(msg)})


def show_deprecation(self, msg, version=None, removed=False, date=None, collection_name=None, **kwargs):
    send({'deprecated': str(msg)})


def show(self, msg, color=None, stderr=False, screen_only=False, log_only=False, newline=True, *args, **kwargs):
    if not log_only:
        if color and World.color:
            msg = stringc(msg, color)
        send({'display': str(msg), 'error': bool(stderr)})


# What plugins tell the user goes through andon's own output.
Display.warning = show_warning
Display.deprecated = show_deprecation
Display.display = show

context.CLIARGS = ImmutableDict(verbosity=0, check=False, diff=False, timeout=C.DEFAULT_TIMEOUT, private_key_file=None,
                                remote_user=None, connection='ssh', become=False, become_user=None,
                                become_method='sudo', tags=('all',), skip_tags=(), start_at_task=None)

from ansible.errors import AnsibleError, AnsibleLookupError, AnsibleOptionsError, AnsibleUndefinedVariable  # noqa: E402
from ansible.module_utils._text import to_text  # noqa: E402
from ansible.parsing.dataloader import DataLoader  # noqa: E402
from ansible.parsing.vault import VaultLib, VaultSecret  # noqa: E402
from ansible.plugins import loader as plugin_loader  # noqa: E402
from ansible.template import AnsibleUndefined, Templar  # noqa: E402
from ansible.utils.color import stringc  # noqa: E402
from ansible.utils.unsafe_proxy import AnsibleUnsafe, wrap_var  # noqa: E402
from jinja2.exceptions import UndefinedError  # noqa: E402
from jinja2.runtime import Undefined  # noqa: E402
from collections.abc import Iterable, Mapping, Set  # noqa: E402

try:
    from markupsafe import Markup
except ImportError:
    from jinja2 import Markup
try:
    from ansible.utils.native_jinja import NativeJinjaText
except ImportError:
    class NativeJinjaText(str):
        pass
try:
    from ansible.utils.collection_loader import AnsibleCollectionConfig
except ImportError:
    AnsibleCollectionConfig = None
if hasattr(plugin_loader, 'init_plugin_loader'):
    plugin_loader.init_plugin_loader()


# --- values

def tagged(kind, value):
    return {TAG: kind, 'v': value}


def encode_text(value):
    try:
        value.encode('utf-8')
    except UnicodeEncodeError:  # bytes that were no text
        return tagged('raw', base64.b64encode(value.encode('utf-8', 'surrogateescape')).decode('ascii'))
    text = str.__str__(value)
    if isinstance(value, Markup):
        return tagged('markup', text)
    if isinstance(value, NativeJinjaText):
        return tagged('native', text)
    if isinstance(value, AnsibleUnsafe) and '{' in text:
        return tagged('unsafe', text)
    return text


def encode_mapping(value):
    if TAG not in value and all(isinstance(k, str) for k in value):
        return {str(k): encode(v) for k, v in value.items()}
    return tagged('dict', [[encode(k), encode(v)] for k, v in value.items()])


def encode_number(value):
    if isinstance(value, float):
        return value
    return int(value) if -2 ** 63 <= value < 2 ** 63 else tagged('float', repr(float(value)))


def encode_time(value):
    if isinstance(value, datetime.timedelta):
        return tagged('timedelta', (value.days * 86400 + value.seconds) * 1000000 + value.microseconds)
    offset = value.utcoffset()
    return tagged('datetime', [value.year, value.month, value.day, value.hour, value.minute, value.second,
                               value.microsecond, None if offset is None else int(offset.total_seconds())])


def encode(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Undefined):
        return tagged('undefined', getattr(value, '_undefined_hint', None)
                      or "'%s' is undefined" % getattr(value, '_undefined_name', None))
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, (int, float)):
        return encode_number(value)
    if isinstance(value, bytes):
        return tagged('bytes', base64.b64encode(value).decode('ascii'))
    if isinstance(value, Mapping):
        return encode_mapping(value)
    if isinstance(value, tuple):
        return tagged('tuple', [encode(v) for v in value])
    if isinstance(value, (datetime.datetime, datetime.timedelta)):
        return encode_time(value)
    if isinstance(value, Set) and not isinstance(value, type({}.keys())):
        return tagged('set', [encode(v) for v in value])
    if type(value).__name__ == 'AnsibleVaultEncryptedUnicode':
        return encode_text(str(value))
    if isinstance(value, Iterable):
        return [encode(v) for v in value]
    return tagged('text', str(value))


def decode_tagged(kind, value):
    if kind == 'tuple':
        return tuple(decode(v) for v in value)
    if kind == 'dict':
        return {decode(k): decode(v) for k, v in value}
    if kind == 'bytes':
        return base64.b64decode(value)
    if kind == 'raw':
        return base64.b64decode(value).decode('utf-8', 'surrogateescape')
    if kind == 'float':
        return float(value)
    if kind == 'unsafe':
        return wrap_var(value)
    if kind == 'markup':
        return Markup(value)
    if kind == 'undefined':
        return AnsibleUndefined(hint=value)
    if kind == 'timedelta':
        return datetime.timedelta(microseconds=value)
    if kind == 'datetime':
        zone = None if value[7] is None else datetime.timezone(datetime.timedelta(seconds=value[7]))
        return datetime.datetime(*value[:7], tzinfo=zone)
    if kind == 'hostvars':
        return HostVars(value)
    return value


def decode(value):
    if isinstance(value, list):
        return [decode(v) for v in value]
    if isinstance(value, dict):
        if TAG in value:
            return decode_tagged(value[TAG], value.get('v'))
        return {k: decode(v) for k, v in value.items()}
    return value


# --- variables, asked for when a plugin reads them

def ask(request):
    """Asks the controller. To answer it may have to template something that needs us: requests nest."""
    send(request)
    while True:
        message = receive()
        if 'op' not in message:
            return message
        answer(message)


class Vars(dict):
    """The variables of the host at hand (or of another one). Nothing is fetched before it is read."""

    def __init__(self, host=None):
        dict.__init__(self)
        self.host = host
        self.known = {}
        self.own = set()

    def fetch(self, name):
        if not isinstance(name, str):
            return False, None
        if name not in self.known:
            answer = ask({'get': name, 'host': self.host})
            self.known[name] = (answer['found'], decode(answer.get('value')))
        return self.known[name]

    def __getitem__(self, name):
        found, value = self.fetch(name)
        if not found:
            raise KeyError(name)
        return value

    def __contains__(self, name):
        return self.fetch(name)[0]

    def __iter__(self):
        names = dict.fromkeys(ask({'names': True, 'host': self.host})['names'])
        names.update(dict.fromkeys(self.own))
        return iter(names)

    def __len__(self):
        return len(list(iter(self)))

    def __bool__(self):
        return True

    # what is set here stays here
    def __setitem__(self, name, value):
        self.known[name] = (True, value)
        self.own.add(name)

    def __delitem__(self, name):
        if name not in self:
            raise KeyError(name)
        self.known[name] = (False, None)
        self.own.discard(name)

    def update(self, *args, **kwargs):
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def setdefault(self, name, default=None):
        if name not in self:
            self[name] = default
        return self[name]

    def pop(self, name, *default):
        if name not in self:
            if default:
                return default[0]
            raise KeyError(name)
        value = self[name]
        del self[name]
        return value

    def get(self, name, default=None):
        found, value = self.fetch(name)
        return value if found else default

    def keys(self):
        return list(iter(self))

    def items(self):
        return [(k, self[k]) for k in self if k in self]

    def values(self):
        return [v for _, v in self.items()]

    def copy(self):
        return dict(self.items())

    def __deepcopy__(self, memo):
        return self.copy()


class HostVars(dict):
    """The variable hostvars."""

    def __init__(self, hosts):
        dict.__init__(self, {h: None for h in hosts})
        self.made = {}

    def __getitem__(self, host):
        if host not in self:
            raise KeyError(host)
        return self.made.setdefault(host, Vars(host))

    def get(self, host, default=None):
        return self[host] if host in self else default

    def items(self):
        return [(h, self[h]) for h in self]

    def values(self):
        return [self[h] for h in self]


# --- what is encrypted

class Kept(VaultSecret):
    """Stands for the passwords, which the controller keeps: it decrypts what we read."""


ansibles_decrypt = VaultLib.decrypt_and_get_vault_id


def decrypt(self, vaulttext, filename=None, *args, **kwargs):
    if not any(isinstance(secret, Kept) for _, secret in self.secrets or []):
        return ansibles_decrypt(self, vaulttext, filename, *args, **kwargs)
    answer = ask({'unvault': to_text(vaulttext, errors='surrogate_or_strict'),
                  'file': to_text(filename) if filename else None})
    if 'failed' in answer:
        raise AnsibleError(answer['failed'])
    return base64.b64decode(answer['plain']), None, None


VaultLib.decrypt_and_get_vault_id = decrypt


# --- the world plugins live in

LOADER = DataLoader()
if 'vault' in sys.argv[1:]:
    LOADER.set_vault_secrets([('default', Kept(b''))])


class World:
    color = False  # of what is displayed
    folders = 0  # how many folders of plugins were told of so far
    variables = Vars()
    templar = Templar(loader=LOADER, variables=variables)


def begin(request):
    """What a request says of the folders that plugins are in, and fresh variables."""
    if 'basedir' in request:
        LOADER.set_basedir(request['basedir'])
    for folder in request.get('playbooks', []):
        if AnsibleCollectionConfig is not None:
            AnsibleCollectionConfig.playbook_paths = list(AnsibleCollectionConfig.playbook_paths or []) + [folder]
    for folder in request.get('folders', []):
        plugin_loader.add_all_plugin_dirs(folder)
        World.folders += 1
    use_variables(Vars())


def use_variables(variables):
    World.variables = variables
    World.templar.available_variables = variables


def environment():
    env = World.templar.environment
    if not hasattr(env, 'filters'):
        raise AnsibleError('this version of Ansible (%s) has no filters to be called from outside' % ANSIBLE_VERSION)
    return env


def jinja_context(env):
    try:
        from ansible.template.vars import AnsibleJ2Vars
        names = AnsibleJ2Vars(World.templar, env.globals)
    except ImportError:
        names = dict(env.globals)
    return env.context_class(env, names, None, {})


# --- operations

def op_has(request):
    """Is there a filter or test of that name? Its file when that is known."""
    env = environment()
    try:
        found = (env.tests if request['kind'] == 'test' else env.filters)[request['name']]
    except Exception as error:
        if isinstance(error, KeyError):
            return {'found': False}
        return {'found': False, 'why': str(getattr(error, 'message', None) or error)}
    code = getattr(found, '__code__', None)
    return {'found': True, 'path': getattr(code, 'co_filename', '')}


def op_filter(request):
    env = environment()
    call = env.call_test if request['op'] == 'test' else env.call_filter
    args = decode(request['args'])
    kwargs = decode(request['kwargs'])
    result = call(request['name'], decode(request['value']), args, kwargs, context=jinja_context(env))
    return encode(result)


def op_lookup(request):
    name = request['name']
    plugin = plugin_loader.lookup_loader.get(name, loader=LOADER, templar=World.templar)
    if plugin is None:
        raise Refused('lookup plugin (%s) not found' % name)
    kwargs = decode(request['kwargs'])
    try:
        result = plugin.run(decode(request['terms']), variables=World.variables, **kwargs)
    except (AnsibleUndefinedVariable, UndefinedError):
        raise
    except (AnsibleOptionsError, AnsibleLookupError) as error:
        raise Refused(str(error))
    except Exception as error:
        raise Refused("An unhandled exception occurred while running the lookup plugin '%s'. Error was a %s, "
                      "original message: %s" % (name, type(error), error), cause=str(error))
    return encode(result)


def split_payload(data):
    """Where in an assembled module its arguments stand as a literal: (from, to), or None."""
    mark = SENTINEL.encode('ascii')
    if data.count(mark) != 1:
        return None
    at = data.index(mark)
    start, end = data.rfind(b'\n', 0, at) + 1, data.find(b'\n', at)
    line = data[start:end if end >= 0 else len(data)]
    equals = line.find(b'=')
    literal = line[equals + 1:].strip()
    try:
        value = ast.literal_eval(literal.decode('utf-8'))
        if not isinstance(value, str) or json.loads(value) != {'ANSIBLE_MODULE_ARGS': {'andon': SENTINEL}}:
            return None
    except (ValueError, SyntaxError):
        return None
    begin_at = start + line.index(literal)
    return begin_at, begin_at + len(literal)


def op_module(request):
    """A Python module with all it imports as one program, with a gap where its arguments go."""
    from ansible.executor.module_common import modify_module
    args = request.get('args') or {'andon': SENTINEL}
    task_vars = {'ansible_python_interpreter': '/usr/bin/python3'}
    templar = Templar(loader=LOADER, variables=task_vars)
    built = modify_module(request['name'], request['path'], args, templar, task_vars=task_vars,
                          module_compression=C.DEFAULT_MODULE_COMPRESSION)
    data, style = (built[0], built[1]) if isinstance(built, tuple) else (built.b_module_data, built.module_style)
    gap = None if request.get('args') else split_payload(data)
    answer = {'style': style, 'data': base64.b64encode(data).decode('ascii'), 'version': ANSIBLE_VERSION}
    if gap:
        answer['gap'] = list(gap)
    return answer


def op_inventory(request):
    """Sources read by Ansible's own inventory plugins, as an inventory script prints them."""
    from ansible.inventory.manager import InventoryManager
    context.CLIARGS = ImmutableDict(context.CLIARGS, extra_vars=(json.dumps(request['extra']),))
    inventory = InventoryManager(loader=LOADER, sources=request['sources'])
    result = {'_meta': {'hostvars': {h.name: encode(h.vars) for h in inventory.hosts.values()}}}
    for group in inventory.groups.values():
        result[group.name] = {
            'hosts': [h.name for h in group.hosts],
            'children': [g.name for g in group.child_groups],
            'vars': encode(group.vars),
        }
    return result


def op_ping(request):
    return ANSIBLE_VERSION


# --- workers

class Printed(io.TextIOBase):
    """What a worker prints, as lines to display: its own output would wait for a reader."""

    def __init__(self, error):
        self.error = error
        self.begun = ''

    def writable(self):
        return True

    def write(self, text):
        *lines, self.begun = (self.begun + text).split('\n')
        for line in lines:
            send({'display': line, 'error': self.error})
        return len(text)

    def finish(self):
        if self.begun:
            self.write('\n')


def become_worker(line):
    """In the new process: speaks over a line of its own, answers one request and ends."""
    global LINE_IN, LINE_OUT
    code = 1
    try:
        LINE_IN.close()
        LINE_OUT.close()
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2, PASSED):
            os.dup2(null, fd)
        LINE_IN, LINE_OUT = os.fdopen(os.dup(line), 'rb'), os.fdopen(line, 'wb')
        sys.stdout, sys.stderr = Printed(False), Printed(True)
        signal.signal(signal.SIGINT, lambda *_: None)  # the controller hears it too, and ends us
        request = receive()
        result = work(request)
        sys.stdout.finish()
        sys.stderr.finish()
        send(result)
        code = 0
    finally:
        os._exit(code)


CHILDREN = set()


def op_fork(request):
    for child in list(CHILDREN):
        if os.waitpid(child, os.WNOHANG)[0]:
            CHILDREN.discard(child)
    with socket.socket(fileno=os.dup(PASSED)) as way:
        _, passed, _, _ = way.recvmsg(1, socket.CMSG_SPACE(4))
    line = struct.unpack('=i', passed[0][2][:4])[0]
    gc.freeze()  # what is there already need not be copied by the worker's collections
    child = os.fork()
    if child == 0:
        become_worker(line)
    gc.unfreeze()
    os.close(line)
    CHILDREN.add(child)
    return child


def op_action(request):
    return part('actions').run(decode(request['request']))


def op_vars(request):
    return part('vars').run(decode(request['request']))


def op_callbacks(request):
    return part('callbacks').start(decode(request['request']))


def op_callback(request):
    return part('callbacks').tell(decode(request['request']))


OPERATIONS = {
    'ping': op_ping,
    'has': op_has,
    'filter': op_filter,
    'test': op_filter,
    'lookup': op_lookup,
    'module': op_module,
    'inventory': op_inventory,
    'vars': op_vars,
    'callbacks': op_callbacks,
    'callback': op_callback,
    'fork': op_fork,
    'action': op_action,
}


class Refused(Exception):
    """An error whose text is the whole message; the cause stands in it, and once more behind it where causes do."""

    def __init__(self, text, cause=None):
        Exception.__init__(self, text)
        self.cause = cause


def failure(error):
    kind = 'other'
    if isinstance(error, (AnsibleUndefinedVariable, UndefinedError)):
        kind = 'undefined'
    elif isinstance(error, Refused):
        kind = 'final'
    elif isinstance(error, TypeError):
        kind = 'type'
    text = getattr(error, 'message', None) if isinstance(error, AnsibleError) else None
    name = '%s.%s' % (type(error).__module__, type(error).__qualname__)
    return {'kind': kind, 'class': name.replace('builtins.', ''), 'msg': str(text or error),
            'cause': getattr(error, 'cause', None)}


def work(request):
    outer = World.variables
    try:
        begin(request)
        result = {'ok': OPERATIONS[request['op']](request)}
    except Exception as error:
        result = {'error': failure(error)}
    use_variables(outer)
    return result


def answer(request):
    send(work(request))


def serve():
    from ansible.module_utils.basic import PASS_VARS
    send({'ready': ANSIBLE_VERSION, 'arguments': sorted(PASS_VARS)})
    while True:
        answer(receive())


if __name__ == '__main__':
    serve()

# Action plugins in a worker: the plugin gets the objects it knows from Ansible (task, connection, play context,
# loader, templar), and what it wants of the host goes back to the controller, which has the connection.
#
# Asked of the controller (src/run/actions/plugin_serve.c), each answered with {"done": {...}}, {"failure": text} or
# {"unreachable": text}:
#   {"exec": command, "input": base64 or null, "become": bool}   done: rc, out and err as base64
#   {"put": path here, "to": path there}, {"fetch": path there, "to": path here}, {"reset": true}
# and with {"result": {...}}:
#   {"module": name, "args": {...}, "async": bool, ...}, {"action": name of one of andon's own, "args": {...}, ...}
import __main__ as server
import base64
import os
import traceback
import uuid

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils._text import to_bytes, to_text
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.play_context import PlayContext
from ansible.playbook.role import Role
from ansible.playbook.task import Task
from ansible.plugins import loader as plugin_loader
from ansible.plugins.action import ActionBase
from ansible.plugins.become import BecomeBase
from ansible.plugins.connection import ConnectionBase
from ansible.template import Templar
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var

try:
    from ansible.errors import AnsibleAction
except ImportError:  # renamed by later versions
    from ansible.errors import AnsibleActionSkip, AnsibleActionFail
    AnsibleAction = (AnsibleActionSkip, AnsibleActionFail)

BECOME_MARK = ': andon-become-%s; ' % uuid.uuid4().hex
NATIVE = set()  # names of actions that andon has itself


def demand(request):
    """The controller's answer to a request about the host, or the exception Ansible has for it."""
    answer = server.ask(request)
    if 'unreachable' in answer:
        raise AnsibleConnectionFailure(server.decode(answer['unreachable']))
    if 'failure' in answer:
        raise AnsibleError(server.decode(answer['failure']))
    return server.decode(answer.get('done', answer.get('result')))


# --- the objects of a plugin

class ActionTask(Task):
    """The task. What Ansible finds out from where it stands, the controller has found out."""

    def __init__(self, *args, **kwargs):
        Task.__init__(self, *args, **kwargs)
        self._place, self._folders = '', []

    def get_path(self):
        return self._place

    def get_search_path(self):
        return list(self._folders)

    def get_dep_chain(self):
        return None

    def copy(self, *args, **kwargs):
        made = Task.copy(self, *args, **kwargs)
        made._place, made._folders = self._place, self._folders
        return made


def searched(collections):
    """Collections that a play names go before the user's own and Ansible's plugins, and hide none of these."""
    names = list(collections or [])
    if names and 'ansible.builtin' not in names and 'ansible.legacy' not in names:
        names.append('ansible.legacy')
    return names or None


def make_task(given, play):
    task = ActionTask()
    task._parent = Block(play=play)
    task._place, task._folders = given['path'], given['search_path']
    if given.get('role'):
        task._role = Role()
        task._role._role_name, task._role._role_path = given['role']['name'], given['role']['path']
    own = {
        'action': given['action'], 'args': given['args'], 'name': given['name'],
        'check_mode': given['check_mode'], 'diff': given['diff'], 'no_log': given['no_log'],
        'async_val': given.get('async', 0), 'poll': given.get('poll', C.DEFAULT_POLL_INTERVAL),
        'environment': [given['environment']] if given.get('environment') else [],
        'delegate_to': given.get('delegate_to'), 'collections': searched(given.get('collections')),
        'timeout': given['timeout'], 'module_defaults': [],
        'tags': given.get('tags') or [], 'vars': given.get('vars') or {},
        'ignore_errors': given.get('ignore_errors', False),
    }
    for name in ('register', 'until', 'retries', 'delay', 'become', 'become_user', 'become_method', 'remote_user',
                 'run_once', 'throttle', 'any_errors_fatal', 'debugger'):
        if given.get(name) is not None:
            own[name] = given[name]
    for name, value in own.items():
        setattr(task, name, value)
    task.resolved_action = given['action']
    task._finalized = True
    return task


def make_context(given, task):
    made = PlayContext()
    become = given.get('become')
    values = {
        'connection': given['connection'], 'remote_addr': given['remote_addr'],
        'remote_user': given.get('remote_user'), 'port': given.get('port'), 'timeout': given['timeout'],
        'private_key_file': given.get('private_key_file'), 'password': given.get('password', ''),
        'check_mode': task.check_mode, 'diff': task.diff, 'no_log': task.no_log, 'executable': C.DEFAULT_EXECUTABLE,
        'become': bool(become),
    }
    if become:
        values['become_method'], values['become_user'] = become['method'], become['user']
        values['become_exe'], values['become_flags'] = become.get('exe'), become.get('flags', '')
        values['become_pass'] = become.get('password', '')
    for name, value in values.items():
        setattr(made, name, value)
    return made


def options_of(plugin, kind, variables, templar):
    """What variables say of a plugin's options."""
    found = {}
    for name in C.config.get_plugin_vars(kind, plugin._load_name):
        if name in variables:
            found[name] = templar.template(variables[name])
    return found


class Become(BecomeBase):
    """Stands for the method by which the controller becomes another user."""

    def __init__(self, given):
        BecomeBase.__init__(self)
        self.name = self._load_name = given['method']
        self.given = {'become_user': given['user'], 'become_exe': given.get('exe'),
                      'become_flags': given.get('flags', ''), 'become_pass': None}

    def get_option(self, option, hostvars=None, playcontext=None):
        if option not in self.given:
            raise KeyError(option)
        return self.given[option]

    def get_options(self, hostvars=None):
        return dict(self.given)

    def set_options(self, task_keys=None, var_options=None, direct=None):
        pass

    def build_become_command(self, cmd, shell):
        return BECOME_MARK + cmd if cmd else cmd


class Connection(ConnectionBase):
    """The connection of the controller. It carries the name of the plugin that Ansible would use, whose options it has."""

    has_pipelining = True
    has_tty = False
    transport = 'ssh'

    def __init__(self, name, *args, **kwargs):
        self.transport = self._load_name = self._original_path = name
        ConnectionBase.__init__(self, *args, **kwargs)
        self._connected = True

    def _connect(self):
        return self

    def matches_name(self, names):
        return self._load_name in [n.rpartition('.')[2] for n in names]

    def get_option(self, option, hostvars=None):
        if option == 'pipelining':
            return True  # nothing has to lie on the host for it
        return ConnectionBase.get_option(self, option, hostvars=hostvars)

    def exec_command(self, cmd, in_data=None, sudoable=True):
        cmd = to_text(cmd, errors='surrogate_or_strict')
        done = demand({
            'exec': server.encode(cmd.replace(BECOME_MARK, '')), 'become': BECOME_MARK in cmd,
            'input': None if not in_data else
            base64.b64encode(to_bytes(in_data, errors='surrogate_or_strict')).decode('ascii')})
        return done['rc'], base64.b64decode(done['out']), base64.b64decode(done['err'])

    def put_file(self, in_path, out_path):
        demand({'put': os.path.abspath(to_text(in_path)), 'to': to_text(out_path)})

    def fetch_file(self, in_path, out_path):
        demand({'fetch': to_text(in_path), 'to': os.path.abspath(to_text(out_path))})

    def reset(self):
        demand({'reset': True})

    def close(self):
        pass


def own_connection(given, context, variables, templar, task):
    name = given['connection']
    plugin_loader.connection_loader.get(name, class_only=True)  # makes its options known
    made = Connection(name, context, os.devnull)
    direct = {'remote_addr': 'remote_addr', 'host': 'remote_addr', 'remote_user': 'remote_user', 'port': 'port',
              'private_key_file': 'private_key_file'}
    known = C.config.get_plugin_options('connection', name)
    made.set_options(var_options=options_of(made, 'connection', variables, templar),
                     direct={o: given.get(k) for o, k in direct.items() if o in known and given.get(k) is not None})
    if given.get('become'):
        made.set_become_plugin(Become(given['become']))
    made._shell.set_options(var_options=options_of(made._shell, 'shell', variables, templar))
    return made


def foreign_connection(given, context, variables, templar, task):
    """A connection plugin of the user's own, with what it and its helpers are to know."""
    name = given['connection']
    made = plugin_loader.connection_loader.get(name, context, os.devnull, task_uuid=task._uuid,
                                               ansible_playbook_pid=to_text(os.getppid()))
    if made is None:
        raise AnsibleError("the connection plugin '%s' was not found" % name)
    keys = task.dump_attrs()
    keys.pop('retries', None)
    keys.update(timeout=context.timeout, remote_user=context.remote_user, port=context.port)
    if context.password:
        keys['password'] = context.password
    become = given.get('become')
    if become:
        plugin = plugin_loader.become_loader.get(become['method'])
        if plugin is None:
            raise AnsibleError("Invalid become method specified, could not find matching plugin: '%s'. " %
                               become['method'])
        made.set_become_plugin(plugin)
        keys.update(become=True, become_user=become['user'], become_pass=become.get('password'),
                    become_exe=become.get('exe'), become_flags=become.get('flags'))
        keys = {k: v for k, v in keys.items() if v is not None or not k.startswith('become_')}
        plugin.set_options(task_keys=keys, var_options=options_of(plugin, 'become', variables, templar))
        context.set_become_plugin(plugin)
    made.set_options(task_keys=keys, var_options=options_of(made, 'connection', variables, templar))
    made._shell.set_options(task_keys=keys, var_options=options_of(made._shell, 'shell', variables, templar))
    return made


# --- what plugins call

def changed_fields(action):
    """The fields of the task as they are now: plugins set them before they call a module."""
    task, env = action._task, {}
    action._compute_environment_string(env)
    return {'check': bool(task.check_mode), 'diff': bool(task.diff), 'no_log': bool(task.no_log),
            'env': server.encode(env)}


def as_result(data):
    for stream in ('stdout', 'stderr'):
        if stream in data and stream + '_lines' not in data:
            data[stream + '_lines'] = (data[stream] or '').splitlines()
    return wrap_var(data)


ansibles_execute_module = ActionBase._execute_module


def execute_module(self, module_name=None, module_args=None, tmp=None, task_vars=None, persist_files=False,
                   delete_remote_tmp=None, wrap_async=False):
    if not isinstance(self._connection, Connection):
        return ansibles_execute_module(self, module_name=module_name, module_args=module_args, task_vars=task_vars,
                                       persist_files=persist_files, wrap_async=wrap_async)
    if self._task.check_mode and not self._supports_check_mode:
        raise AnsibleError('check mode is not supported for this operation')
    args = self._task.args if module_args is None else module_args
    request = {'module': module_name or self._task.action, 'async': bool(wrap_async),
               'args': server.encode({k: v for k, v in args.items() if not str(k).startswith('_ansible_')})}
    request.update(changed_fields(self))
    data = demand(request)
    if data.get('unreachable'):
        raise AnsibleConnectionFailure(data.get('msg', ''))
    if wrap_async:
        data['changed'] = True
    return as_result(data)


def added_vars(given):
    """What a plugin has put among the variables it hands on."""
    if isinstance(given, server.Vars):
        return {k: given[k] for k in given.own}
    ours = server.World.variables
    return {k: v for k, v in (given or {}).items()
            if k in ours.own or k not in ours or (ours.known[k][1] is not v and ours.known[k][1] != v)}


class NativeAction(ActionBase):
    """An action that andon has itself, for plugins that call it."""

    _supports_async = True
    _name = None

    def run(self, tmp=None, task_vars=None):
        request = {'action': self._name, 'args': server.encode(self._task.args),
                   'vars': server.encode(added_vars(task_vars))}
        request.update(changed_fields(self))
        data = demand(request)
        if data.get('unreachable'):
            raise AnsibleConnectionFailure(data.get('msg', ''))
        return as_result(data)


ansibles_get = plugin_loader.action_loader.get


def native_name(name, collections):
    """The name of an action that is andon's, unless the user has one of the same name."""
    space, _, leaf = name.rpartition('.')
    if leaf not in NATIVE or space not in ('', 'ansible.builtin', 'ansible.legacy'):
        return None
    path = plugin_loader.action_loader.find_plugin(name, collection_list=collections)
    theirs = os.path.join(os.path.dirname(plugin_loader.__file__), 'action', '')
    return leaf if path and os.path.abspath(path).startswith(theirs) else None


def get_action(name, *args, **kwargs):
    """The loader's get(): some of Ansible's own actions are andon's here."""
    if isinstance(kwargs.get('connection'), Connection):
        leaf = native_name(name, kwargs.get('collection_list'))
        if leaf:
            kwargs.pop('collection_list', None)
            made = NativeAction(*args, **kwargs)
            made._name = made._load_name = leaf
            return made
    return ansibles_get(name, *args, **kwargs)


# --- running one

def find_handler(task, **objects):
    loader, name, collections = plugin_loader.action_loader, task.action, task.collections
    module = plugin_loader.module_loader.find_plugin_with_context(name, collection_list=collections)
    named = getattr(module, 'action_plugin', None) if module.resolved else None
    space, _, leaf = name.rpartition('.')
    group = leaf.split('_')[0]
    group_name = '%s.%s' % (space, group) if space else group
    if named:
        name = named
    elif loader.has_plugin(name, collection_list=collections):
        pass
    elif group in C.NETWORK_GROUP_MODULES and loader.has_plugin(group_name, collection_list=collections):
        name = group_name
    else:
        name, collections = 'ansible.legacy.normal', None
    handler = ansibles_get(name, task=task, collection_list=collections, **objects)
    if handler is None:
        raise AnsibleError("the handler '%s' was not found" % name)
    return handler


def run_handler(handler, variables):
    try:
        return handler.run(task_vars=variables)
    except AnsibleAction as error:
        return dict(error.result, _andon_final='returned')
    except AnsibleConnectionFailure as error:
        return {'unreachable': True, 'msg': to_text(error), '_andon_final': 'returned'}
    finally:
        handler.cleanup()


class Shared:
    """The loaders, as plugins are handed them."""

    def __getattr__(self, name):
        return getattr(plugin_loader, name)


def prepare(request):
    """The handler of a request's task, with all it needs, and its variables."""
    ActionBase._execute_module = execute_module
    plugin_loader.action_loader.get = get_action
    NATIVE.update(request['native'])
    given = request['context']
    Display().verbosity = given['verbosity']
    variables = server.Vars()
    server.use_variables(variables)
    templar = Templar(loader=server.LOADER, variables=variables)
    play = Play()
    play.name, play._action_groups, play._group_actions = request['play'], {}, {}
    task = make_task(request['task'], play)
    context = make_context(given, task)
    connect = own_connection if given['own_connection'] else foreign_connection
    connection = connect(given, context, variables, templar, task)
    handler = find_handler(task, connection=connection, play_context=context, loader=server.LOADER, templar=templar,
                           shared_loader_obj=Shared())
    return handler, variables


def run(request):
    """The result. What an exception made of it is final: no until, changed_when or failed_when looks at it."""
    try:
        handler, variables = prepare(request)
        result = run_handler(handler, variables)
    except AnsibleError as error:
        result = {'failed': True, 'msg': to_text(getattr(error, 'message', None) or error), '_andon_final': 'raised'}
    except Exception as error:
        result = {'failed': True, 'msg': 'Unexpected failure during module execution: %s' % error, 'stdout': '',
                  'exception': traceback.format_exc(), '_andon_final': 'raised'}
    if not isinstance(result, dict):
        result = {'failed': True, 'msg': "the action plugin returned a %s instead of a dictionary" %
                  type(result).__name__}
    return server.encode(result)

# Callback plugins: the events of a run (src/cli/output_callbacks.c) with the objects that callbacks know from Ansible.
import __main__ as server
import inspect
import os
import time

from ansible import constants as C
from ansible import context
from ansible.executor.stats import AggregateStats
from ansible.executor.task_result import TaskResult
from ansible.inventory.group import Group
from ansible.inventory.host import Host
from ansible.module_utils.common.collections import ImmutableDict
from ansible.playbook.block import Block
from ansible.playbook.play import Play
from ansible.playbook.play_context import PlayContext
from ansible.playbook.role import Role
from ansible.playbook.task import Task
from ansible.plugins.loader import callback_loader
from ansible.utils.display import Display


class Known:
    """What was told of before: callbacks get the same objects again."""

    plugins = []
    stdout = None
    playbook = None
    play = None
    tasks, hosts, groups = {}, {}, {}


# --- which there are

def needs_enabling(plugin):
    return getattr(plugin, 'CALLBACK_NEEDS_ENABLED', getattr(plugin, 'CALLBACK_NEEDS_WHITELIST', False))


def name_of(plugin):
    redirected = getattr(plugin, '_redirected_names', None)
    return redirected[0] if redirected else os.path.splitext(os.path.basename(plugin._original_path))[0]


def wanted():
    """The classes to be used: what is not for the standard output, and enabled where it wants to be."""
    found = [p for p in callback_loader.all(class_only=True)
             if getattr(p, 'CALLBACK_TYPE', '') != 'stdout' and
             (not needs_enabling(p) or name_of(p) in C.CALLBACKS_ENABLED)]
    for name in C.CALLBACKS_ENABLED:
        plugin = callback_loader.get(name, class_only=True)
        if plugin is None:
            Display().warning("Skipping callback plugin '%s', unable to load" % name)
        elif plugin not in found and getattr(plugin, 'CALLBACK_TYPE', '') != 'stdout':
            found.append(plugin)
    return found


def make(plugin):
    try:
        made = plugin()
        made.set_options()
        return made
    except Exception as error:
        Display().warning("Skipping callback '%s', unable to load due to: %s" % (name_of(plugin), error))
        return None


def start(request):
    display = Display()
    display.verbosity = request['verbosity']
    display.columns = request['columns']
    context.CLIARGS = ImmutableDict(dict(context.CLIARGS, **request['options']))
    if request['color']:
        import ansible.utils.color
        ansible.utils.color.ANSIBLE_COLOR = server.World.color = True
    if request.get('stdout'):
        Known.stdout = callback_loader.get(request['stdout'])
        Known.stdout.set_options()
    Known.plugins = [p for p in ([Known.stdout] if Known.stdout else []) + [make(c) for c in wanted()] if p]
    return [getattr(p, '_load_name', '') for p in Known.plugins]


# --- what they are told of

class ShownTask(Task):
    def get_name(self, *args, **kwargs):
        return self._shown

    def get_path(self):
        return self._place

    def get_dep_chain(self):
        return None


def task(given):
    number = given['number']
    made = Known.tasks.get(number)
    if made is None:
        made = Known.tasks[number] = ShownTask()
        made._parent = Block(play=Known.play)
        for name in ('action', 'args', 'name', 'register', 'loop', 'tags', 'vars', 'ignore_errors', 'no_log', 'delegate_to'):
            if given.get(name) is not None:
                setattr(made, name, given[name])
        made.resolved_action = given['action']
        made._place = given['path']
        if given.get('role'):
            made._role = Role()
            made._role._role_name, made._role._role_path = given['role']['name'], given['role']['path']
        made._uuid = 'andon-task-%s' % number
        made._finalized = True
    for name in ('check_mode', 'diff'):
        if given.get(name) is not None:
            setattr(made, name, given[name])
    made._shown = given['shown']
    return made


def host(name):
    made = Known.hosts.get(name)
    if made is None:
        made = Known.hosts[name] = Host(name)
    return made


def task_result(event):
    fields = {'name': event['task']['name'], 'action': event['task']['action'], 'args': event['task'].get('args') or {},
              'ignore_errors': event.get('ignore_errors', False), 'delegate_to': event['task'].get('delegate_to')}
    result = {k: v for k, v in event['result'].items() if not str(k).startswith('_andon_')}
    if event.get('no_log'):
        result['_ansible_no_log'] = True
    return TaskResult(host(event['host']), task(event['task']), result, fields).clean_copy()


class IncludedFile:
    def __init__(self, event):
        self._filename, self._hosts = event['file'], [host(h) for h in event['hosts']]
        self._args, self._vars, self._task, self._is_role = {}, {}, task(event['task']) if 'task' in event else None, False
        if 'item' in event:
            self._vars['_ansible_item_label'] = event['item']


class Playbook:
    def __init__(self, path):
        self._file_name = path
        self._basedir = os.path.dirname(os.path.abspath(path))
        self._entries, self._loader = [], server.LOADER

    def get_plays(self):
        return list(self._entries)


def play_of(event):
    made = Known.play = Play()
    made.name, made.hosts = event['name'], event['hosts']
    made._uuid = 'andon-play-%s' % event['number']
    made.check_mode = event['check']
    made.vars = event['vars']
    made._action_groups, made._group_actions = {}, {}
    if Known.playbook:
        Known.playbook._entries.append(made)
    play_context = PlayContext()
    play_context.check_mode = event['check']
    for plugin in Known.plugins:
        if hasattr(plugin, 'set_play_context'):
            plugin.set_play_context(play_context)
    return made


def stats_of(event):
    made = AggregateStats()
    fields = {'ok': 'ok', 'changed': 'changed', 'unreachable': 'dark', 'failed': 'failures', 'skipped': 'skipped',
              'rescued': 'rescued', 'ignored': 'ignored'}
    for one in event['hosts']:
        made.processed[one['host']] = 1
        for key, field in fields.items():
            if one[key]:
                getattr(made, field)[one['host']] = one[key]
    made.custom = event.get('custom') or {}
    return made


# --- telling them

def arguments(event):
    name = event['event']
    if name == 'v2_playbook_on_start':
        Known.playbook = Playbook(event['path'])
        return (Known.playbook,), {}
    if name == 'v2_playbook_on_play_start':
        return (play_of(event),), {}
    if name == 'v2_playbook_on_stats':
        return (stats_of(event),), {}
    if name == 'v2_playbook_on_include':
        return (IncludedFile(event),), {}
    if name == 'v2_playbook_on_notify':
        handler = ShownTask()
        handler.name = handler._shown = event['handler']
        handler._place, handler._finalized = '', True
        return (handler, host(event['host'])), {}
    if name == 'v2_runner_on_start':
        return (host(event['host']), task(event['task'])), {}
    if 'result' in event:
        more = {'ignore_errors': event['ignore_errors']} if name == 'v2_runner_on_failed' else {}
        return (task_result(event),), more
    if name == 'v2_playbook_on_task_start':
        return (task(event['task']),), {'is_conditional': False}
    return ((task(event['task']),) if 'task' in event else ()), {}


def methods_of(plugin, name):
    """Its method for the event, by the old name where it has none by the new, and the one for all."""
    found = []
    for candidate in (name, name[3:]):
        method = getattr(plugin, candidate, None)
        if method is not None:
            found.append(method)
            break
    any_method = getattr(plugin, 'v2_on_any', None)
    return found + ([any_method] if any_method else [])


def call(method, args, kwargs):
    """Some plugins were written before an event had all its arguments."""
    if method.__name__ == 'v2_playbook_on_start' and 'playbook' not in inspect.signature(method).parameters and \
            not any(p.kind == p.VAR_POSITIONAL for p in inspect.signature(method).parameters.values()):
        args = args[:len(inspect.signature(method).parameters)]
    method(*args, **kwargs)


def tell(event):
    args, kwargs = arguments(event)
    spent = []
    for plugin in Known.plugins:
        if getattr(plugin, 'disabled', False) or (event.get('implicit') and
                                                  not getattr(plugin, 'wants_implicit_tasks', False)):
            continue
        begun = time.monotonic()
        for method in methods_of(plugin, event['event']):
            try:
                call(method, args, kwargs)
            except Exception as error:
                Display().warning("Failure using method (%s) in callback plugin (%s): %s" %
                                  (event['event'], plugin, error))
        spent.append([plugin._load_name, time.monotonic() - begun])
    return spent

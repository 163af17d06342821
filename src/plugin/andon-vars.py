# Vars plugins: variables of a host or group from the user's own plugins. Ansible's host_group_vars is andon's own; what
# the plugins before and after it in Ansible's order give is kept apart, so that the files stay between them.
import __main__ as server

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.inventory.group import Group
from ansible.inventory.host import Host
from ansible.plugins.loader import vars_loader
from ansible.utils.vars import combine_vars

LOADED = {'at': -1, 'plugins': []}


def enabled(plugin):
    """Plugins of collections are there because they are named; others say whether they have to be."""
    name = getattr(plugin, 'ansible_name', None) or plugin._load_name
    if '.' in name and not name.startswith('ansible.'):
        return True
    wanted = getattr(plugin, 'REQUIRES_ENABLED', getattr(plugin, 'REQUIRES_WHITELIST', False))
    names = C.VARIABLE_PLUGINS_ENABLED
    return not wanted or (plugin.matches_name(names) if hasattr(plugin, 'matches_name') else plugin._load_name in names)


def all_plugins():
    if LOADED['at'] != server.World.folders:
        found = list(vars_loader.all())
        for name in C.VARIABLE_PLUGINS_ENABLED:
            plugin = vars_loader.get(name) if name.count('.') >= 2 else None
            if plugin is not None and plugin not in found:
                found.append(plugin)
        LOADED.update(at=server.World.folders, plugins=[p for p in found if enabled(p)])
    return LOADED['plugins']


def runs_now(plugin, of_playbook):
    """Stages: when the inventory has been read (of its sources alone), and when tasks ask for variables."""
    stage = None
    if hasattr(plugin, 'has_option') and plugin.has_option('stage'):
        stage = plugin.get_option('stage')
    if stage is None:
        stage = 'inventory' if C.RUN_VARS_PLUGINS == 'start' else 'task'
    return stage in ('all', 'task') or not of_playbook


def make_entity(given):
    made = Host(given['name']) if given['kind'] == 'host' else Group(given['name'])
    made.vars = dict(given['vars'])
    if given['kind'] == 'host':
        made.groups = [Group(name) for name in ['all'] + given['groups']]
    else:
        made.hosts = [Host(name) for name in given['hosts']]
    return made


def ask_plugin(plugin, path, entity):
    if hasattr(plugin, 'get_vars'):
        return plugin.get_vars(server.LOADER, path, [entity])
    kind = 'get_host_vars' if isinstance(entity, Host) else 'get_group_vars'
    if hasattr(plugin, kind):
        return getattr(plugin, kind)(entity.name)
    raise AnsibleError('Invalid vars plugin %s from %s' % (plugin._load_name, plugin._original_path))


def run(request):
    entity, found, ran = make_entity(request['entity']), {'before': {}, 'after': {}}, []
    where = 'before'
    for plugin in all_plugins():
        if plugin._load_name.rpartition('.')[2] == 'host_group_vars':
            where = 'after'
        elif runs_now(plugin, request['playbook']):
            ran.append(plugin._load_name)
            found[where] = combine_vars(found[where], ask_plugin(plugin, request['path'], entity) or {})
    return server.encode(dict(found, ran=ran))

from ansible.inventory.host import Host
from ansible.plugins.vars import BaseVarsPlugin


class VarsModule(BaseVarsPlugin):
    def get_vars(self, loader, path, entities):
        super().get_vars(loader, path, entities)
        found = {'contested': 'plugin'}
        for entity in entities:
            if isinstance(entity, Host):
                found['of_host'] = [entity.name, sorted(g.name for g in entity.get_groups())]
                found['nested'] = '{{ of_group_all }}'
            else:
                found['of_group_' + entity.name] = entity.name
        return found

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [variables['hostvars'][t]['inventory_hostname'] for t in terms]

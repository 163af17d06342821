from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [self._templar.template(variables[t]) if t in variables else 'none' for t in terms]

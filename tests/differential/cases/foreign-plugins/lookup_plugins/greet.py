from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return ['%s %s' % (kwargs.get('word', 'hi'), t) for t in terms]

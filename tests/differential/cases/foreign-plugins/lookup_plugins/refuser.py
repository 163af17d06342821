from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        if terms[0] == 5:
            raise ValueError('not five')
        raise AnsibleError('no %s today' % terms[0])

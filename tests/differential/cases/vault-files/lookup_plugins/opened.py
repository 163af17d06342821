from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        paths = [self.find_file_in_search_path(variables, 'files', term) for term in terms]
        return [self._loader._get_file_contents(path)[0].decode() for path in paths]

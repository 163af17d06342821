from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Reads an encrypted file in the ways that plugins have."""

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        path = self._find_needle('files', self._task.args['file'])
        data, show = self._loader._get_file_contents(path)
        real = self._loader.get_real_file(path)
        with open(real) as f:
            result['real'] = f.read()
        self._loader.cleanup_tmp_file(real)
        result['contents'] = data.decode()
        result['show'] = show
        result['vars'] = self._loader.load_from_file(self._find_needle('vars', self._task.args['vars']))
        result['inline'] = str(self._loader.load_from_file(self._find_needle('files', self._task.args['inline']))['value'])
        return result

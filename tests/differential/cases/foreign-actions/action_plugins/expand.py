from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        result['path'] = self._remote_expand_user(self._task.args['path'])
        result['exists'] = [self._remote_file_exists('/etc/passwd'), self._remote_file_exists('/nosuch')]
        return result

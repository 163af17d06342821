from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        path = self._task.args['path']
        done = self._low_level_execute_command('echo x >>%s; wc -l <%s' % (path, path))
        result['n'] = int(done['stdout'])
        return result

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        self._supports_async = True
        result = super().run(tmp, task_vars)
        result.update(self._execute_module(module_name=self._task.args['module'], module_args=dict(self._task.args['args']),
                                           task_vars=task_vars, wrap_async=self._task.async_val))
        result.pop('invocation', None)
        result.pop('_ansible_parsed', None)
        return result

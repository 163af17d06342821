from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        result.update(self._execute_module(module_name='acme.site.pair', module_args=dict(x=2), task_vars=task_vars))
        result.pop('invocation', None)
        return result

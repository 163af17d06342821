from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        inner = self._execute_module(task_vars=task_vars)
        result.update(inner={k: inner[k] for k in ('said', 'changed')}, from_args=self._task.args['text'])
        return result

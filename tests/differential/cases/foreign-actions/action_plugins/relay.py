from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        task = self._task.copy()
        task.args = dict(self._task.args['args'])
        variables = dict(task_vars)
        variables.update(self._task.args.get('vars', {}))
        action = self._shared_loader_obj.action_loader.get(
            self._task.args['action'], task=task, connection=self._connection, play_context=self._play_context,
            loader=self._loader, templar=self._templar, shared_loader_obj=self._shared_loader_obj)
        result.update(action.run(task_vars=variables))
        return result

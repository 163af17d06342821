import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _VALID_ARGS = frozenset(('a',))

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        task, context = self._task, self._play_context
        result.update(
            action=task.action, args=task.args, name=task.get_name(), check=task.check_mode, diff=bool(task.diff),
            no_log=task.no_log, tags=task.tags, role=task._role is None, vars=task.vars, delegate=task.delegate_to,
            become=bool(context.become), check_context=context.check_mode, transport=self._connection.transport,
            shell=self._connection._shell.SHELL_FAMILY, loop=task.loop, register=task.register,
            basedir=os.path.basename(self._loader.get_basedir()) != '', found=os.path.basename(self._find_needle('files', 'some.txt')))
        return result

import os

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        result.update(role=self._task._role.get_name(), path=os.path.basename(self._task._role._role_path), changed=False)
        return result

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        names = self._task.args['names']
        result['found'] = [n for n in names if n in task_vars and n != 'role_path']
        result['templated'] = [self._templar.template('{{ %s | default("none") }}' % n) for n in names]
        task_vars['mine'] = 'set here'
        result['mine'] = [task_vars['mine'], task_vars.get('nosuch', 'default'), dict(task_vars)['mine']]
        result['hosts'] = len(task_vars['groups']['all'])
        result['other'] = task_vars['hostvars'][task_vars['groups']['all'][0]]['inventory_hostname'] == task_vars['groups']['all'][0]
        return result

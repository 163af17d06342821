from ansible.errors import AnsibleActionFail, AnsibleActionSkip, AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super(ActionModule, self).run(tmp, task_vars)
        args = self._task.args
        if 'fail' in args:
            raise AnsibleActionFail(args['fail'], result={'where': 'here'})
        if 'skip' in args:
            raise AnsibleActionSkip(args['skip'])
        if 'error' in args:
            raise AnsibleError(args['error'])
        if 'gone' in args:
            raise AnsibleConnectionFailure(args['gone'])
        if 'crash' in args:
            raise ZeroDivisionError('crash')
        if 'fact' in args:
            result['ansible_facts'] = {'my_fact': args['fact']}
        result.update(msg=args['text'], changed=True, kind=type(task_vars).__name__ in ('dict', 'Vars'))
        return result

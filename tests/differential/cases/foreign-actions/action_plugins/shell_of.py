from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        args = self._task.args
        data = args['input'].encode() if 'input' in args else None
        done = self._low_level_execute_command(args['run'], in_data=data, chdir=args.get('chdir'))
        result.update(code=done['rc'], out=done['stdout'].replace('\r', ''), err=done['stderr'].replace('\r', '') if 'err' in done['stderr'] else '', lines=done['stdout_lines'])
        return result

import os
import tempfile

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    TRANSFERS_FILES = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        folder = tempfile.mkdtemp()
        here, back = os.path.join(folder, 'here'), os.path.join(folder, 'back')
        with open(here, 'w') as f:
            f.write(self._task.args['text'])
        there = self._connection._shell.join_path(self._connection._shell.tmpdir, 'there')
        self._transfer_file(here, there)
        self._fixup_perms2((self._connection._shell.tmpdir, there))
        data = self._connection._shell.join_path(self._connection._shell.tmpdir, 'data')
        self._transfer_data(data, {'a': 1})
        result.update(self._execute_module(module_name='ansible.legacy.copy', task_vars=task_vars, module_args=dict(
            src=there, dest=self._task.args['dest'], mode='0640', _original_basename='here', follow=True)))
        self._connection.fetch_file(self._task.args['dest'], back)
        with open(back) as f:
            result['back'] = f.read()
        stat = self._execute_remote_stat(self._task.args['dest'], all_vars=task_vars, follow=True)
        result['stat'] = [stat['exists'], stat['checksum'], stat['mode']]
        result['data'] = self._low_level_execute_command('cat %s' % data)['stdout']
        for name in (here, back):
            os.unlink(name)
        os.rmdir(folder)
        for key in ('src', 'invocation', 'md5sum', 'uid', 'gid'):
            result.pop(key, None)
        return result

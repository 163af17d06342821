#!/usr/bin/python
import os

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(argument_spec=dict(path=dict(type='path', required=True), text=dict(required=True),
                                              mode=dict(type='raw'), password=dict(no_log=True), fail=dict(),
                                              fact=dict(), from_env=dict()),
                           supports_check_mode=True)
    p = module.params
    if p['fail']:
        module.fail_json(msg=p['fail'], hint=[1, None])
    text = p['text'] + os.environ.get(p['from_env'] or '', '')
    before = open(p['path']).read() if os.path.exists(p['path']) else None
    result = dict(changed=before != text, path=p['path'], uid_of_process=os.getuid(), echo=p['password'])
    if module._diff:
        result['diff'] = dict(before=before or '', after=text)
    if p['fact']:
        result['ansible_facts'] = dict(my_fact=p['fact'])
    if before != text and not module.check_mode:
        with open(p['path'], 'w') as f:
            f.write(text)
        if p['mode']:
            os.chmod(p['path'], int(p['mode'], 8))
    module.exit_json(**result)


main()

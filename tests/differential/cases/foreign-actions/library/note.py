#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
m = AnsibleModule(argument_spec=dict(text=dict()))
m.exit_json(changed=True, said=m.params['text'])

#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
m = AnsibleModule(argument_spec=dict(x=dict(type='int')))
m.exit_json(x=m.params['x'])

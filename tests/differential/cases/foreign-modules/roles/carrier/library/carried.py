#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.carried_helper import answer
module = AnsibleModule(argument_spec=dict(n=dict(type='int', default=1)))
module.exit_json(changed=True, answer=answer(module.params['n']))

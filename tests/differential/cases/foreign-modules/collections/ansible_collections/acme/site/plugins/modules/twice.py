#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
from ..module_utils.sums import twice
module = AnsibleModule(argument_spec=dict(n=dict(type='int', required=True)))
module.exit_json(changed=False, twice=twice(module.params['n']))

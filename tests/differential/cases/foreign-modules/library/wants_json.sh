#!/bin/sh
# WANT_JSON
python3 - "$1" <<'P'
import json, sys
args = json.load(open(sys.argv[1]))
print(json.dumps({'changed': True, 'mine': {k: v for k, v in args.items() if not k.startswith('_')},
                  'name': args['_ansible_module_name']}))
P

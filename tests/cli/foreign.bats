#!/usr/bin/env bats
# What runs through the user's own Ansible, where it goes wrong: nothing installed, a process that dies or hangs,
# kinds of plugins that cannot be used.

load helpers

# filters LINE..: a plugin of filters, one "name: function" a line.
filters() {
    mkdir -p filter_plugins
    {
        echo 'import os, sys, time'
        echo 'class FilterModule(object):'
        echo '    def filters(self):'
        echo '        return {'
        printf '            %s,\n' "$@"
        echo '        }'
    } >filter_plugins/mine.py
}

module() {
    mkdir -p library
    cat >"library/$1"
}

python_module() {
    module "$1.py" <<'P'
#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
m = AnsibleModule(argument_spec=dict(text=dict()))
m.exit_json(changed=False, said=m.params['text'])
P
}

# A PATH with what andon itself needs, and neither Ansible nor Python.
bare_path() {
    mkdir -p bin
    for c in sh cat ssh env id uname sha256sum mkdir rm mv chmod; do ln -sf "$(command -v $c)" bin/; done
    export PATH=$PWD/bin
}

@test "a module, a filter and a lookup are run, and named in the recap with their cost" {
    python_module say
    filters "'shout': lambda v: v.upper()"
    play <<<'- say: {text: "{{ item | shout }}"}
  loop: [a, b]'
    run -0 andon run -i hosts site.yml
    [[ $output =~ through\ your\ Ansible:\ module\ say\ \(2\ times,\ [0-9.]+s\),\ filter\ shout\ \(2\ times ]] || has "through your Ansible"
    run -0 andon run --output json -i hosts site.yml
    has '"kind": "module", "name": "say", "count": 2'
}

@test "nothing of the kind starts no Python" {
    play <<<'- debug: {msg: "{{ [1] | map(\"string\") | list }}"}'
    export ANDON_PYTHON=/nonexistent
    run -0 andon run -i hosts site.yml
}

@test "without Ansible a Python module is one error before any host is touched" {
    python_module say
    play <<'Y'
- command: touch ran
- say: {text: x}
Y
    bare_path
    run -4 andon run -i hosts site.yml
    has "site.yml:5:7: error: the module 'say' ($PWD/library/say.py) is not part of andon and needs Ansible on this machine, which is not installed; install it (Debian: apt install ansible-core)"
    [ ! -e ran ]
}

@test "without Ansible a filter says what is missing" {
    filters "'shout': lambda v: v.upper()"
    play <<<'- debug: {msg: "{{ \"a\" | shout }}"}'
    bare_path
    run -2 andon run -i hosts site.yml
    has "the filter 'shout' is not part of andon and needs Ansible on this machine, which is not installed; install it (Debian: apt install ansible-core)"
}

@test "a Python without Ansible is no Ansible" {
    python_module say
    play <<<'- say: {text: x}'
    bare_path
    printf '#!/bin/sh\nexec /usr/bin/python3 -S -E "$@"\n' >bin/python3
    /bin/chmod +x bin/python3
    run -4 andon run -i hosts site.yml
    has "needs Ansible on this machine, which is not installed"
}

@test "a module in shell needs no Ansible" {
    module tell.sh <<'S'
#!/bin/sh
. "$1"
echo "{\"changed\": true, \"msg\": \"$a\"}"
S
    play <<<'- tell: a="it works"'
    bare_path
    run -0 andon run -v -i hosts site.yml
    has "1 changed"
}

@test "a Python process that dies is an error of the task that used it, and the run goes on" {
    filters "'die': lambda v: os.kill(os.getpid(), 9)" "'shout': lambda v: v.upper()"
    play <<'Y'
- debug: {msg: "{{ 'a' | die }}"}
  ignore_errors: true
- debug: {msg: "{{ 'alive' | shout }}"}
Y
    run -0 andon run -i hosts site.yml
    has "the Python process ended with signal 9 while it worked on the filter 'die'"
    has "ALIVE"
}

@test "the last words of a process that exits are told" {
    filters "'leave': lambda v: (sys.stderr.write('no more\\n'), sys.stderr.flush(), os._exit(5))"
    play <<<'- debug: {msg: "{{ 1 | leave }}"}'
    run -2 andon run -i hosts site.yml
    has "the Python process ended with status 5 while it worked on the filter 'leave': no more"
}

@test "a process that dies again and again is not started for ever" {
    filters "'die': lambda v: os._exit(1)"
    play <<'Y'
- debug: {msg: "{{ 1 | die }}"}
  ignore_errors: true
  loop: "{{ range(9) | list }}"
Y
    run -0 andon run -i hosts site.yml
    has "ended 5 times and is not started again"
}

@test "a plugin that hangs is ended" {
    filters "'wait': lambda v: time.sleep(1000)" "'shout': lambda v: v.upper()"
    play <<'Y'
- debug: {msg: "{{ 1 | wait }}"}
  ignore_errors: true
- debug: {msg: "{{ 'alive' | shout }}"}
Y
    ANDON_PLUGIN_TIMEOUT=2 run -0 timeout 60 "$ANDON" run -i hosts site.yml
    has "the filter 'wait' took longer than 2 s and was ended (ANDON_PLUGIN_TIMEOUT sets the limit)"
    has "ALIVE"
}

@test "variables that need plugins themselves are fetched, and may kill the process" {
    filters "'die': lambda v: os.kill(os.getpid(), 9)" "'shout': lambda v: v.upper()"
    mkdir -p lookup_plugins
    cat >lookup_plugins/of.py <<'P'
from ansible.plugins.lookup import LookupBase
class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return [variables['hostvars'][t].get(kwargs['which'], 'none') for t in terms]
P
    cat >>hosts <<'I'
[all:vars]
loud="{{ 'low' | shout }}"
deadly="{{ 'x' | die }}"
I
    play <<'Y'
- debug: {msg: "{{ lookup('of', 'h2', which='loud') }}"}
- debug: {msg: "{{ lookup('of', 'h2', which='deadly') }}"}
  ignore_errors: true
- debug: {msg: "{{ 'alive' | shout }}"}
Y
    run -0 timeout 60 "$ANDON" run -i hosts site.yml
    has "LOW"
    has "the Python process ended"
    has "ALIVE"
}

@test "plugins that print, read and write a lot do not disturb the talk" {
    filters "'noise': lambda v: (print('x' * 100000), sys.stderr.write('y' * 300000), len(sys.stdin.read() + v))[2]"
    play <<'Y'
- debug: {msg: "{{ ('z' * 300000) | noise }}"}
Y
    run -0 timeout 60 "$ANDON" run -i hosts site.yml
    has "300000"
}

@test "a plugin file that does not parse is told" {
    mkdir -p filter_plugins
    printf 'def broken(:\n# "shout"\n' >filter_plugins/mine.py
    play <<<'- debug: {msg: "{{ 1 | shout }}"}'
    run -2 andon run -i hosts site.yml
    has "mine.py"
    has "shout"
}

@test "a task whose module has an action plugin fails, with its place; one that is skipped does not" {
    python_module say
    mkdir -p action_plugins
    echo 'class ActionModule: pass' >action_plugins/say.py
    play <<<'- {say: {text: x}, when: false}'
    run -0 andon run -i hosts site.yml
    has "warning: the module 'say' has a part that runs on the controller"
    has "the action plugin $PWD/action_plugins/say.py"
    play <<<'- say: {text: x}'
    run -2 andon run -i hosts site.yml
    has "at site.yml:4:7"
    has "the action plugin $PWD/action_plugins/say.py"
}

@test "a Windows module is refused" {
    module win_thing.ps1 <<<'#Requires -Module Ansible.ModuleUtils.Legacy'
    play <<<'- win_thing: {a: b}'
    run -2 andon run -i hosts site.yml
    has "is written for Windows"
}

@test "a module of a collection that is not there names the collection" {
    play <<<'- nobody.nothing.thing: {a: b}'
    run -4 andon run -i hosts site.yml
    has "couldn't resolve module/action 'nobody.nothing.thing': it belongs to the collection nobody.nothing, which is not installed (try: ansible-galaxy collection install nobody.nothing)"
}

@test "a connection plugin that is not built in is named" {
    play <<<'- ping:'
    printf 'h1 ansible_connection=docker\n' >hosts
    run -2 andon run -i hosts site.yml
    has "connection"
    has "docker"
}

@test "an inventory plugin reads a source, with those before it" {
    cat >more.yml <<'Y'
plugin: ansible.builtin.constructed
compose: {size: inventory_hostname | length}
groups: {first: "'1' in inventory_hostname"}
Y
    play <<<'- debug: {msg: "{{ size }} {{ group_names | join(\",\") }}"}'
    run -0 andon run -i hosts -i more.yml site.yml
    has "2 first,web"
    bare_path
    run andon run -i hosts -i more.yml site.yml
    has "needs Ansible on this machine"
}

@test "callback plugins are warned of, vars plugins refused" {
    play <<<'- ping:'
    ANSIBLE_CALLBACKS_ENABLED=ansible.posix.profile_tasks run -0 andon run -i hosts site.yml
    has "the callback plugin ansible.posix.profile_tasks"
    mkdir -p vars_plugins
    echo >vars_plugins/mine.py
    ANSIBLE_VARS_ENABLED=host_group_vars,mine run -1 andon run -i hosts site.yml
    has "the vars plugin mine ($PWD/vars_plugins/mine.py)"
    run -0 andon run -i hosts site.yml
    has "the vars plugin $PWD/vars_plugins/mine.py is not run"
}

@test "no secret of a module's arguments stays in a file" {
    python_module say
    module marked.py <<'P'
#!/usr/bin/python3
import json
json.loads(r'''<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>''')
print('{"changed": false}')
P
    play <<'Y'
- say: {text: canary-7f3a}
- marked: {text: canary-7f3a}
Y
    export TMPDIR=$PWD/tmp
    mkdir tmp
    run -0 andon run -i hosts site.yml
    run -1 grep -r canary-7f3a "$HOME" "$TMPDIR"
    echo "$output"
    [ -n "$(ls "$HOME/.cache/andon")" ]
}

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

@test "a host cannot say how it is reached" {
    module tell.sh <<'S'
#!/bin/sh
echo '{"changed": false, "ansible_facts": {"ansible_host": "else.example", "ansible_become_exe": "/tmp/own",
    "ansible_python_interpreter": "/tmp/own", "ansible_ssh_host_key_rsa_public": "AAAA", "ansible_said": "yes"}}'
S
    play <<'Y'
- tell:
- debug: {msg: "{{ ansible_host }} {{ ansible_become_exe | default('none') }} {{ ansible_python_interpreter | default('none') }}"}
- debug: {msg: "{{ ansible_said }} {{ ansible_ssh_host_key_rsa_public }}"}
Y
    printf 'h1 ansible_connection=local ansible_host=here.example\n' >hosts
    printf '[defaults]\nfact_caching=jsonfile\nfact_caching_connection=cache\n' >ansible.cfg
    run -0 andon run -i hosts site.yml
    has "here.example none none"
    has "yes AAAA"
    has "Removed restricted key from module data: ansible_become_exe"
    sed -i '/^ *- tell:$/d' site.yml
    sed -i 's|{|{"ansible_connection": "ssh", "ansible_host": "else.example", |' cache/h1
    run -0 andon run -i hosts site.yml
    has "here.example none none"
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
    for _ in {1..9}; do
        printf '%s\n' '- debug: {msg: "{{ 1 | die }}"}' '  ignore_errors: true'
    done | play
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

# action NAME: an action plugin whose run() is the text on standard input; result is there, and to be returned.
action() {
    mkdir -p action_plugins
    {
        echo 'import os, sys, time'
        echo 'from ansible.plugins.action import ActionBase'
        echo 'class ActionModule(ActionBase):'
        echo '    def run(self, tmp=None, task_vars=None):'
        echo '        result = super().run(tmp, task_vars)'
        sed 's/^/        /'
        echo '        return result'
    } >"action_plugins/$1.py"
}

@test "an action plugin runs, reaches its host through our connection, and is named in the recap" {
    action say <<'P'
done = self._low_level_execute_command('echo $((40 + 2)); id -un')
result['msg'] = '%s %s %s' % (self._task.args['text'], done['stdout'].splitlines()[0], task_vars['inventory_hostname'])
result['changed'] = True
P
    play <<<'- {say: {text: "{{ 1 + 1 }}"}, register: said}
- debug: {var: said.msg}'
    run -0 andon run -i hosts site.yml
    has "2 42 h1"
    [[ $output =~ through\ your\ Ansible:\ action\ say\ \([0-9]+\ time ]] || has "through your Ansible: action say"
}

@test "without Ansible an action plugin is one error before any host is touched" {
    action say <<<'pass'
    play <<'Y'
- command: touch ran
- say: {text: x}
Y
    bare_path
    run -4 andon run -i hosts site.yml
    has "the action 'say' ($PWD/action_plugins/say.py) is not part of andon and needs Ansible on this machine"
    [ ! -e ran ]
}

@test "a module called by an action plugin is ours where we have it, and needs no Python on the host" {
    action made <<'P'
result.update(self._execute_module(module_name='file', module_args=dict(path=self._task.args['path'], state='directory'), task_vars=task_vars))
P
    play <<<'- made: {path: "{{ playbook_dir }}/made"}'
    printf 'h1 ansible_connection=local ansible_python_interpreter=/nonexistent\n' >hosts
    run -0 andon run -i hosts site.yml
    [ -d made ]
    has "1 changed"
    run -0 andon run -i hosts site.yml
    has "0 changed"
}

@test "an action plugin that dies, hangs or gives nonsense is the failure of its task" {
    action die <<<'os.kill(os.getpid(), 9)'
    action hang <<<'time.sleep(1000)'
    action odd <<<'result = 5'
    play <<'Y'
- {die: {}, ignore_errors: true}
- {hang: {}, timeout: 2, ignore_errors: true}
- {odd: {}, ignore_errors: true}
- debug: {msg: alive}
Y
    run -0 timeout 60 "$ANDON" run -i hosts site.yml
    has "the Python process ended while it worked on the action plugin 'die'"
    has "The hang action failed to execute in the expected time frame (2) and was terminated"
    has "the action plugin returned a int instead of a dictionary"
    has "alive"
    run -1 pgrep -f "time.sleep.*$PWD"
}

@test "action plugins of several hosts run side by side" {
    action meet <<'P'   # each waits for the others
line = 'touch %s; for i in $(seq 300); do [ $(ls met-* | wc -l) = 3 ] && exit 0; sleep 0.1; done; exit 1'
result['rc'] = self._low_level_execute_command(line % ('met-' + task_vars['inventory_hostname']))['rc']
P
    printf 'm%d ansible_connection=local\n' 1 2 3 >hosts
    printf -- '- hosts: all\n  gather_facts: false\n  tasks: [{meet: {}}]\n' >site.yml
    run -0 andon run -i hosts site.yml
    has "3 ok"
}

@test "what an action plugin prints is shown, its warnings too" {
    action talk <<'P'
print('a line')
sys.stdout.write('no end')
self._display.display('displayed')
self._display.warning('watch out')
P
    play <<<'- talk:'
    run -0 andon run -i hosts site.yml
    has "a line"
    has "no end"
    has "displayed"
    has "watch out"
}

@test "an interrupt ends an action plugin" {
    action hang <<<"open('$PWD/began', 'w').close(); time.sleep(1000)"
    play <<<'- hang:'
    "$ANDON" run -i hosts site.yml >out 2>&1 3>&- &
    local pid=$! i
    for ((i = 0; i < 300; i++)); do [ ! -e began ] || break; sleep 0.1; done
    [ -e began ]
    kill -INT "$pid"
    wait "$pid" || true
    run cat out
    has "interrupted"
}

@test "a module of the user's own runs in the background" {
    python_module say
    module wait.sh <<'S'
#!/bin/sh
. "$1"
sleep 1
echo "{\"changed\": true, \"msg\": \"$a\"}"
S
    play <<'Y'
- {say: {text: first}, async: 20, poll: 1, register: said}
- debug: {msg: "{{ said.said }} {{ said.finished }}"}
- {wait: a="it works", async: 20, poll: 0, register: started}
- {async_status: {jid: "{{ started.ansible_job_id }}"}, register: done, until: done.finished, retries: 30, delay: 1}
- debug: {msg: "{{ done.msg }} {{ done.changed }}"}
Y
    run -0 timeout 60 "$ANDON" run -i hosts site.yml
    has "first 1"
    has "it works True"
}

@test "what a background module prints beside its result is told as Ansible's wrapper does" {
    module odd.sh <<'S'
#!/bin/sh
. "$1"
echo to stderr >&2
[ "$how" = broken ] || echo '{"changed": true}'
[ "$how" = junk ] && echo junk behind
[ "$how" != broken ] || { echo no result; exit 1; }
S
    play <<'Y'
- {odd: how=junk, async: 20, poll: 1, register: junk}
- {odd: how=broken, async: 20, poll: 1, register: broken, ignore_errors: true}
- debug: {msg: "{{ junk.changed }} {{ junk.stderr | trim }} {{ junk.warnings[0] }}"}
- debug: {msg: "{{ broken is failed }} {{ broken.stderr | trim }} {{ broken.data | trim }} {{ broken.finished }}"}
Y
    run -0 timeout 60 "$ANDON" run -i hosts site.yml
    has "True to stderr Module invocation had junk after the JSON data: junk behind"
    has "True to stderr no result 1"
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

@test "a connection plugin of the user's own reaches its hosts" {
    mkdir -p connection_plugins
    cat >connection_plugins/through.py <<'P'
from ansible.plugins.connection.local import Connection as Local
DOCUMENTATION = """
name: through
short_description: the local connection, told of
description: [the local connection, told of]
options:
  note:
    description: [a file that commands are noted in]
    vars: [{name: through_note}]
"""
class Connection(Local):
    transport = 'through'
    def exec_command(self, cmd, in_data=None, sudoable=True):
        open(self.get_option('note'), 'a').write('ran\n')
        return super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
P
    printf 'h1 ansible_connection=through through_note=%s/note ansible_python_interpreter=/usr/bin/python3 ansible_async_dir=%s/jobs\n' "$PWD" "$PWD" >hosts
    play <<'Y'
- {command: echo $((1)), register: said}
- debug: {msg: "{{ said.stdout }}"}
- copy: {content: "text\n", dest: "{{ playbook_dir }}/copied"}
- {command: echo later, async: 20, poll: 1, register: late}
- debug: {msg: "{{ late.stdout }} {{ late.finished }}"}
Y
    run -0 andon run -i hosts site.yml
    has "3 changed"
    has "later 1"
    [ -s note ]
    [ "$(cat copied)" = text ]
    [[ $output =~ connection\ through\ \([0-9]+\ times ]] || has "connection through"
    export ANSIBLE_GATHERING=explicit
    run -0 andon "do" -i hosts h1 -m setup -a filter=ansible_system
    has "Linux"
}

# A callback plugin that writes what it is told of into the file events.
recorder() {
    mkdir -p callback_plugins
    cat >callback_plugins/recorder.py <<'P'
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'notification'
    CALLBACK_NAME = 'recorder'
    def note(self, *words):
        with open('events', 'a') as f:
            f.write(' '.join(str(w) for w in words) + '\n')
    def v2_playbook_on_start(self, playbook):
        self.note('start', playbook._file_name.rpartition('/')[2])
    def v2_playbook_on_play_start(self, play):
        self.note('play', play.get_name())
    def v2_playbook_on_task_start(self, task, is_conditional):
        self.note('task', task.get_name(), task.action, task.get_path().rpartition('/')[2])
    def v2_runner_on_ok(self, result):
        self.note('ok', result._host.get_name(), result._task.get_name(), result._result.get('msg'), result.is_changed())
    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.note('failed', result._host, result._result['msg'], ignore_errors)
    def v2_runner_on_skipped(self, result):
        self.note('skipped', result.task_name)
    def v2_runner_item_on_ok(self, result):
        self.note('item', result._result['item'])
    def v2_playbook_on_notify(self, handler, host):
        self.note('notify', handler.get_name(), host.name)
    def v2_playbook_on_handler_task_start(self, task):
        self.note('handler', task.get_name())
    def v2_playbook_on_stats(self, stats):
        for host in sorted(stats.processed):
            self.note('stats', host, sorted(stats.summarize(host).items()))
        self._display.display('seen by the recorder')
P
}

recorded_play() {
    play <<'Y'
- {name: say it, debug: {msg: hello}}
- {name: leave it, debug: {msg: hello}, when: false}
- {name: often, debug: {msg: "{{ item }}"}, loop: [a, b]}
- {name: lose, fail: {msg: no luck}, ignore_errors: true}
- {name: secret, debug: {msg: canary-7f3a}, no_log: true}
- {name: change, command: echo, notify: tidy}
Y
    printf '  handlers: [{name: tidy, debug: {msg: tidied}}]\n' >>site.yml
}

@test "callback plugins are told of the run, as Ansible tells them" {
    recorder
    recorded_play
    run -0 andon run -i hosts site.yml
    has "seen by the recorder"
    [[ $output =~ through\ your\ Ansible:\ callback\ recorder\ \([0-9]+\ times ]] || has "callback recorder"
    mv events ours
    run -1 grep canary ours
    ANSIBLE_LOCALHOST_WARNING=0 ansible-playbook -i hosts site.yml >/dev/null 2>&1
    diff events ours
}

@test "callbacks that want to be enabled are, and one that fails is told of" {
    recorder
    sed -i "s/    CALLBACK_NAME = .*/&\n    CALLBACK_NEEDS_ENABLED = True/" callback_plugins/recorder.py
    recorded_play
    run -0 andon run -i hosts site.yml
    [ ! -e events ]
    sed -i "s/self.note('start'.*/raise ValueError('broken')/" callback_plugins/recorder.py
    ANSIBLE_CALLBACKS_ENABLED=recorder run -0 andon run -i hosts site.yml
    grep stats events
    has "Failure using method (v2_playbook_on_start) in callback plugin"
    ANSIBLE_CALLBACKS_ENABLED=nosuch.at.all run -0 andon run -i hosts site.yml
    has "Skipping callback plugin 'nosuch.at.all', unable to load"
}

@test "a stdout callback of the user's own prints in our place, when called as ansible-playbook" {
    recorder
    sed -i "s/'notification'/'stdout'/; s/events', 'a'/events', 'a'/" callback_plugins/recorder.py
    recorded_play
    ln -s "$ANDON" ansible-playbook
    ANDON_NODE=${ANDON_NODE:-$(dirname "$ANDON")/andon-node} ANSIBLE_STDOUT_CALLBACK=recorder run -0 ./ansible-playbook -i hosts site.yml
    [ "$(grep -v "ASan doesn.t fully support makecontext" <<<"$output")" = "seen by the recorder" ]
    grep 'ok h1 say it hello' events
    ANSIBLE_STDOUT_CALLBACK=recorder run -0 andon run -i hosts site.yml
    has "the callback plugin recorder ($PWD/callback_plugins/recorder.py) of the setting stdout_callback does not print: andon has its own output"
    has "1 changed"
}

@test "vars plugins give variables of hosts and groups" {
    mkdir -p vars_plugins host_vars
    cat >vars_plugins/mine.py <<'P'
from ansible.plugins.vars import BaseVarsPlugin
from ansible.inventory.host import Host
class VarsModule(BaseVarsPlugin):
    def get_vars(self, loader, path, entities):
        super().get_vars(loader, path, entities)
        found = {}
        for entity in entities:
            kind = 'host' if isinstance(entity, Host) else 'group'
            found['of_%s_%s' % (kind, entity.name)] = entity.vars.get('colour', 'none')
            found['both'] = kind
        return found
P
    printf 'h1 ansible_connection=local colour=red\n[web]\nh1\n' >hosts
    echo 'from_file: "{{ of_host_h1 }}"' >host_vars/h1.yml
    play <<<'- debug: {msg: "{{ of_host_h1 }} {{ of_group_web }} {{ of_group_all }} {{ both }} {{ from_file }}"}'
    run -0 andon run -i hosts site.yml
    has "red none none host red"
    [[ $output =~ vars\ mine\ \([0-9]+\ times ]] || has "vars mine"
    sed -i 's/^class.*/&\n    REQUIRES_ENABLED = True/' vars_plugins/mine.py
    run -2 andon run -i hosts site.yml
    has "'of_host_h1' is undefined"
    ANSIBLE_VARS_ENABLED=host_group_vars,mine run -0 andon run -i hosts site.yml
    has "red none none host red"
    ANSIBLE_VARS_ENABLED=host_group_vars,nosuch run -1 andon run -i hosts site.yml
    has "the vars plugin nosuch of the setting vars_plugins_enabled was not found"
    bare_path
    run -1 andon run -i hosts site.yml
    has "vars plugins is not part of andon and needs Ansible on this machine"
}

@test "a lookup of the user's own hides ours of the same name" {
    mkdir -p lookup_plugins
    cat >lookup_plugins/env.py <<'P'
from ansible.plugins.lookup import LookupBase
class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        return ['theirs %s' % t for t in terms]
P
    play <<<'- debug: {msg: "{{ lookup(\"env\", \"HOME\") }} {{ lookup(\"ansible.builtin.env\", \"SHELL_OF\") }}."}'
    export SHELL_OF=ours
    run -0 andon run -i hosts site.yml
    has "theirs HOME ours."
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

#!/usr/bin/env bats
# The mistakes a newcomer makes: one clear message each, with the place and what was probably meant.

load helpers

@test "an unknown module is named with its place and the nearest one" {
    play <<<'- coppy: {dest: /tmp/x}'
    run -4 andon run -i hosts site.yml
    has "site.yml:4:7: error:"
    has "coppy"
    has "copy"
}

@test "a misspelt parameter is found before anything runs" {
    play <<'Y'
- command: touch ran
- copy: {dset: /tmp/x, content: y}
Y
    run -4 andon run -i hosts site.yml
    has "site.yml:5:14: error: module 'copy' has no parameter 'dset' (did you mean 'dest'?)"
    [ ! -e ran ]
}

@test "a missing parameter is found before anything runs" {
    play <<<'- copy: {content: y}'
    run -4 andon run -i hosts site.yml
    has "module 'copy' needs the parameter 'dest'"
}

@test "parameters in blocks, handlers and roles are looked at too" {
    mkdir -p roles/r/tasks
    echo '- file: {pth: /tmp/x}' >roles/r/tasks/main.yml
    printf -- '- hosts: h1\n  roles: [r]\n' >site.yml
    run -4 andon run -i hosts site.yml
    has "roles/r/tasks/main.yml:1:10: error: module 'file' has no parameter 'pth' (did you mean 'path'?)"
}

@test "arguments that are a template are left alone" {
    play <<'Y'
- debug: "{{ {'msg': 'hello'} }}"
Y
    run -0 andon run -i hosts site.yml
    has hello
}

@test "wrong indentation says so with its place" {
    printf -- '- hosts: h1\n  tasks:\n    - debug: msg=x\n     name: wrong\n' >site.yml
    run -4 andon run -i hosts site.yml
    has "site.yml:4:6: error:"
    has "indentation"
}

@test "a value that begins with braces must be quoted" {
    printf -- '- hosts: h1\n  tasks:\n    - debug:\n        msg: {{ x }}\n' >site.yml
    run -4 andon run -i hosts site.yml
    has "must be in quotes"
}

@test "a misspelt keyword of a task or a play" {
    play <<'Y'
- debug: msg=x
  wehn: true
Y
    run -4 andon run -i hosts site.yml
    has "did you mean 'when'"
    printf -- '- hosts: h1\n  taks: []\n' >site.yml
    run -4 andon run -i hosts site.yml
    has "site.yml:2:3: error: 'taks' is not a valid attribute for a Play"
}

@test "an undefined variable is named with the task's place" {
    play <<<'- debug: {msg: "{{ nosuch }}"}'
    run -2 andon run -i hosts site.yml
    has "'nosuch' is undefined"
    has "site.yml:4:"
}

@test "a missing playbook, role, file, and inventory" {
    run -1 andon run -i hosts nosuch.yml
    has nosuch.yml
    printf -- '- hosts: h1\n  roles: [nosuch]\n' >site.yml
    run -1 andon run -i hosts site.yml
    has "nosuch"
    play <<<'- copy: {src: nosuch.txt, dest: /tmp/x}'
    run -2 andon run -i hosts site.yml
    has "nosuch.txt"
    play <<<'- debug: msg=x'
    run andon run -i nosuch site.yml
    has "nosuch"
}

@test "a host that is down is unreachable, the others go on" {
    printf 'h1 ansible_connection=local\ngone ansible_host=127.0.0.1 ansible_port=1\n' >hosts
    printf -- '- hosts: all\n  gather_facts: false\n  tasks: [{command: echo x}]\n' >site.yml
    run -4 andon run -i hosts site.yml
    has "gone"
    has "unreachable"
    has "refused"
    has "1 changed"
}

@test "a misspelt option, a missing value, a wrong number, nothing to do" {
    run -2 andon run --inventroy hosts site.yml
    has "unrecognized arguments: --inventroy (did you mean --inventory?)"
    run -2 andon run site.yml -l
    has "argument -l/--limit: expected one argument"
    run -2 andon run site.yml -f many
    has "argument -f/--forks: invalid int value: 'many'"
    run -2 andon run site.yml --forks 0
    has "must be >= 1"
    run -2 andon run
    has "playbook"
    run -2 andon "do"
    has "pattern"
    run andon rnu site.yml
    [ "$status" != 0 ]
    has "did you mean 'run'"
}

@test "the pattern and the limit match nothing" {
    play <<<'- debug: msg=x'
    run -1 andon run -i hosts site.yml -l nosuch
    has "nosuch"
    run -0 andon "do" -i hosts nosuch -m ping
    has "No hosts matched"
}

@test "a module that needs arguments" {
    run -5 andon "do" -i hosts h1 -m shell
    has "No argument passed to shell module"
}

@test "a task whose user or host has no value is not run as someone else, or elsewhere" {
    play <<'Y'
- {name: user, command: touch wrong, become: true, become_user: "{{ nosuch }}", ignore_errors: true}
- {name: variable, command: touch wrong, become: true, vars: {ansible_become_user: "{{ nosuch }}"}, ignore_errors: true}
- {name: raw, raw: touch wrong, become: true, become_user: "{{ nosuch }}", ignore_errors: true}
- {name: connection, command: touch wrong, vars: {ansible_connection: "{{ nosuch }}"}, ignore_errors: true}
- {name: host, command: touch wrong, connection: ssh, ignore_errors: true, vars: {ansible_connection: ssh, ansible_host: "{{ nosuch }}"}}
- {name: elsewhere, command: touch wrong, delegate_to: h2, become: true, ignore_errors: true, vars: {ansible_become_user: "{{ nosuch }}"}}
Y
    run -0 andon run -i hosts site.yml
    [ ! -e wrong ]
    has "user                                      1 failed"
    has "The field 'become_user' has an invalid value, which includes an undefined variable. The error was: 'nosuch' is undefined"
    has "The field 'connection' has an invalid value"
    has "The field 'remote_addr' has an invalid value"
    has "6 ignored"
}

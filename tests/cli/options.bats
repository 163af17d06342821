#!/usr/bin/env bats
# Options, settings, exit codes, and the names andon may be called by.

load helpers

@test "help and version" {
    run -0 andon --help
    has "inventory"
    run -0 andon run --help
    has "--start-at-task"
    run -0 andon --version
    has "andon "
}

@test "extra variables: pairs, JSON, a file, the last one wins" {
    play <<<'- debug: {msg: "{{ a }}-{{ b }}-{{ c }}"}'
    echo 'c: file' >vars.yml
    run -0 andon run -i hosts site.yml -e 'a=1 b=x' -e '{"b": "json"}' -e @vars.yml
    has "1-json-file"
    run -5 andon run -i hosts site.yml -e /vars.yml
    has "prepend"
}

@test "short options may be bundled and carry their value" {
    play <<<'- debug: {msg: "check {{ ansible_check_mode }}"}'
    run -0 andon run -ihosts -CDv site.yml
    has "check True"
}

@test "limit, tags and skip-tags choose" {
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n    - {debug: {msg: one}, tags: a}\n    - {debug: {msg: two}, tags: b}\n' >site.yml
    run -0 andon run -i hosts site.yml -l h2 -t a
    has one
    [[ $output != *two* ]]
    [[ $output != *h1* ]]
    run -0 andon run -i hosts site.yml --skip-tags a
    [[ $output != *one* ]]
    has two
}

@test "start-at-task begins there" {
    play <<'Y'
- {name: first, command: touch first}
- {name: second, command: touch second}
Y
    run -0 andon run -i hosts site.yml --start-at-task second
    [ ! -e first ]
    [ -e second ]
}

@test "list-tasks, list-tags, list-hosts and syntax-check touch nothing" {
    play <<<'- {name: first, command: touch first, tags: [t]}'
    for option in --list-tasks --list-tags --list-hosts --syntax-check; do
        run -0 andon run -i hosts site.yml $option
        has "playbook: site.yml"
    done
    [ ! -e first ]
}

@test "check mode changes nothing and tells what would" {
    play <<<"- copy: {dest: $DIR/made, content: x}"
    run -0 andon run -i hosts site.yml --check --diff
    has "+x"
    [ ! -e made ]
    run -0 andon run -i hosts site.yml
    has "1 changed"
    run -0 andon run -i hosts site.yml
    has "0 changed"
}

@test "ansible.cfg of the folder is used" {
    printf '[defaults]\ninventory = hosts\n' >ansible.cfg
    play <<<'- debug: msg=configured'
    run -0 andon run site.yml -v
    has configured
    has "ansible.cfg as config file"
}

@test "JSON output is one object per line" {
    play <<<'- command: echo hello'
    run -0 --separate-stderr andon run -i hosts site.yml --output json
    while read -r line; do [[ $line == '{'*'}' ]]; done <<<"$output"
    has '"event": "stats"'
    has '"stdout": "hello"'
}

@test "exit codes: 0 well, 2 failed, 4 cannot be parsed" {
    play <<<'- command: "true"'
    run -0 andon run -i hosts site.yml
    play <<<'- command: "false"'
    run -2 andon run -i hosts site.yml
    has "site.yml:4:"
    echo '{' >site.yml
    run -4 andon run -i hosts site.yml
}

@test "a password is asked for on the terminal, without echo" {
    play <<<'- debug: msg=ran'
    run -0 script -qec "'$ANDON' run -i hosts site.yml -K" /dev/null <<<'s3cret'
    has "BECOME password: "
    has ran
    [[ ${output#*BECOME password: } != *s3cret* ]]
}

@test "step asks before each task" {
    play <<'Y'
- {name: first, command: touch first}
- {name: second, command: touch second}
Y
    run script -qec "'$ANDON' run -i hosts site.yml --step" /dev/null <<<$'n\ny'
    [ ! -e first ]
    [ -e second ]
}

@test "links named as Ansible's programs print as they do" {
    ln -s "$ANDON" ansible-playbook
    ln -s "$ANDON" ansible
    ln -s "$ANDON" ansible-inventory
    export ANDON_NODE=${ANDON%/*}/andon-node
    [ -e "$ANDON_NODE" ] || ANDON_NODE=$BATS_TEST_DIRNAME/../../build/andon-node
    play <<<'- debug: msg=x'
    run -0 ./ansible-playbook -i hosts site.yml
    has "PLAY RECAP *****"
    run -0 ./ansible -i hosts h1 -m ping
    has "h1 | SUCCESS => {"
    run -0 ./ansible-inventory -i hosts --graph
    has "  |  |--h1"
}

@test "inventory lists, draws, and shows a host" {
    printf 'h1 x=1\n[web]\nh1\n' >hosts
    run -0 andon inventory -i hosts --list
    has '"hostvars"'
    run -0 andon inventory -i hosts --host h1
    has '"x": 1'
    run -5 andon inventory -i hosts
    has "No action selected"
    run -5 andon inventory -i hosts --host nosuch
}

@test "one module on some hosts shows what it gave" {
    run -0 andon "do" -i hosts h1 -m command -a 'echo shown'
    has "      shown"
    run -0 andon "do" -i hosts h1 -m command -a 'echo shown' -q
    [[ $output != *shown* ]]
}

@test "documentation of a module, and the completion script" {
    run -0 andon doc copy
    has '`dest`'
    run -1 andon doc nosuch
    eval "$("$ANDON" completion bash)"
    COMP_WORDS=(andon run --start) COMP_CWORD=2
    _andon
    [ "${COMPREPLY[*]}" = --start-at-task ]
}

@test "what is generated from the tables is current, every row has its help" {
    run -0 env ANDON="$ANDON" "$BATS_TEST_DIRNAME/../../scripts/gen-docs" --check
    run ! grep -nE '^- `[^`]+`: ?$|^\| .* \|  \|$' "$BATS_TEST_DIRNAME"/../../docs/filters.md \
        "$BATS_TEST_DIRNAME"/../../docs/keywords.md "$BATS_TEST_DIRNAME"/../../docs/settings.md
    run ! grep -nE '^- `[^`]+` \([^:]*\)$' "$BATS_TEST_DIRNAME"/../../docs/modules.md
}

@test "what is printed is what was recorded from Ansible" {
    run "$BATS_TEST_DIRNAME/compat.sh" check
    echo "$output"
    [ "$status" = 0 ]
}

@test "passwords from files, scripts and standard input" {
    play <<<'- {debug: {msg: "{{ ansible_check_mode }}"}}'
    printf '#!/bin/sh\necho from-script\n' >"it's a script"
    chmod +x "it's a script"
    run -0 andon run -i hosts site.yml --become-password-file "it's a script" --connection-password-file - <<<password
    printf '#!/bin/sh\nexit 3\n' >fails
    chmod +x fails
    run -1 andon run -i hosts site.yml --become-password-file fails
    has "/fails returned an error (rc=3)"
    : >empty
    run -1 andon run -i hosts site.yml --become-password-file empty
    has "Empty password was provided from file (empty)"
    run -1 andon run -i hosts site.yml --become-password-file missing
    has "The password file missing was not found"
}

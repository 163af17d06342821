#!/usr/bin/env bats
# andon plan: hosts that would change alike are one group, and what could be undone.
# shellcheck disable=SC2154  # bats sets stderr
bats_require_minimum_version 1.5.0

setup() {
    ANDON=$(readlink -f "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    export HOME=$BATS_TEST_TMPDIR ANDON_HOME=$BATS_TEST_TMPDIR/state
    cd "$BATS_TEST_TMPDIR" || return 1
    unset ANSIBLE_CONFIG
    printf 'a1 w=same\na2 w=same\na3 w=other\n[all:vars]\nansible_connection=local\n' >hosts
    cat >p.yml <<'YAML'
- hosts: all
  gather_facts: false
  tasks:
    - {name: file, copy: {content: "{{ w }}\n", dest: "{{ playbook_dir }}/f"}}
    - {name: items, file: {path: "{{ playbook_dir }}/{{ item }}", state: touch}, loop: [x, y]}
    - {name: inverse, shell: "true", vars: {andon_undo: "true"}}
    - {name: secret, copy: {content: geheim, dest: "{{ playbook_dir }}/s"}, no_log: true}
    - {name: ran, shell: "true"}
    - {name: nothing, debug: {msg: hello}}
YAML
}

@test "groups of hosts, differences, what can be undone; nothing is changed" {
    run -0 --separate-stderr "$ANDON" plan -i hosts p.yml
    [[ $output == *"file  (p.yml:4)  undo: yes"* ]]
    [[ $output == *"2 hosts would change: a1 a2"*"+same"*"1 host would change: a3"*"+other"* ]]
    [[ $output == *"3 hosts would change: a1 a2 a3; item x"* ]]
    [[ $output == *"ran  (p.yml:8)  undo: no, cannot be undone because a command may have done anything"* ]]
    [[ $output == *"inverse  (p.yml:6)  undo: inverse"*"can't know"* ]]
    [[ $output == *"(hidden)"* && $output != *geheim* ]]
    [[ $output != *hello* ]]
    [[ $output == *"3 hosts, 3 would change; 3 tasks would change something: 3 can be undone"* ]]
    [ ! -e f ] && [ ! -e x ]
}

@test "the same plan has the same digest; JSON" {
    run -0 --separate-stderr "$ANDON" plan -i hosts p.yml --out one.json
    [[ $stderr == *"one.json sha256:$(sha256sum <one.json | cut -d' ' -f1)"* ]]
    run -0 --separate-stderr "$ANDON" plan -i hosts p.yml --output json
    [ "$output" = "$(cat one.json)" ]
    python3 -c 'import json; p = json.load(open("one.json")); assert p["hosts"] == 3; t = p["tasks"][0]
assert t["undo"] == "yes" and [g["n"] for g in t["groups"]] == [2, 1], t'
}

@test "exit codes: what would fail, what cannot be read, what is wrong" {
    echo '    - {name: bad, fail: {msg: no}}' >>p.yml
    run -2 "$ANDON" plan -i hosts p.yml
    [[ $output == *"would fail"* ]]
    run -4 "$ANDON" plan -i hosts missing_key.yml || run -1 "$ANDON" plan -i hosts missing_key.yml
    run -2 "$ANDON" plan
}

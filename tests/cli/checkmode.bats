#!/usr/bin/env bats
# Check mode: what would change, what cannot be known and what is skipped are different results.
load helpers
# shellcheck disable=SC2154,SC2314  # bats sets output and status

check() {
    run -0 andon run -i hosts -C site.yml
}

# says WORD TASK: the line of a task begins with a word.
says() {
    grep -qE "^  $1 +(handler: )?$2" <<<"$output" || { printf 'expected: %s %s\ngot: %s\n' "$1" "$2" "$output"; return 1; }
}

@test "a command is not run, and what it would say is not known" {
    play <<'Y'
- {name: look, command: cat /etc/hostname, register: r}
- {name: needs output, debug: {msg: "{{ r.stdout }}"}}
- {name: needs rc, debug: {msg: x}, when: r.rc == 0}
- {name: needs state, debug: {msg: x}, when: r is changed}
- {name: needs failure, debug: {msg: x}, when: r is failed}
- {name: with default, debug: {msg: "{{ r.stdout | default('none') }}"}}
- {name: needs all, debug: {msg: "{{ r | to_json }}"}}
- {name: in a loop, debug: {msg: "{{ item }}"}, loop: "{{ r.stdout_lines }}"}
- {name: is there, debug: {msg: there}, when: r is defined}
- {name: not skipped, debug: {msg: x}, when: r is not skipped}
Y
    check
    for t in look "needs output" "needs rc" "needs state" "needs failure" "with default" "needs all" "in a loop"; do
        says "can't know" "$t"
    done
    says ok "is there"
    says ok "not skipped"
    has "command is not run in check mode"
    has "depends on r.stdout, known once task 'look' (site.yml:4) has run"
    has "2 ok, 0 would change, 8 can't know"
    [[ $output != *"has no attribute"* ]]
}

@test "a condition that is false for sure skips, whatever else is not known" {
    play <<'Y'
- {name: look, command: "true", register: r}
- {name: both, debug: {msg: x}, when: r.rc == 0 and false}
- {name: list, debug: {msg: x}, when: [r.rc == 0, false]}
- {name: either, debug: {msg: x}, when: r.rc == 0 or true}
- {name: neither, debug: {msg: x}, when: r.rc == 0 or false}
- {name: turned, debug: {msg: x}, when: not (r.rc == 0)}
Y
    check
    says skipped both
    says skipped list
    says ok either
    says "can't know" neither
    says "can't know" turned
    has "2 skipped"
}

@test "what is not known goes on through facts, variables, loops and includes" {
    cat >more.yml <<'Y'
- {name: inside, command: echo, register: inner}
- {name: sets, set_fact: {from_inside: 1}}
Y
    play <<'Y'
- {name: look, command: "true", register: r}
- {name: fact, set_fact: {known: 1, unknown: "{{ r.stdout }}"}}
- {name: known fact, debug: {msg: "{{ known }}"}}
- {name: unknown fact, debug: {msg: "{{ unknown }}"}}
- {name: by variable, debug: {msg: "{{ v }}"}, vars: {v: "x{{ unknown }}"}}
- {name: nested, debug: {msg: "{{ v.a }}"}, vars: {v: {a: "{{ unknown }}"}}}
- {name: maybe included, include_tasks: more.yml, when: r.rc == 0}
- {name: from the include, debug: {msg: "{{ from_inside }}"}}
- {name: of the include, debug: {msg: "{{ inner.stdout }}"}}
- {name: each, command: "echo {{ item }}", loop: [a, b], register: many}
- {name: of each, debug: {msg: "{{ item.item }}"}, loop: "{{ many.results }}"}
- {name: output of each, debug: {msg: "{{ item.item }}"}, loop: "{{ many.results }}", when: item.rc == 0}
- {name: how many, debug: {msg: "{{ many.results | length }}"}}
- {name: all output, debug: {msg: "{{ many.results | map(attribute='stdout') | list }}"}}
- {name: no such file, include_tasks: "{{ r.stdout }}.yml"}
- {name: left out, debug: {msg: "{{ made_there }}"}}
- {name: other host, debug: {msg: "{{ hostvars.h1.r.stdout }}"}}
Y
    check
    for t in "unknown fact" "by variable" nested inside sets "from the include" "of the include" "output of each" \
        "all output" "no such file" "left out" "other host"; do
        says "can't know" "$t"
    done
    says ok "known fact"
    says ok "of each"
    says ok "how many"
    [[ $output != *_andon_* ]]
}

@test "retries, changed_when and failed_when wait for what is not known" {
    play <<'Y'
- {name: again, command: "true", register: r, until: r.rc == 0, retries: 2, delay: 0}
- {name: judged, command: "true", register: s, changed_when: "'x' in s.stdout", failed_when: s.rc > 1}
- {name: quiet, command: "true", register: q, changed_when: false}
- {name: after quiet, debug: {msg: x}, when: q is changed}
- {name: run anyway, command: echo yes, register: y, check_mode: false, changed_when: "r.rc == 0"}
- {name: job, command: "true", async: 5, poll: 1}
- {name: as whom, command: "true", become: true, become_user: "{{ r.stdout }}", check_mode: false, changed_when: false}
Y
    check
    for t in again judged quiet job "as whom"; do
        says "can't know" "$t"
    done
    says skipped "after quiet"
}

@test "what a condition leaves out of check runs alone is not skipped" {
    play <<'Y'
- {name: real, command: echo x, register: r, when: not ansible_check_mode}
- {name: uses, debug: {msg: "{{ r.stdout }}"}}
- {name: never, command: echo x, when: not ansible_check_mode and false}
- {name: checks, debug: {msg: x}, when: ansible_check_mode}
Y
    check
    says "can't know" real
    has "is left out of check runs by its condition"
    says "can't know" uses
    says skipped never
    says ok checks
}

@test "creates and removes let a command be foreseen" {
    touch there
    play <<Y
- {name: made, command: touch $DIR/x creates=$DIR/there}
- {name: to make, command: touch $DIR/new creates=$DIR/new, register: r}
- {name: prints, debug: {msg: "{{ r.stdout }}"}}
- {name: looks, debug: {msg: x}, when: r is changed}
Y
    check
    says ok made
    says "would change" "to make"
    says "can't know" prints
    says ok looks
}

@test "what an earlier task would make does not fail" {
    play <<Y
- {name: folder, file: {path: $DIR/app, state: directory}}
- {name: file in it, copy: {dest: $DIR/app/x, content: a}}
- {name: edits it, lineinfile: {path: $DIR/app/x, line: b}}
- {name: looks at it, stat: {path: $DIR/app/x}, register: s}
- {name: by the look, debug: {msg: x}, when: s.stat.exists}
- {name: again, copy: {dest: $DIR/app/x, content: b}}
- {name: folder again, file: {path: $DIR/app, state: directory}}
- {name: nowhere, lineinfile: {path: $DIR/none/x, line: b}, ignore_errors: true}
Y
    check
    says "would change" folder
    says "would change" "file in it"
    for t in "edits it" "looks at it" "by the look" again "folder again"; do
        says "can't know" "$t"
    done
    says failed nowhere
    has "task 'folder' (site.yml:4)"
    [ ! -e app ]
}

@test "a failure after a command that was not run may be due to that" {
    play <<Y
- {name: makes, command: touch $DIR/made}
- {name: edits, lineinfile: {path: $DIR/made, line: b}}
- {name: wrong, debug: {msg: "{{ nowhere }}"}, ignore_errors: true}
Y
    check
    says "can't know" edits
    has "which may change with task 'makes' (site.yml:4)"
    says failed wrong
}

@test "handlers: of what would change, and of what cannot be known" {
    cat >site.yml <<Y
- hosts: h1
  gather_facts: false
  tasks:
    - {name: config, copy: {dest: $DIR/conf, content: a}, notify: restart}
    - {name: look, command: "true", notify: maybe}
    - {name: quiet, command: "true", changed_when: false, notify: never}
  handlers:
    - {name: restart, copy: {dest: $DIR/restarted, content: a}}
    - {name: maybe, copy: {dest: $DIR/maybe, content: a}}
    - {name: never, debug: {msg: never}}
Y
    check
    says "would change" restart
    says "can't know" maybe
    has "notified by task 'look'"
    [[ $output != *"handler: never"* ]]
}

@test "JSON tells them apart" {
    play <<Y
- {name: look, command: "true", register: r}
- {name: makes, copy: {dest: $DIR/x, content: a}}
- {name: left, debug: {msg: x}, when: false}
- {name: waits, debug: {msg: x}, when: r.rc == 0}
Y
    run -0 --separate-stderr andon run -i hosts -C site.yml --output json
    python3 - <<P
import json
r = [json.loads(l) for l in '''$output'''.splitlines()]
got = {e["task"]: (e["status"], e["check"]) for e in r if e["event"] == "result"}
assert got == {"look": ("unknown", True), "makes": ("changed", True), "left": ("skipped", True), "waits": ("unknown", True)}, got
assert [e["reason"] for e in r if e.get("task") == "waits"] == ["depends on r.rc, known once task 'look' (site.yml:4) has run"]
s = r[-1]["hosts"]["h1"]
assert (s["would_change"], s["unknown"], s["skipped"]) == (1, 2, 1), s
P
}

@test "as ansible-playbook a check run is Ansible's" {
    ln -s "$ANDON" ansible-playbook
    export ANDON_NODE=${ANDON%/*}/andon-node
    [ -e "$ANDON_NODE" ] || ANDON_NODE=$BATS_TEST_DIRNAME/../../build/andon-node
    play <<'Y'
- {name: look, command: "true", register: r}
- {name: waits, debug: {msg: "{{ r.nothing }}"}}
Y
    run -2 ./ansible-playbook -i hosts -C site.yml
    has "skipping: [h1]"
    has "'dict object' has no attribute 'nothing'"
    [[ $output != *"can't know"* ]]
    run -2 andon run --output ansible -i hosts -C site.yml
    has "skipping: [h1]"
}

@test "secrets are not told by reasons" {
    play <<'Y'
- {name: look, command: "true", register: r}
- {name: hidden, debug: {msg: "{{ r.stdout }}"}, no_log: true}
Y
    check
    has "(hidden: no_log)"
}

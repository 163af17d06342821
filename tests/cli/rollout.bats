#!/usr/bin/env bats
# Rollouts from the command line, on hosts that are this machine: rings in order, what stops them, what is said.

load helpers

# service [LINES]: a service of two rings, whose release is a file per host; extra lines go into its file.
service() {
    printf 'h1 ansible_connection=local\nh2 ansible_connection=local\n' >hosts
    {
        cat <<'Y'
service: shop
deploy: deploy.yml
inventory: hosts
Y
        cat
        printf '%s\n' "$@"
    } >andon.yml
    cat >deploy.yml <<'Y'
- hosts: all
  gather_facts: false
  tasks:
    - name: version
      ansible.builtin.copy:
        content: "{{ andon_release.version }}\n"
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}"
    - name: says no
      ansible.builtin.command: "false"
      when: "'broken' in andon_release.version and inventory_hostname == 'h2'"
    - name: takes its time
      ansible.builtin.shell: "i=0; until [ -e go ] || [ $i = 600 ]; do sleep 0.1; i=$((i + 1)); done"
      args: {chdir: "{{ playbook_dir }}"}
      when: "'slow' in andon_release.version"
Y
    echo old >h1
    echo old >h2
    local version
    for version in 1.0 1.1 1.2-broken 1.3-slow; do
        "$ANDON" release create shop "$version" >/dev/null
    done
}

two_rings() {
    service "$@" <<'Y'
rings:
  - {name: first, hosts: h1}
  - {name: rest, hosts: all}
Y
}

on_hosts() { [ "$(cat h1) $(cat h2)" = "$1" ] || { echo "hosts have $(cat h1) $(cat h2), not $1"; return 1; }; }

# types ROLLOUT..: the types of the events that --output json printed, in one line.
types() { sed -nE 's/.*"type":"([a-z.]+)".*/\1/p' <<<"$output" | grep -vE '^(run|change|gate.sample)' | tr '\n' ' '; }

@test "a release goes through its rings; each step is an event" {
    two_rings
    run -0 andon deploy shop 1.0
    has "ring first  1 host"
    has "ring rest  1 host"
    has "shop 1.0 is on all its hosts"
    on_hosts "1.0 1.0"
    run -0 andon deploy . 1.1 --output json
    [ "$(types)" = "ring.started batch.started batch.finished ring.passed ring.started batch.started batch.finished ring.passed rollout.finished " ]
    on_hosts "1.1 1.1"
    run -0 andon status
    has "done"
    cd /
    run -0 andon status shop
    has "first"
    has "passed"
}

@test "a failing host: what the rollout did is put back, the line is held until somebody lets it go" {
    two_rings
    run -0 andon deploy shop 1.0
    run -2 andon deploy shop 1.2-broken
    has "ring rest FAILED: 1 of 1 hosts failed"
    has "ring rest put back"
    has "ring first put back"
    has "undone"
    has "incident i-"
    on_hosts "1.0 1.0"
    run -3 andon deploy shop 1.1
    has "andon stop shop --release"
    run -0 andon stop shop --release
    run -0 andon deploy shop 1.1
    on_hosts "1.1 1.1"
}

@test "on_failure redeploy puts the release before back; the file is as that release makes it" {
    two_rings "on_failure: redeploy"
    run -0 andon deploy shop 1.0
    run -2 andon deploy shop 1.2-broken
    has "redeployed"
    on_hosts "1.0 1.0"
}

@test "on_failure hold leaves all as it is, until resume, promote or rollback" {
    two_rings "on_failure: hold"
    run -0 andon deploy shop 1.0
    run -2 andon deploy shop 1.2-broken
    has "held"
    on_hosts "1.2-broken 1.2-broken"
    run -3 andon deploy shop 1.1
    has "andon rollback shop"
    run -2 andon resume shop
    has "held"
    run -2 andon promote shop
    has "--reason is required"
    run -0 andon promote shop --reason "h2 is known"
    run -0 andon resume shop
    has "is on all its hosts"
    run -0 andon rollback shop
    on_hosts "1.0 1.0"
}

@test "the cord stops what is new, for a service or for everything" {
    two_rings
    run -2 andon stop
    has "--reason is required"
    run -0 andon stop --reason "smoke"
    run -3 andon deploy shop 1.0
    has "everything is stopped: smoke"
    run -0 andon stop --release
    run -0 andon stop shop --reason "smoke in the shop"
    run -1 andon stop shop --reason again
    run -3 andon deploy shop 1.0
    on_hosts "old old"
    run -0 andon stop shop --release
    run -1 andon stop shop --release
    run -0 andon deploy shop 1.0
}

@test "gates: a red one fails the ring at its timeout, and what was done is put back" {
    service <<'Y'
rings:
  - name: first
    hosts: h1
    after:
      every: 1s
      timeout: 60s
      gates:
        - {command: "test ! -e red", name: looks}
  - {name: rest, hosts: h2}
Y
    run -0 andon deploy shop 1.0
    has "gate looks  ok"
    touch red
    sed -i 's/timeout: 60s/timeout: 1s/' andon.yml
    run -2 andon deploy shop 1.1
    has "gate looks  red"
    has "gate looks FAILED"
    on_hosts "1.0 1.0"
}

@test "gates in front: nothing is touched, the rollout is held and resumed" {
    service <<'Y'
rings:
  - name: first
    hosts: all
    before:
      every: 1s
      timeout: 5s
      gates:
        - {command: "test ! -e red", name: looks}
Y
    touch red
    run -2 andon deploy shop 1.0
    has "held"
    on_hosts "old old"
    rm red
    run -0 andon resume shop
    on_hosts "1.0 1.0"
}

# in_background ARGUMENTS..: andon, until its batch is at work.
in_background() {
    "$ANDON" "$@" >out 2>&1 3>&- &
    CONTROLLER=$!
    soon begun || { cat out; return 1; }
}

begun() { [ "$(cat h1)" != old ]; }

@test "kill -9 of the controller: its run ends, resume goes on, and runs nothing twice that is done" {
    two_rings
    in_background deploy shop 1.3-slow
    run -3 andon deploy shop 1.1
    has "process $CONTROLLER"
    kill -9 "$CONTROLLER"
    wait "$CONTROLLER" || true
    run -3 andon deploy shop 1.1
    has "andon resume shop"
    touch go
    run -0 andon resume shop --output json
    [[ $(types) == "batch.started batch.finished ring.passed "*"rollout.finished " ]]
    on_hosts "1.3-slow 1.3-slow"
    run ! pgrep -f "[r]un $PWD/deploy.yml"
    run -1 andon resume shop
    has "no rollout of shop is under way"
}

@test "pause is noticed by the controller, resume lets it go on" {
    service <<'Y'
rings:
  - {name: first, hosts: h1}
  - {name: rest, hosts: h2, before: {every: 1s, gates: [{command: "until [ -e paused ]; do sleep 0.1; done", name: slow}]}}
Y
    in_background deploy shop 1.0
    run -0 andon pause shop --reason lunch
    touch paused
    sleep 2 # nothing begins
    run -0 andon status shop
    has "paused"
    [ "$(cat h2)" = old ]
    run -0 andon resume shop
    has "goes on in process $CONTROLLER"
    wait "$CONTROLLER"
    on_hosts "1.0 1.0"
}

@test "a ring's deadline ends what runs" {
    service <<'Y'
rings:
  - {name: first, hosts: all, deadline: 3s}
Y
    SECONDS=0
    run -2 andon deploy shop 1.3-slow
    [ "$SECONDS" -lt 50 ] # the release takes 60
    has "deadline"
    on_hosts "old old"
}

@test "what is wrong is said before anything is done" {
    two_rings
    run -1 andon deploy shop 1.O
    has "did you mean '1."
    run -1 andon deploy nothing 1.0
    has "no service 'nothing'"
    run -2 andon deploy shop
    run -2 andon deploy shop 1.0 --raeson x
    has "did you mean --reason?"
    sed -i 's/hosts: h1/hosts: web/' andon.yml
    run -1 andon deploy shop 1.0
    has "ring 'first' has no hosts"
    sed -i 's/rings:/ring:/' andon.yml
    run -1 andon deploy shop 1.0
    has "andon.yml:4:"
    on_hosts "old old"
}

@test "a full disk under the state folder: nothing begins, and when it is mended resume goes on" {
    [ "$(id -u)" = 0 ] || skip "needs root to mount"
    mkdir small
    mount -t tmpfs -o size=4m tmpfs small || skip "cannot mount"
    export ANDON_HOME=$PWD/small/state
    two_rings
    dd if=/dev/zero of=small/filler bs=4k 2>/dev/null || true
    run andon deploy shop 1.0
    [ "$status" = 1 ]
    on_hosts "old old"
    rm small/filler
    if ! andon status shop | grep -q running; then run -0 andon deploy shop 1.0; else run -0 andon resume shop; fi
    on_hosts "1.0 1.0"
    umount -l small
}

# until_status TEXT: waits until `andon status shop` says so.
until_status() { soon status_has "$1" || { "$ANDON" status shop; return 1; }; }
status_has() { "$ANDON" status shop | grep -q -- "$1"; }

# waits_for_it ARGUMENTS..: andon in the background, until it says that it waits for another rollout.
waits_for_it() {
    "$ANDON" "$@" >second 2>&1 3>&- &
    SECOND=$!
    soon grep -q "waiting for the rollout" second || { cat second; return 1; }
}

# ends STATUS: so does what waits_for_it began; output is what it said.
ends() {
    status=0
    wait "$SECOND" || status=$?
    output=$(cat second)
    [ "$status" = "$1" ] || { echo "exit $status: $output"; return 1; }
}

@test "on_busy: wait: the second rollout waits for the first, and stands on what that one left" {
    two_rings "on_busy: wait"
    in_background deploy shop 1.3-slow
    waits_for_it deploy shop 1.1
    touch go
    ends 0
    has "waiting for the rollout of shop 1.3-slow"
    has "shop 1.1 is on all its hosts"
    wait "$CONTROLLER"
    on_hosts "1.1 1.1"
    run -0 andon log --type rollout.started --output json
    has '"previous":"1.3-slow"'
    # nobody waits for a controller that is gone
    rm go
    echo old >h1
    in_background deploy shop 1.3-slow
    waits_for_it deploy shop 1.0
    kill -9 "$CONTROLLER"
    ends 3
    has "its controller is gone"
    wait "$CONTROLLER" || true
}

@test "on_busy: wait: when the first is undone the line is held, also for who waited" {
    two_rings "on_busy: wait"
    "$ANDON" release create shop 1.4-slow-broken >/dev/null
    in_background deploy shop 1.4-slow-broken
    waits_for_it deploy shop 1.1
    touch go
    ends 3
    has "waiting for the rollout of shop 1.4-slow-broken"
    has "the line of shop is stopped"
    wait "$CONTROLLER" || true
    on_hosts "old old"
}

@test "promote goes on past a freeze, for the ring that waits alone; it is a skipped check" {
    service "freezes: {from: 2000-01-01, to: 2100-01-01, reason: museum}" <<'Y'
rings:
  - {name: first, hosts: h1}
  - {name: rest, hosts: h2}
Y
    "$ANDON" deploy shop 1.0 >out 2>&1 3>&- &
    CONTROLLER=$!
    until_status museum
    on_hosts "old old"
    run -2 andon promote shop
    has "--reason is required"
    run -0 andon promote shop --reason "the fix cannot wait"
    has "goes on past calendar of ring first"
    until_status "next: .*museum"
    soon begun
    until_status "first .*passed"
    until_status museum
    on_hosts "1.0 old"
    run -0 andon promote shop --reason "nor here"
    wait "$CONTROLLER" || { cat out; return 1; }
    on_hosts "1.0 1.0"
    run andon audit
    has "the fix cannot wait"
    run -1 andon promote shop --reason again
    has "no rollout of shop is under way"
}

@test "what gates run on hosts has the authority of its rollout; who only says so has none" {
    printf -- '- hosts: all\n  gather_facts: false\n  tasks: [{command: "touch %s/verified"}]\n' "$PWD" >verify.yml
    service <<'Y'
rings:
  - name: first
    hosts: h1
    before: [{playbook: verify.yml, name: looks}]
    after: [{on_hosts: "touch HERE/probed", name: probes}]
  - {name: rest, hosts: h2}
Y
    sed -i "s|HERE|$PWD|" andon.yml
    in_background deploy shop 1.3-slow
    local id
    id=$("$ANDON" status shop --output json | sed -nE 's/.*"rollout": *"([^"]+)".*/\1/p')
    [ -n "$id" ]
    ANDON_CONTEXT="{\"service\":\"shop\",\"release\":\"1.3-slow\",\"rollout\":\"$id\",\"gate\":true,\"authority\":{\"kind\":\"rule\"}}" \
        run -0 andon 'do' -i hosts h2 -a "touch $PWD/forged"
    touch go
    wait "$CONTROLLER" || { cat out; return 1; }
    [ -e verified ] && [ -e probed ]
    run andon audit --output json
    has forged
    [[ $output != *probed* && $output != *verify* ]]
    run -0 andon log --type run.started --output json
    [ "$(grep -c '"kind":"none"' <<<"$output")" = 1 ]
    [ "$(grep -c '"kind":"rollout"' <<<"$output")" = 4 ]
    [ -z "$(ls "$ANDON_HOME/rollouts")" ]
}

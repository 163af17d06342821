#!/usr/bin/env bats
# Commands that print too much, print anything, or do not end.

load wrong

setup_file() { fleet_up outtest 1; }
teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    inventory
}

teardown() {
    close_connections
    [ ! -e changed ] || "$FLEET" reset
}

# peak COMMAND..: runs it; its output is in out, its largest memory in MB in `mb`.
peak() {
    status=0
    python3 - "$@" >out 2>&1 <<'P' || status=$?
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
with open("mb", "w") as f:
    f.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024))
sys.exit(code)
P
    output=$(cat out)
}

@test "a command prints 1 GB: bounded memory on both sides, beginning and end are kept, and that is said" {
    touch changed
    # what a login there may use at all: the helper has to do with it
    on 1 sh -c 'echo "root hard as 131072" >>/etc/security/limits.conf'
    play <<'Y'
- {name: much, shell: head -c 1G /dev/zero; echo the end, register: r, changed_when: false}
- {assert: {that: ["r.rc == 0", "r.stdout is search('left out')", "r.stdout.endswith('the end')", "r.stdout | length < 5000000"]}}
- {name: lines, shell: yes | head -c 100M; yes | head -c 100M >&2, register: r, changed_when: false, failed_when: false}
- {assert: {that: ["r.stdout_lines | length > 2000000", "r.stderr is search('left out')"]}}
- {name: raw, raw: head -c 20M /dev/zero, register: r, changed_when: false}
- {assert: {that: ["r.stdout | length == 4194304"]}}
- {name: still there, command: echo worked}
Y
    SECONDS=0
    peak "$FLEET" run "$ANDON" run -i hosts site.yml
    is 0
    has "h1"
    has "the command printed 1073741832 bytes on its stdout"
    has "the command printed more than 4194304 bytes on its stdout"
    [ "$(cat mb)" -le 500 ] || { cat mb; return 1; }
    [ "$SECONDS" -le 150 ] # seconds of it when nothing else runs
    clean 1
}

@test "more is kept where it is asked for" {
    play <<'Y'
- {name: much, shell: head -c 20M /dev/zero | tr '\000' x, register: r, changed_when: false}
- {assert: {that: ["r.stdout | length == 20971520"]}}
Y
    export ANDON_OUTPUT_MAX=20
    run andon run -i hosts site.yml
    is 0
    hasnt "warning"
}

@test "binary output reaches neither the terminal nor JSON as it is" {
    play <<'Y'
- {name: odd, shell: "printf 'a\\000b\\001\\033[2J\\377\\376\\rc\\010'; printf '\\033]0;title\\007' >&2; exit 3", register: r}
Y
    local mode
    for mode in "" --output=ansible; do
        run andon run -i hosts site.yml -v $mode
        is 2
        hasnt $'\033[2J'
        hasnt $'\033]0'
        hasnt $'\007'
    done
    "$FLEET" run "$ANDON" run -i hosts site.yml --output json >out || true
    python3 - out <<'P'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
results = [line["result"] for line in lines if "result" in line]
assert any(r.get("rc") == 3 and r["stdout"].startswith("a\0b\1\33[2J\ufffd") for r in results), results
P
}

@test "a hung command is ended by the task's timeout, with its children, as in Ansible" {
    play <<'Y'
- {name: hangs, shell: "trap '' TERM; sleep 4321 & sleep 4322", timeout: 1}
- {name: after, command: echo after}
Y
    before() { on 1 pkill -9 -f 'sleep 432' || true; }
    as_ansible
    [ "$status" = 2 ]
    before
    SECONDS=0
    run andon run -i hosts site.yml
    is 2
    [ "$SECONDS" -le 60 ]
    has "The shell action failed to execute in the expected time frame (1) and was terminated"
    has "at site.yml:"
    clean 1
}

@test "a host that answers no more: the task's timeout ends the wait for it" {
    play <<'Y'
- {name: hangs, command: sleep 4321, timeout: 1}
Y
    start
    runs_on 1 'sleep 4321'
    on 1 pkill -STOP -f 'node-[0-9a-f]{64} serve'
    SECONDS=0
    finish
    is 2
    [ "$SECONDS" -le 60 ]
    has "in the expected time frame (1)"
    on 1 pkill -CONT -f 'node-[0-9a-f]{64} serve'
    clean 1
}

@test "a command that leaves something in the background does not hold the play" {
    play <<'Y'
- {name: leaves, shell: "sleep 4321 & echo started", changed_when: false, register: r}
- {name: prints, shell: "yes 4321 & echo started", changed_when: false}
- {assert: {that: ["r.stdout == 'started'"]}}
Y
    SECONDS=0
    run andon run -i hosts site.yml
    is 0
    [ "$SECONDS" -le 60 ]
    on 1 pkill -f 'sleep 4321'
    run ! on 1 pgrep -f '^yes 4321'
}

@test "whom a long task waits for is told in a log too" {
    play <<<'- {name: takes a while, command: sleep 11, changed_when: false}'
    run -0 andon run -i hosts site.yml
    [[ $output =~ takes\ a\ while\ \ 0\ of\ 1\ hosts,\ 1[0-9]s,\ waiting\ for\ h1\ [0-9]+s ]] || { echo "$output"; return 1; }
}

#!/usr/bin/env bats
# The ledger of runs on real hosts: what each host changed, hosts that are lost, and a controller that is killed.

bats_require_minimum_version 1.5.0

setup_file() {
    export ANDON_FLEET_NAME=recordtest
    FLEET=$BATS_TEST_DIRNAME/fleet
    DIR=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run/recordtest
    ANDON=$(readlink -f "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    export FLEET DIR ANDON
    "$FLEET" down 2>/dev/null
    "$FLEET" up 3
}

teardown_file() {
    "$FLEET" down
}

setup() {
    cd "$BATS_TEST_TMPDIR" || return 1
    export ANDON_HOME=$BATS_TEST_TMPDIR/state
}

# play OPTIONS..: site.yml on the fleet.
play() {
    "$FLEET" run "$ANDON" run -i "$DIR/inventory.ini" "$@" site.yml
}

# changes [OPTIONS..]: the changes as JSON lines.
changes() {
    "$ANDON" log --output json --type change "$@"
}

@test "every host's changes, with one text for what is the same on all" {
    cat >site.yml <<'END'
- hosts: all
  gather_facts: false
  tasks:
    - {name: same, copy: {content: "same\n", dest: /etc/same.conf, mode: "0644"}}
    - {name: own, template: {src: own.j2, dest: /etc/own.conf}}
    - {name: account, user: {name: recorded}, notify: rung}
    - {name: link, file: {src: same.conf, dest: /etc/link.conf, state: link}}
    - {name: folder, copy: {src: folder/, dest: /etc/folder/}}
    - {name: elsewhere, copy: {content: x, dest: "/tmp/for-{{ inventory_hostname }}"}, delegate_to: h0001, when: inventory_hostname == 'h0003'}
  handlers:
    - {name: rung, command: touch /run/rung}
END
    mkdir folder
    echo 1 >folder/one
    echo 2 >folder/two
    echo '{{ inventory_hostname }}' >own.j2
    run -0 play
    for host in h0001 h0002 h0003; do
        run -0 changes --host $host --diff
        jq -se '[.[] | .path // .body.name // "-"] | contains(["/etc/same.conf", "/etc/own.conf", "recorded", "/etc/link.conf", "/etc/folder/one", "/etc/folder/two", "-"])' <<<"$output"
        jq -se --arg h $host 'map(select(.path == "/etc/own.conf"))[0].diff_text | contains("+" + $h)' <<<"$output"
        jq -se 'map(select(.path == "/etc/folder/two"))[0].diff_text | contains("\n+2\n") and (contains("\n+1\n") | not)' <<<"$output"
    done
    run -0 changes --path '/tmp/for-*'
    jq -se 'length == 1 and .[0].host == "h0001" and .[0].body.for == "h0003"' <<<"$output"
    [ "$(changes --path /etc/same.conf | jq -r .body.diff | sort -u | wc -l)" = 1 ]
    [ "$(changes --path /etc/own.conf | jq -r .body.diff | sort -u | wc -l)" = 3 ]
    # nothing to change, nothing recorded
    run -0 play
    [ "$(changes | jq -rs 'group_by(.run) | length')" = 1 ]
    run -0 "$ANDON" who h0002 /etc/own.conf
    [[ $output == *'task "own" (template)'* ]]
    [[ $output == *+h0002* ]]
}

@test "a host that is lost, and one that fails" {
    cat >site.yml <<'END'
- hosts: all
  gather_facts: false
  tasks:
    - {name: may fail, command: test ! -e /etc/fails, changed_when: false}
    - {name: after, copy: {content: "{{ 999999 | random }}", dest: /etc/after}}
END
    "$FLEET" exec h0002 touch /etc/fails
    cp "$DIR/inventory.ini" hosts.ini
    printf '\n[gone]\nh9 ansible_host=127.0.0.1 ansible_port=1\n' >>hosts.ini
    run -4 "$FLEET" run "$ANDON" run -i hosts.ini site.yml
    "$FLEET" exec h0002 rm /etc/fails
    run -0 "$ANDON" log --output json --type run.host
    jq -se 'map({(.host): .outcome}) | add == {h0001: "changed", h0002: "failed", h0003: "changed", h9: "unreachable"}' <<<"$output"
    run -0 "$ANDON" log --output json --type run.finished
    jq -e '.body | .hosts == 4 and .changed == 2 and .failed == 1 and .unreachable == 1' <<<"$output"
    run -0 "$ANDON" log --output json --type task.failed --host h0002
    jq -e '.body.rc == 1 and .body.task == "may fail"' <<<"$output"
}

@test "a killed controller has recorded all but its last second" {
    cat >site.yml <<'END'
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - {name: each, copy: {content: "{{ 999999 | random }}", dest: "/tmp/n{{ item }}"}, loop: "{{ range(1000) }}", loop_control: {pause: 0.02}}
END
    "$FLEET" run "$ANDON" run -i "$DIR/inventory.ini" site.yml >out 2>&1 &
    for _ in $(seq 60); do
        n=$("$ANDON" log --type change -n 0 2>/dev/null | wc -l)
        if [ "$n" -gt 0 ]; then break; fi
        sleep 0.1
    done
    pid=$("$ANDON" log --output json --type run.started | jq .body.pid)
    for _ in $(seq 60); do
        before=$("$ANDON" log --type change -n 0 | wc -l)
        if [ "$before" -gt "$n" ]; then break; fi
        sleep 0.1
    done
    kill -9 "$pid"
    wait || true
    [ "$before" -gt "$n" ]
    run -0 "$ANDON" ledger verify
    run -2 "$ANDON" audit
    [[ $output == *"Runs that never finished: 1"* ]]
    made=$("$FLEET" exec h0001 sh -c 'ls /tmp/n* | wc -l')
    known=$("$ANDON" log --type change --host h0001 -n 0 | wc -l)
    echo "made $made, known $known"
    [ "$known" -gt 0 ]
    [ "$known" -le "$made" ]
}

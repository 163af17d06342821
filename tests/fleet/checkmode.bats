#!/usr/bin/env bats
# Check runs tell the truth: what they said of a pristine host, compared with the run behind it. And lost hosts are rescued.

load users

setup_file() { fleet_up checktest 2; }
teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    hosts_of root
    TRUTH=$BATS_TEST_DIRNAME/lib/truth
    TOP=$BATS_TEST_DIRNAME/../..
}

teardown() { close_connections; }

# truth PLAYBOOK MOST: a check run and a run of it agree, and at most so many results could not be known.
truth() {
    "$FLEET" reset h0001
    andon run -i hosts "$1" -C --output json >check.json || { tail -3 check.json; return 1; }
    andon run -i hosts "$1" --output json >run.json || { grep -E '"status": "(failed|unreachable)"' run.json; return 1; }
    run "$TRUTH" check.json run.json
    echo "$output"
    [ "$status" = 0 ]
    [[ $output =~ ([0-9]+)\ unknown ]]
    [ "${BASH_REMATCH[1]}" -le "$2" ]
    andon run -i hosts "$1" -C --output json >check.json
    andon run -i hosts "$1" --output json >run.json
    run "$TRUTH" check.json run.json
    echo "$output"
    [ "$status" = 0 ]
}

@test "what roles do" { truth "$BATS_TEST_DIRNAME/checkmode/site.yml" 19; }

@test "the demo" {
    sed 's/^h1 /h1 ansible_group_priority=1 /; 1i[fleet]' -i hosts
    cp -r "$TOP/demo/." .
    truth site.yml 14
}

@test "the bench's play" {
    sed '1i[fleet]' -i hosts
    truth "$TOP/bench/play/site.yml" 12
}

@test "the days of warning before a password has to be changed, which later Ansibles set" {
    host chage -m 0 -M 99999 -W 7 alice
    for expected in -C:true :true -C:false :false; do
        run andon 'do' all -i hosts -m user -a "name=alice password_expire_max=60 password_expire_warn=9" ${expected%:*} --output json
        [ "$status" = 0 ]
        has "\"changed\": ${expected#*:},"
        [ "$expected" != -C:true ] || host grep -q '^alice:.*:0:99999:7:' /etc/shadow
    done
    host grep -q '^alice:.*:0:60:9:' /etc/shadow
}

@test "a host that is killed in the middle of a task is rescued where the play opts in" {
    sed "s/^h1/h2/; s/$H1/$H2/" hosts >two && cat two >>hosts
    cat >site.yml <<'Y'
- hosts: all
  gather_facts: false
  vars: {andon_rescue_unreachable: true}
  tasks:
    - block:
        - {name: waits, command: sleep 8}
      rescue:
        - name: tells
          copy: {dest: "{{ playbook_dir }}/{{ inventory_hostname }}.lost", content: "{{ ansible_failed_result.unreachable }}"}
          delegate_to: localhost
      always:
        - {name: ends, debug: {msg: at the end}, delegate_to: localhost}
    - {name: goes on, debug: {msg: "{{ inventory_hostname }} goes on"}}
Y
    (host timeout 60 sh -c 'until pgrep -xf "sleep 8"; do sleep 0.1; done; pkill -KILL -x sshd') &
    run andon run -i hosts site.yml
    wait
    echo "$output"
    [ "$status" = 0 ]
    [ "$(cat h1.lost)" = True ]
    [ ! -e h2.lost ]
    has "h1 goes on"
    has "h2 goes on"
    has "1 rescued"
}

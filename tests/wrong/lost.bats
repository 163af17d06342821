#!/usr/bin/env bats
# The connection or the host is lost in the middle of a task.

load wrong

setup_file() { fleet_up losttest 2; }
teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    inventory
}
teardown() { close_connections; }

@test "the session is killed in the middle of a command: one host is lost, its processes end, the next run works" {
    play <<'Y'
- {name: long, shell: "if [ {{ inventory_hostname }} = h1 ]; then sleep 4321 & sleep 4322; fi", changed_when: false}
- {name: after, command: echo after, changed_when: false}
Y
    start
    runs_on 1 'sleep 4322'
    on 1 pkill -9 -f 'sshd: root@notty'
    finish
    is 4
    has "h1"
    has "Lost the connection to the host"
    has "1 unreachable (h1), 1 ok"
    [ "$(grep -c 'Lost the connection' out)" = 1 ]
    clean 1 2
    sed 's/sleep 4321 & sleep 4322/true/' -i site.yml
    run -0 andon run -i hosts site.yml
}

@test "exit code and recap of a lost host are Ansible's" {
    before() {
        close_connections
        on 1 pkill -9 -f 'sshd: root@notty' || true
        on 1 sh -c 'for i in $(seq 1200); do sleep 0.1; pgrep -f "[s]leep 4323" && { pkill -9 -f "[s]shd: root@"; break; }; done' >/dev/null 3>&- &
    }
    play <<'Y'
- {name: one, command: echo one, changed_when: false}
- {name: long, command: sleep 4323}
Y
    as_ansible -l h1
    [ "$status" = 4 ]
    on 1 pkill -f 'sleep 4323' || true # Ansible's; ours has ended
    clean 1
}

@test "the host is switched off in the middle of a task" {
    SSH_MORE='-o ServerAliveInterval=1' inventory
    play <<'Y'
- {name: long, shell: "[ {{ inventory_hostname }} = h2 ] || sleep 4321", changed_when: false}
Y
    start
    runs_on 1 'sleep 4321'
    kill -9 "$(cat "$RUN_DIR/h0001/pid")"
    SECONDS=0
    finish
    is 4
    [ "$SECONDS" -le 120 ] # TCP alone would take a quarter of an hour
    has "1 unreachable (h1)"
    has "Lost the connection to the host"
    SECONDS=0
    run andon run -i hosts site.yml -T 2
    is 4
    [ "$SECONDS" -le 60 ] # TCP alone would take two minutes
    has "h1: "
    has "Failed to connect to the host via ssh"
    "$FLEET" reset h0001
}

@test "a play that opts in rescues a lost host, and goes on with it" {
    play <<'Y'
- block:
    - {name: long, command: sleep 4321}
  rescue:
    - {name: back, command: 'echo back on {{ inventory_hostname }}'}
  vars: {andon_rescue_unreachable: true}
- {name: after, command: echo after}
Y
    start -l h1 -v
    runs_on 1 'sleep 4321'
    on 1 pkill -9 -f 'sshd: root@notty'
    finish
    is 0
    has "back on h1"
    has "1 rescued"
    hasnt ", unreachable"
    clean 1
}

@test "a file is whole or untouched when the session is killed while it is sent" {
    truncate -s 300M big # takes quarter of a minute
    SSH_MORE="-o ProxyCommand=\"$BATS_TEST_DIRNAME/slow_link %h %p\"" inventory
    on 1 sh -c 'echo old >/opt/big'
    play <<'Y'
- copy: {src: big, dest: /opt/big}
Y
    start -l h1
    until_on 1 'find /opt /root /tmp -name ".andon_tmp*" -size +1M | grep .'
    on 1 pkill -9 -f 'sshd: root@notty'
    finish
    is 4
    clean 1
    [ "$(on 1 cat /opt/big)" = old ]
    truncate -s 3M big
    inventory
    run -0 andon run -i hosts site.yml -l h1
    [ "$(on 1 stat -c %s /opt/big)" = 3145728 ]
    on 1 rm /opt/big
}

@test "the helper itself is killed on the host: its commands end with it" {
    play <<'Y'
- {name: long, shell: sleep 4321 & sleep 4322}
Y
    start -l h1
    runs_on 1 'sleep 4322'
    on 1 pkill -9 -o -f 'node-[0-9a-f]{64} serve'
    finish
    is 4
    has "h1"
    clean 1
}

@test "a module is killed on the host: its task fails, its commands end with it" {
    play <<'Y'
- {name: long, shell: sleep 4321 & sleep 4322}
Y
    start -l h1
    runs_on 1 'sleep 4322'
    on 1 pkill -9 -n -f 'node-[0-9a-f]{64} serve'
    finish
    is 2
    has "was ended by signal 9"
    clean 1
}

@test "a job in the background outlives the connection, and its result is found" {
    play <<'Y'
- {name: job, shell: sleep 2; echo made >/opt/job, async: 60, poll: 0, register: job}
- {name: lost, command: sleep 4321, ignore_unreachable: true}
- {meta: clear_host_errors}
- {name: found, async_status: {jid: "{{ job.ansible_job_id }}"}, register: r, until: r is finished, retries: 200, delay: 0.3}
Y
    start -l h1
    runs_on 1 'sleep 4321'
    on 1 pkill -9 -f 'sshd: root@notty'
    finish
    is 0
    [ "$(on 1 cat /opt/job)" = made ]
    clean 1
}

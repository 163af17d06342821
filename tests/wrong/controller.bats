#!/usr/bin/env bats
# The controller is interrupted or killed: hosts are left as if each task had ended or not begun, and nothing runs on there
# but what must not be stopped half-way.

load wrong

setup_file() { fleet_up ctrltest 2; }
teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    inventory
}

teardown() {
    close_connections
    [ ! -e changed ] || "$FLEET" reset
}

# change COMMAND: on the first host, which is pristine again after the test.
change() {
    touch changed
    on 1 sh -c "$1"
}

# slow_package: a package in /root/slow.deb whose script takes until go_on.
slow_package() {
    change 'mkdir -p /root/slow/DEBIAN /root/slow/opt
        printf "Package: slow\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: slow\n" >/root/slow/DEBIAN/control
        printf "#!/bin/sh\nuntil [ -e /tmp/go ]; do sleep 0.1; done\necho made >/opt/configured\n" >/root/slow/DEBIAN/postinst
        chmod 755 /root/slow/DEBIAN/postinst
        dpkg-deb --build /root/slow /root/slow.deb'
}

go_on() { on 1 touch /tmp/go; }

# installed: the package is there whole, a moment later.
installed() {
    until_on 1 'dpkg-query -W -f "\${Status}" slow | grep -x "install ok installed"'
    on 1 test -e /opt/configured
    [ -z "$(on 1 dpkg --audit)" ]
    run ! on 1 test -e /usr/sbin/policy-rc.d
    clean 1
}

# stubborn: a play whose command has children and takes no notice of SIGTERM.
stubborn() {
    play <<'Y'
- {name: long, shell: "trap : TERM; sleep 4321 & while :; do sleep 4322; done"}
- {name: never, command: touch /opt/never}
Y
}

@test "Ctrl-C: what runs is ended, what follows is not begun" {
    stubborn
    start
    runs_on 1 'sleep 4322'
    runs_on 2 'sleep 4322'
    kill -INT "$RUN"
    finish
    is 99
    has "interrupted"
    clean 1 2
    run ! on 1 test -e /opt/never
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n    - command: echo again\n' >site.yml
    run -0 andon run -i hosts site.yml
}

@test "SIGTERM is the same, and as ansible-playbook too" {
    stubborn
    ln -sf "$ANDON" ansible-playbook
    "$FLEET" run env "ANDON_NODE=${ANDON%/*}/andon-node" ./ansible-playbook -i hosts site.yml >out 2>&1 3>&- &
    RUN=$!
    runs_on 1 'sleep 4322'
    kill -TERM "$RUN"
    finish
    is 99
    has "User interrupted execution"
    clean 1 2
}

@test "Ctrl-C twice ends at once; the hosts end their part themselves" {
    stubborn
    start
    runs_on 1 'sleep 4322'
    runs_on 2 'sleep 4322'
    on 1 pkill -STOP -f 'node-[0-9a-f]{64} serve' # does not answer
    kill -INT "$RUN"
    for ((i = 0; i < 600; i++)); do
        ! grep -q "once more: ends at once" out || break
        sleep 0.1
    done
    kill -INT "$RUN"
    finish
    is 99
    hasnt "failed" # after one Ctrl-C it would wait for the host, and count
    on 1 pkill -CONT -f 'node-[0-9a-f]{64} serve'
    clean 1 2
}

@test "kill -9: the hosts end what ran, also as other users, and the next run works" {
    play <<'Y'
- name: long
  shell: "trap : TERM; sleep 4321 & while :; do sleep 4322; done"
  become: "{{ inventory_hostname == 'h1' }}"
  become_user: alice
  become_method: su
Y
    start
    runs_on 1 'sleep 4322'
    runs_on 2 'sleep 4322'
    kill -9 "$RUN"
    finish
    clean 1 2
    run ! pgrep -f "ssh.* -F.*$ANDON_HOME"
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n    - {command: id -un, become: true, become_user: alice}\n' >site.yml
    run -0 andon run -i hosts site.yml
}

@test "kill -9 while a file is sent leaves the old one whole, and no other" {
    truncate -s 300M big # takes quarter of a minute
    SSH_MORE="-o ProxyCommand=\"$BATS_TEST_DIRNAME/slow_link %h %p\"" inventory
    on 1 sh -c 'echo old >/opt/big'
    play <<<'- copy: {src: big, dest: /opt/big}'
    start -l h1
    until_on 1 'find /opt /root /tmp -name ".andon_tmp*" -size +1M | grep .'
    kill -9 "$RUN"
    finish
    clean 1
    [ "$(on 1 cat /opt/big)" = old ]
}

@test "kill -9 while packages are installed: that goes on to its end" {
    slow_package
    play <<<'- {name: install, apt: {deb: /root/slow.deb, policy_rc_d: 101}}'
    start -l h1
    runs_on 1 'slow.postinst'
    kill -9 "$RUN"
    finish
    go_on
    installed
}

@test "Ctrl-C while packages are installed: andon ends, they are installed, the next run waits for that" {
    slow_package
    play <<<'- {name: install, apt: {deb: /root/slow.deb}}'
    start -l h1
    runs_on 1 'slow.postinst'
    kill -INT "$RUN"
    finish
    is 99
    (sleep 1; go_on) 3>&- &
    run andon run -i hosts site.yml -l h1
    is 0
    installed
}

@test "a task's timeout lets packages be installed, and says so" {
    slow_package
    play <<<'- {name: install, apt: {deb: /root/slow.deb}, timeout: 6}' # it must have begun by then
    run andon run -i hosts site.yml -l h1
    is 2
    has "failed to execute in the expected time frame (6)"
    has "goes on to its end"
    go_on
    installed
}

@test "the controller's ssh is killed: that host alone is lost" {
    play <<'Y'
- {name: long, shell: "[ {{ inventory_hostname }} = h2 ] || sleep 4321", changed_when: false}
Y
    export ANSIBLE_SSH_ARGS="-o ControlMaster=no"
    start
    runs_on 1 'sleep 4321'
    pkill -9 -P "$RUN" -f "root@?$H1|$H1"
    finish
    is 4
    has "1 unreachable (h1)"
    clean 1 2
}

@test "andon's own folder cannot be written: the run works, or says so" {
    play <<<'- {command: echo worked, changed_when: false}'
    mkdir ro
    mount -t tmpfs -o ro tmpfs ro
    ANDON_HOME=$PWD/ro/andon run andon run -i hosts site.yml -l h1
    umount ro
    is 0
}

#!/usr/bin/env bats
# Connections over real sshd: logins that work and that do not, kept connections, lost hosts, folders for the helper.

bats_require_minimum_version 1.5.0

setup_file() {
    FLEET=$BATS_TEST_DIRNAME/fleet
    export FLEET ANDON_FLEET_NAME=conntest
    DIR=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run/conntest
    BUILD=$(dirname "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    export DIR BUILD
    "$FLEET" down 2>/dev/null
    "$FLEET" up 3
    H1=$(sed -n 1p "$DIR/hosts.txt")
    export H1
}

teardown_file() {
    "$FLEET" down
}

setup() {
    export ANDON_HOME=$BATS_TEST_TMPDIR/andon
    mkdir "$ANDON_HOME"
}

teardown() {
    local socket
    [ ! -e "$BATS_TEST_TMPDIR/changed" ] || "$FLEET" reset h0001
    for socket in "$ANDON_HOME"/cp/*; do
        [ ! -S "$socket" ] || ssh -o ControlPath="$socket" -O exit x 2>/dev/null || true
    done
}

# ping [OPTIONS] HOST..: with the stand-in helper; -S OPTIONS are ssh's.
ping() {
    local ssh=""
    if [ "$1" = -S ]; then
        ssh=$2
        shift 2
    fi
    timeout 60 "$FLEET" run "$BUILD/tests/fleet/conn_ping" -h "$BUILD/tests/fleet/fake_node" -c "-F$DIR/ssh_base $ssh" "$@"
}

# connected: waits until the ping in the background has its session.
connected() {
    local _
    for _ in $(seq 200); do
        ! grep -qs 'connected' "$BATS_TEST_TMPDIR/out" || return 0
        sleep 0.1
    done
    return 1
}

host() { "$FLEET" exec h0001 "$@"; }

# change COMMAND: on the first host, which is pristine again after the test.
change() {
    touch "$BATS_TEST_TMPDIR/changed"
    host sh -c "$1"
}

# The process that keeps the connection of this test.
master() { pgrep -f "ssh: $ANDON_HOME/cp"; }

@test "all hosts: pushed once, then the kept connection is used" {
    run -0 ping "$DIR/hosts.txt"
    [[ $output == *"3 ok, 0 failed"* ]]
    [ "$(grep -c 'pushed /root/.cache/andon' <<<"$output")" = 3 ]
    [ "$(find "$ANDON_HOME/cp" -type s | wc -l)" = 3 ]
    run -0 ping "$DIR/hosts.txt"
    [[ $output != *pushed* ]]
    [ "$(sed -nE 's/.*failed: ([0-9]+) ms,.*/\1/p' <<<"$output")" -lt 1000 ]
}

@test "sockets: any folder's name will do, and one that is too long has a substitute" {
    export ANDON_HOME="$BATS_TEST_TMPDIR/a b%h" HOME=$BATS_TEST_TMPDIR/home
    run -0 ping "$H1"
    [ "$(find "$ANDON_HOME/cp" -type s | wc -l)" = 1 ]
    ssh -o ControlPath="\"$(find "$ANDON_HOME/cp" -type s | sed s/%/%%/)\"" -O exit x
    ANDON_HOME=$BATS_TEST_TMPDIR/$(printf 'x%.0s' {1..120})
    run -0 ping "$H1"
    run -0 ping "$H1"
    [[ $output != *pushed* ]]
    [ "$(find "$HOME/.andon/cp" -type s | wc -l)" = 1 ]
    ANDON_HOME=$HOME/.andon # for teardown
}

@test "the real helper answers" {
    run -0 timeout 60 "$FLEET" run "$BUILD/tests/fleet/conn_ping" -h "$BUILD/andon-node" -c "-F$DIR/ssh_base" -n 20 "$DIR/hosts.txt"
    [[ $output == *"3 ok, 0 failed"* ]]
}

@test "a password is used, and appears in no argument and no environment" {
    ping -S -oPubkeyAuthentication=no -k -u alice -P wonderland -j '{"do":"sleep","n":1500}' "$H1" >"$BATS_TEST_TMPDIR/out" &
    connected
    run ! grep -aqs 'wonderlan[d]' /proc/[0-9]*/environ
    # shellcheck disable=SC2009
    run bash -c "ps -eo args | grep -v conn_ping | grep -c 'wonderlan[d]'"
    [ "$output" = 0 ]
    wait
    grep -q '1 ok, 0 failed' "$BATS_TEST_TMPDIR/out"
}

@test "a wrong password is tried once" {
    host sh -c ': >/var/log/auth.log'
    run -1 ping -S -oPubkeyAuthentication=no -k -R 3 -u alice -P wrong "$H1"
    [[ $output == *"$H1: Failed to connect to the host via ssh: Invalid/incorrect username/password: alice@$H1: Permission denied"* ]]
    [[ $output != *retry* ]]
    [ "$(host sh -c 'grep -c "Failed password" /var/log/auth.log || :')" -le 1 ]
}

@test "hosts with unknown, changed and ignored keys" {
    run -1 ping -S -oUserKnownHostsFile=/dev/null -k "$H1"
    [[ $output == *"Host key verification failed. (the host's key is not in known_hosts"* ]]
    run -1 ping -S "-oUserKnownHostsFile=/dev/null -oStrictHostKeyChecking=ask" -k -u alice -P wonderland "$H1"
    [[ $output == *"Host key verification failed."* ]]
    ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/key"
    echo "$H1 $(cut -d' ' -f1,2 "$BATS_TEST_TMPDIR/key.pub")" >"$BATS_TEST_TMPDIR/known"
    run -1 ping -S "-oUserKnownHostsFile=$BATS_TEST_TMPDIR/known" -k "$H1"
    [[ $output == *"REMOTE HOST IDENTIFICATION HAS CHANGED"*"ssh-keygen -R"* ]]
    run -0 ping -S -oUserKnownHostsFile=/dev/null -k -H "$H1"
}

@test "logins and hosts that are not there" {
    run -1 ping -k -u nobody-such "$H1"
    [[ $output == *"Permission denied (publickey"* ]]
    run -1 ping -k -p 23 "$H1"
    [[ $output == *"port 23: Connection refused"* ]]
    run -1 ping -k no-such-name
    [[ $output == *"Could not resolve hostname no-such-name"* ]]
    run -1 ping -S -oNoSuchOption=1 -k "$H1"
    [[ $output == *"onfiguration option: nosuchoption"* ]]
}

@test "accounts that run no commands" {
    change 'usermod -s /usr/sbin/nologin bob'
    run -1 ping -k -u bob "$H1"
    [[ $output == *"the account cannot run commands: This account is currently not available."* ]]
    host sh -c 'printf "Match User alice\n ForceCommand internal-sftp\n" >>/etc/ssh/sshd_config; kill -HUP $(cat /run/sshd.pid)'
    sleep 1
    run -1 ping -k -u alice "$H1"
    [[ $output == *"the account cannot run commands: This service allows sftp connections only."* ]]
}

@test "a session that is killed on the host is told at once" {
    ping -k -j '{"do":"sleep","n":50000}' "$H1" >"$BATS_TEST_TMPDIR/out" &
    connected
    host pkill -9 -f 'sshd: root@notty'
    SECONDS=0
    wait $! || true
    [ "$SECONDS" -le 15 ] # the task would take 50
    grep -q "$H1: Lost the connection to the host: " "$BATS_TEST_TMPDIR/out"
    grep -q '0 ok, 1 failed' "$BATS_TEST_TMPDIR/out"
}

@test "a host that falls silent is told after the keep-alive, and a dead one after the timeout" {
    ping -S -oServerAliveInterval=1 -j '{"do":"sleep","n":50000}' "$H1" >"$BATS_TEST_TMPDIR/out" &
    connected
    change 'ip link set eth0 down'
    SECONDS=0
    wait $! || true
    [ "$SECONDS" -le 25 ] # the task would take 50
    grep -q "$H1: Lost the connection to the host: " "$BATS_TEST_TMPDIR/out"
    SECONDS=0
    run -1 ping -k -t 2 "$H1"
    [ "$SECONDS" -le 8 ] # it would be 10 without -t
    [[ $output == *"port 22: Connection timed out"* ]]
}

@test "a kept connection that died or hangs is replaced" {
    ping "$H1"
    kill -9 "$(master)"
    run -0 ping "$H1"
    [[ $output == *"1 ok, 0 failed"* ]]
    local first
    first=$(master)
    kill -STOP "$first"
    SECONDS=0
    run -0 ping "$H1"
    [[ $output == *"stale $ANDON_HOME/cp/"*"1 ok, 0 failed"* ]]
    [ "$SECONDS" -le 25 ] # the master would never answer
    kill -9 "$first"
}

@test "a reset ends the kept connection as well" {
    ping "$H1"
    local first
    first=$(master)
    run -0 ping -x -n 3 "$H1"
    [ "$(grep -c "$H1: connected" <<<"$output")" = 3 ]
    [[ $output != *stale* ]]
    run ps -o stat= -p "$first"
    [[ -z $output || $output == Z* ]]
    [ "$(master | wc -l)" = 1 ]
}

@test "folders that are noexec, full, or prepared by somebody else are not used" {
    change 'mkdir -p /root/.cache; mount -t tmpfs -o noexec tmpfs /root/.cache'
    host sh -c 'ln -s /tmp/evil /var/tmp/.andon-0; mkdir /tmp/evil /tmp/.andon-0; chown bob /tmp/evil /tmp/.andon-0'
    run -0 ping -k "$H1"
    [[ $output == *"fallback /dev/shm/.andon-0"*"pushed /dev/shm/.andon-0"*connected* ]]
    [ -z "$(host ls -A /tmp/evil /tmp/.andon-0 | grep node)" ]
    host sh -c 'umount /root/.cache; mount -t tmpfs -o size=64k tmpfs /root/.cache; rm -rf /dev/shm/.andon-0'
    run -0 ping -k "$H1"
    [[ $output == *"fallback /dev/shm/.andon-0"*connected* ]]
    [ -z "$(host ls -A /root/.cache/andon)" ]
}

@test "raw needs nothing on the host" {
    run -1 ping -k -r 'echo out; echo err >&2; exit 255' "$H1"
    run -0 ping -k -r 'echo "$0"; tty; exit 7' "$H1"
    [[ $output == *"rc 7, out "*"/dev/pts/"* ]]
}

@test "nothing is left when the program is killed" {
    timeout -s KILL 2 "$FLEET" run "$BUILD/tests/fleet/conn_ping" -h "$BUILD/tests/fleet/fake_node" -k \
        -c "-F$DIR/ssh_base" -j '{"do":"sleep","n":50000}' "$DIR/hosts.txt" || true
    pkill -9 -f "conn_ping.*-F$DIR/ssh_base" || true
    sleep 1
    run ! pgrep -f "ssh .*-F$DIR/ssh_base.*ServerAliveInterval"
    run ! host pgrep -f andon/node
}

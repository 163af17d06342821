#!/usr/bin/env bats
# What ssh asks reaches the person at the terminal, and fails clearly where there is none.

bats_require_minimum_version 1.5.0

setup_file() {
    FLEET=$BATS_TEST_DIRNAME/fleet
    TERMINAL=$BATS_TEST_DIRNAME/lib/at_terminal
    export FLEET TERMINAL ANDON_FLEET_NAME=asktest
    DIR=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run/asktest
    ANDON=$(readlink -f "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    export DIR ANDON
    "$FLEET" down 2>/dev/null
    "$FLEET" up 2
    KEY=$BATS_FILE_TMPDIR/key
    export KEY
    ssh-keygen -q -t ed25519 -N 'open sesame' -C asktest -f "$KEY"
    local host
    for host in h0001 h0002; do
        "$FLEET" exec "$host" sh -c "mkdir -p /root/.ssh && echo '$(cat "$KEY.pub")' >>/root/.ssh/authorized_keys"
    done
}

teardown_file() {
    "$FLEET" down
}

# What the hosts are, with the ssh arguments given beside those that keep us to our own files.
setup() {
    export ANDON_HOME=$BATS_TEST_TMPDIR/andon
    KNOWN=$BATS_TEST_TMPDIR/known
}

teardown() {
    local socket
    for socket in "$ANDON_HOME"/cp/*; do
        [ ! -S "$socket" ] || ssh -o ControlPath="$socket" -O exit x 2>/dev/null || true
    done
}

# hosts KNOWN-HOSTS-FILE KEY: writes the inventory.
hosts() {
    local n=0 address
    while read -r address; do
        n=$((n + 1))
        echo "host$n ansible_host=$address ansible_user=root ansible_ssh_private_key_file=$2" \
            "ansible_ssh_common_args='-F /dev/null -o IdentitiesOnly=yes -o UserKnownHostsFile=$1 -o StrictHostKeyChecking=ask'"
    done <"$DIR/hosts.txt" >"$BATS_TEST_TMPDIR/hosts"
}

# ping [PATTERN ANSWER].. : pings all hosts at a terminal.
ping() {
    "$TERMINAL" "$@" -- "$FLEET" run env -u SSH_AUTH_SOCK "$ANDON" "do" all -m ping -i "$BATS_TEST_TMPDIR/hosts"
}

@test "an unknown host key is shown and asked for, host by host" {
    ssh-keygen -q -p -P 'open sesame' -N '' -f "$KEY"
    hosts "$KNOWN" "$KEY"
    run -0 ping 'host[12]: The authenticity of host .*\(yes/no/\[fingerprint\]\)\? ' yes \
        'host[12]: The authenticity of host .*\(yes/no/\[fingerprint\]\)\? ' yes
    [[ $output == *"key fingerprint is SHA256:"* ]]
    [[ $output == *"2 hosts ok"* || $output == *"host1"*ok*"host2"*ok* ]]
    [ "$(wc -l <"$KNOWN")" -ge 2 ]
    ssh-keygen -q -p -P '' -N 'open sesame' -f "$KEY"
}

@test "a host key that is refused" {
    hosts "$KNOWN" "$KEY"
    run -4 ping 'host[12]: The authenticity .*\? ' no 'host[12]: The authenticity .*\? ' no
    [[ $output == *"Host key verification failed."* ]]
    [ ! -s "$KNOWN" ]
}

@test "a passphrase is asked for once, unseen" {
    hosts "$DIR/known_hosts" "$KEY"
    run -0 ping "host[12]: Enter passphrase for key '$KEY': " 'open sesame'
    [ "$(grep -c 'Enter passphrase' <<<"$output")" = 1 ]
    [[ $output != *sesame* ]]
}

@test "a wrong passphrase is asked for again" {
    hosts "$DIR/known_hosts" "$KEY"
    run -0 ping "host[12]: Enter passphrase for key '$KEY': " wrong "host[12]: Enter passphrase for key '$KEY': " 'open sesame'
}

@test "without a terminal it fails with what ssh would have asked" {
    hosts "$DIR/known_hosts" "$KEY"
    run -4 setsid -w "$FLEET" run env -u SSH_AUTH_SOCK "$ANDON" "do" host1 -m ping -i "$BATS_TEST_TMPDIR/hosts"
    [[ $output == *"Permission denied (publickey"*"(ssh asks: Enter passphrase for key '$KEY'; there is no terminal to ask on: add the key to ssh-agent)"* ]]
    hosts "$KNOWN" "$KEY"
    run -4 setsid -w "$FLEET" run env -u SSH_AUTH_SOCK "$ANDON" "do" host1 -m ping -i "$BATS_TEST_TMPDIR/hosts"
    [[ $output == *"Host key verification failed."*"known_hosts"* ]]
}

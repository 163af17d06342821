#!/usr/bin/env bats
# andon.release over real sshd: owners, what a killed helper leaves, and that current is never without a version.

load users

setup_file() { fleet_up reltest 1; }
teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    hosts_of root
}

teardown() {
    close_connections
    "$FLEET" reset h0001
}

# artifact VERSION [BYTES]: VERSION.tgz, whose file version says VERSION.
artifact() {
    mkdir -p w
    echo "$1" >w/version
    head -c "${2:-1000}" /dev/urandom >w/rest
    tar -czf "$1.tgz" -C w .
}

# deploy VERSION [ARGS]: in the background where BACK is set.
deploy() {
    printf -- '- hosts: h1\n  gather_facts: false\n  tasks:\n' >p.yml
    printf '    - andon.release: {path: /srv/shop, version: "%s", artifact: "%s.tgz", owner: daemon, mode: "0750"%s}\n' \
        "$1" "$1" "${2:-}" >>p.yml
    andon run -i hosts p.yml
}

@test "unpacked for its owner, switched, changed once" {
    artifact 1
    run deploy 1
    [ "$status" -eq 0 ]
    [ "$(host cat /srv/shop/current/version)" = 1 ]
    [ "$(host stat -c '%U %a' /srv/shop/releases/1)" = "daemon 750" ]
    [ "$(host stat -c %U /srv/shop/releases/1/version)" = daemon ]
    run deploy 1
    [ "$status" -eq 0 ]
    [[ $output != *changed=1* ]]
    artifact 2
    deploy 2
    [ "$(host cat /srv/shop/current/version /srv/shop/previous/version)" = "2
1" ]
}

@test "a helper that is killed while it unpacks leaves the old version, and the next run ends it" {
    artifact 1
    deploy 1
    artifact 2 60000000
    deploy 2 >first 2>&1 &
    local run=$! n=0
    until host sh -c 'ls -A /srv/shop/releases | grep -q andon_tmp' || [ $((n++)) -gt 300 ]; do :; done
    host pkill -9 -f 'node-[0-9a-f]{64}'
    wait $run && status=0 || status=$?
    [ "$status" -ne 0 ] || { cat first; return 1; }
    # whenever it was killed: whole or not there
    [ "$(host cat /srv/shop/current/version)" = 1 ] || [ "$(host cat /srv/shop/current/version)" = 2 ]
    [ "$(host cat /srv/shop/current/version)" = 2 ] || [ "$(host sh -c 'test -e /srv/shop/releases/2 && echo there; true')" = "" ] ||
        [ "$(host sh -c 'wc -c < /srv/shop/releases/2/rest')" = 60000000 ]
    deploy 2
    [ "$(host cat /srv/shop/current/version)" = 2 ]
    [ "$(host sh -c 'wc -c < /srv/shop/current/rest')" = 60000000 ]
    [ -z "$(host sh -c 'ls -A /srv/shop/releases | grep andon_tmp')" ]
}

@test "current leads somewhere at every moment of many switches" {
    for v in 1 2; do artifact $v; deploy $v; done
    host sh -c 'touch /tmp/go; while [ -e /tmp/go ]; do cat /srv/shop/current/version >/dev/null 2>&1 || echo miss >>/tmp/missed; done >/dev/null 2>&1 </dev/null & exit 0'
    for v in 1 2 1 2; do deploy $v; done
    host rm /tmp/go
    ! host test -e /tmp/missed
}

@test "a full disk is one error, and the old version stays" {
    artifact 1
    host sh -c 'mkdir -p /srv/shop && mount -t tmpfs -o size=20m tmpfs /srv/shop'
    deploy 1
    artifact 2 30000000
    run deploy 2
    [ "$status" -eq 2 ]
    [[ $output == *"No space left on device"* ]]
    [ "$(host cat /srv/shop/current/version)" = 1 ]
    [ -z "$(host sh -c 'ls -A /srv/shop/releases | grep andon_tmp')" ]
    host umount /srv/shop
}

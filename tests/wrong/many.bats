#!/usr/bin/env bats
# Hosts that go away one by one while a play runs on two hundred.

load wrong

setup_file() {
    FLEET=${BATS_TEST_DIRNAME%/*}/fleet/fleet
    export FLEET ANDON_FLEET_NAME=manytest
    RUN_DIR=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run/manytest
    ANDON=$(readlink -f "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    export RUN_DIR ANDON
    "$FLEET" down 2>/dev/null
    "$FLEET" up 200 --variant nopython
}
teardown_file() { "$FLEET" down; }

setup() { in_folder; }
teardown() { close_connections; }

@test "10 of 200 hosts are switched off at random moments: the others finish, and the recap is right" {
    run "$BATS_TEST_DIRNAME/kill_some" --seed 20261121 --kill 10 --dir "$RUN_DIR" -- "$FLEET" run "$ANDON" run \
        -i "$RUN_DIR/inventory.ini" site.yml -f 50 --ssh-common-args "-o ServerAliveInterval=2 -o ServerAliveCountMax=4" -T 3
    [ "$status" = 0 ] || { echo "$output"; return 1; }
    [[ $output == *"killed 10 of 200"* ]]
    clean 1 "$(tail -n 1 <<<"$output")"
}

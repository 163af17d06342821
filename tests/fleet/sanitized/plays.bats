#!/usr/bin/env bats
# Whole plays on real hosts with a sanitized andon and a helper that stops at undefined behaviour: static as it is, it takes no
# run-time library of a sanitizer, so it traps.

bats_require_minimum_version 1.5.0

setup_file() {
    FLEET=$BATS_TEST_DIRNAME/../fleet
    TOP=$(readlink -f "$BATS_TEST_DIRNAME/../../..")
    export FLEET TOP ANDON_FLEET_NAME=asantest
    RUN_DIR=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run/asantest
    ANDON=$(readlink -f "${ANDON:-$TOP/build-asan/andon}")
    ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    export RUN_DIR ANDON ASAN_OPTIONS UBSAN_OPTIONS
    "$FLEET" down 2>/dev/null
    "$FLEET" up 2
    { cat "$RUN_DIR/inventory.ini"; printf '[gone]\nh9 ansible_host=%s ansible_port=23\n' "$(sed -n 1p "$RUN_DIR/hosts.txt")"; } \
        >"$BATS_FILE_TMPDIR/inventory.ini"
}

teardown_file() { "$FLEET" down; }

setup() {
    export ANDON_HOME=$BATS_TEST_TMPDIR/state
    cd "$BATS_TEST_TMPDIR" || return 1
}

teardown() {
    local socket
    for socket in "$ANDON_HOME"/cp/*; do
        [ ! -S "$socket" ] || ssh -o ControlPath="$socket" -O exit x 2>/dev/null || true
    done
}

# play PLAYBOOK [OPTION..]: the exit code is in $status; what a sanitizer says fails the test.
play() {
    run env "ANDON_NODE=${ANDON%/*}/andon-node" "$FLEET" run "$ANDON" run -i "$BATS_FILE_TMPDIR/inventory.ini" "$@"
    if grep -E 'Sanitizer|runtime error:|was ended by signal|without a result|ended unexpectedly' <<<"$output"; then
        echo "$output"
        return 1
    fi
}

# twice PLAYBOOK: changes something, then nothing.
twice() {
    "$FLEET" reset
    play "$1" -l fleet
    [ "$status" = 0 ] || { echo "$output"; return 1; }
    play "$1" -l fleet
    [ "$status" = 0 ] || { echo "$output"; return 1; }
    [[ $output == *"h0001"*", 0 changed"* ]]
}

@test "the bench's play" {
    twice "$TOP/bench/play/site.yml"
}

@test "the demo's play" {
    twice "$TOP/demo/site.yml"
}

@test "a host that cannot be reached, failures, rescue, handlers, users" {
    cp "$BATS_TEST_DIRNAME/rough.yml" site.yml
    printf 'line {{ inventory_hostname }}\n' >t.j2
    play site.yml -v --diff --live
    [ "$status" = 4 ] || { echo "$output"; return 1; }
    [[ $output == *"h9"*unreachable* ]]
    [[ $output == *"rescued on h0001"* ]]
    [[ $output == *"handled on h0002"* ]]
}

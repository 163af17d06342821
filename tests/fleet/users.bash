# What the tests of users and errors on hosts share: a fleet of its own, inventories of it, andon on its network.
# shellcheck shell=bash disable=SC2154,SC2034  # bats sets output and status
bats_require_minimum_version 1.5.0

# fleet_up NAME N
fleet_up() {
    FLEET=${BATS_TEST_DIRNAME%/*}/fleet/fleet
    export FLEET ANDON_FLEET_NAME=$1
    RUN_DIR=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run/$1
    KEY=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/key/id_ed25519
    ANDON=$(readlink -f "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    export RUN_DIR KEY ANDON
    "$FLEET" down 2>/dev/null
    "$FLEET" up "$2"
    H1=$(sed -n 1p "$RUN_DIR/hosts.txt")
    H2=$(sed -n 2p "$RUN_DIR/hosts.txt")
    export H1 H2
}

# in_folder: an empty folder of the test's own, as HOME too.
in_folder() {
    export HOME=$BATS_TEST_TMPDIR/home ANDON_HOME=$BATS_TEST_TMPDIR/state
    mkdir -p "$HOME" "$BATS_TEST_TMPDIR/dir"
    cd "$BATS_TEST_TMPDIR/dir" || return 1
    unset ANSIBLE_CONFIG SSH_AUTH_SOCK
}

# hosts_of USER [NAME=VALUE..]: an inventory of h1 with that login; what is given is added or wins.
hosts_of() {
    echo "h1 ansible_host=$H1 ansible_user=$1 ansible_ssh_private_key_file=$KEY ansible_ssh_common_args='-o UserKnownHostsFile=$RUN_DIR/known_hosts -o GlobalKnownHostsFile=/dev/null -o IdentitiesOnly=yes' ${*:2}" >hosts
}

andon() { "$FLEET" run "$ANDON" "$@"; }

# compat ARGUMENTS: the same as ansible-playbook.
compat() {
    ln -sf "$ANDON" ansible-playbook
    "$FLEET" run env "ANDON_NODE=${ANDON%/*}/andon-node" ./ansible-playbook "$@"
}

host() { "$FLEET" exec h0001 "$@"; }

close_connections() {
    local socket
    for socket in "$ANDON_HOME"/cp/*; do
        [ ! -S "$socket" ] || ssh -o ControlPath="$socket" -O exit x 2>/dev/null || true
    done
}

has() {
    [[ $output == *"$1"* ]] || { printf 'expected: %s\ngot: %s\n' "$1" "$output"; return 1; }
}

hasnt() {
    [[ $output != *"$1"* ]] || { printf 'not expected: %s\ngot: %s\n' "$1" "$output"; return 1; }
}

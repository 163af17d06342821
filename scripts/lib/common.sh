# shellcheck shell=bash
# What the scripts share. Sourced after `set -euo pipefail`, with the caller's name in $0.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# as_root COMMAND..: through sudo when we are not root ourselves; settings of the fleet go along.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo --preserve-env=ANDON_FLEET_DIR,ANDON_FLEET_NAME,ANDON_FLEET_MIRROR "$@"
    else
        die "needs root for: $* (and there is no sudo)"
    fi
}

fleet() { as_root "$TOP/tests/fleet/fleet" "$@"; }

fleet_dir() { echo "${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}"; }

# build_in FOLDER [MESON_OPTION..]: sets up the build folder once, then builds everything in it.
build_in() {
    local folder=$1
    shift
    if [ -f "$folder/build.ninja" ]; then
        [ $# = 0 ] || meson configure "$folder" "$@"
    else
        CC=${CC:-$(compiler)} meson setup "$folder" "$TOP" "$@"
    fi
    ninja -C "$folder"
}

# The C compiler, behind ccache where there is one.
compiler() { if command -v ccache >/dev/null; then echo 'ccache gcc'; else echo gcc; fi; }

# What the command-line tests share.
# shellcheck disable=SC2154,SC2314  # bats sets output and status
bats_require_minimum_version 1.5.0

setup() {
    ANDON=$(readlink -f "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    DIR=$BATS_TEST_TMPDIR/dir
    mkdir -p "$DIR"
    cd "$DIR" || return 1
    export HOME=$BATS_TEST_TMPDIR/home ANDON_HOME=$BATS_TEST_TMPDIR/state
    mkdir -p "$HOME"
    unset ANSIBLE_CONFIG
    export PYTHONWARNINGS=ignore::SyntaxWarning   # ansible has Python parse paths: "/tmp/x7if" warns
    printf 'h1 ansible_connection=local\nh2 ansible_connection=local\n[web]\nh1\n' >hosts
}

# play TEXT: writes site.yml, the tasks of one play.
play() {
    { printf -- '- hosts: h1\n  gather_facts: false\n  tasks:\n' && sed 's/^/    /'; } >site.yml
}

andon() {
    "$ANDON" "$@"
}

# has TEXT: the output of `run` contains it.
has() {
    [[ $output == *"$1"* ]] || { printf 'expected: %s\ngot: %s\n' "$1" "$output"; return 1; }
}

# soon COMMAND..: waits until it is true, for a minute at most.
soon() {
    local end=$((SECONDS + 60))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

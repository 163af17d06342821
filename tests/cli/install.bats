#!/usr/bin/env bats
# `make install`: the installed tree works from wherever it is, with its helper, man pages and completion.

load helpers

# The folder of the build that is tested.
build_dir() { dirname "$ANDON"; }

# install PREFIX: into $DIR/root, and the build's own prefix back.
install_to() {
    local before
    before=$(meson introspect "$(build_dir)" --buildoptions | python3 -c 'import json, sys; print([o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"][0])')
    make -C "$BATS_TEST_DIRNAME/../.." --no-print-directory install BUILD="$(build_dir)" PREFIX="$1" DESTDIR="$DIR/root" >log 2>&1 || { cat log; return 1; }
    meson configure "$(build_dir)" -Dprefix="$before"
}

@test "an installed tree works, also when it is moved" {
    install_to /opt/somewhere
    local tree=$DIR/root/opt/somewhere
    (cd "$tree" && find . -type f | sort) >files
    {
        printf './%s\n' bin/andon libexec/andon/andon-node libexec/andon/andon-node.gz libexec/andon/andon-node.sums libexec/andon/andon-actions.py libexec/andon/andon-callbacks.py libexec/andon/andon-plugins.py libexec/andon/andon-vars.py share/bash-completion/completions/andon share/andon/andon.schema.json
        (cd "$BATS_TEST_DIRNAME/../../man" && printf './share/man/man1/%s\n' ./*.1 | sed 's,/\./,/,')
    } | LC_ALL=C sort | diff <(LC_ALL=C sort files) -
    play <<<'- command: echo installed'
    unset ANDON_NODE
    run -0 "$tree/bin/andon" run -i hosts site.yml -v
    has installed
    mv "$DIR/root" "$DIR/elsewhere"
    tree=$DIR/elsewhere/opt/somewhere
    ln -s "$tree/bin/andon" andon-link
    ln -s "$tree/bin/andon" ansible-playbook
    run -0 ./andon-link run -i hosts site.yml -v
    has installed
    run -0 ./ansible-playbook -i hosts site.yml
    has "PLAY RECAP"
    run -0 env PATH="$tree/bin:$PATH" andon --version
    has "andon "
    # shellcheck disable=SC1091
    . "$tree/share/bash-completion/completions/andon"
    COMP_WORDS=(andon run --inv) COMP_CWORD=2
    _andon
    [[ " ${COMPREPLY[*]} " == *" --inventory "* ]]
    for page in "$tree"/share/man/man1/*; do
        grep -q '^\.TH ANDON' "$page"
        if command -v man >/dev/null; then run -0 --separate-stderr man --warnings -l "$page"; [ -z "$stderr" ]; fi
    done
}

@test "a helper that is missing is told with what to do" {
    install_to /usr
    local tree=$DIR/root/usr
    rm "$tree/libexec/andon/andon-node"
    play <<<'- command: echo x'
    unset ANDON_NODE
    run -1 "$tree/bin/andon" run -i hosts site.yml
    has "libexec/andon/andon-node"
    has "ANDON_NODE"
}

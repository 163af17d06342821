#!/usr/bin/env bats
# Releases: create, list, show; and the module andon.release on a host of its own, the controller.

load helpers

setup_service() {
    command -v git >/dev/null || skip "git is not installed"
    export GIT_CONFIG_GLOBAL=$HOME/.gitconfig GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.org
    export GIT_COMMITTER_NAME=Ann GIT_COMMITTER_EMAIL=ann@example.org
    unset SSH_AUTH_SOCK
    git init -q .
    play <<<'- andon.release: {path: "{{ base }}"}'
    printf 'service: shop\ndeploy: site.yml\nrings:\n  - canary: h1\n' >andon.yml
    git add . && git commit -qm first
    artifact 1
}

# artifact TEXT: a.tgz, whose file app says TEXT.
artifact() {
    mkdir -p w && echo "$1" >w/app && tar -czf a.tgz -C w .
}

key() {
    mkdir -p "$HOME/.ssh" "$ANDON_HOME"
    ssh-keygen -q -t ed25519 -N "${1:-}" -f "$HOME/.ssh/id_ed25519"
    echo "ann@example.org $(cut -d' ' -f1,2 "$HOME/.ssh/id_ed25519.pub")" >"$ANDON_HOME/allowed_signers"
}

@test "a release: created once, listed, shown" {
    setup_service
    run -0 andon release create shop 1.0 --artifact a.tgz
    [[ $output =~ ^"shop 1.0 released, commit "[0-9a-f]{12}", artifact a.tgz ("[0-9]+" bytes, sha256 "[0-9a-f]{12}"), not signed"$ ]]
    run -0 andon release create shop 1.0 --artifact a.tgz
    has "shop 1.0 was released before"
    run -0 andon release list
    [ "$(wc -l <<<"$output")" = 1 ]
    run -0 andon release show shop 1.0
    has "$(git rev-parse HEAD) by Ann <ann@example.org>"
    has "$(sha256sum <a.tgz | cut -d' ' -f1)"
    cmp a.tgz "$(sed -n 's/^kept as *//p' <<<"$output")"
}

@test "a version never changes" {
    setup_service
    andon release create shop 1.0 --artifact a.tgz
    artifact 2
    run -1 andon release create shop 1.0 --artifact a.tgz
    has "shop 1.0 is there with another artifact"
    git commit -q --allow-empty -m second
    artifact 1
    run -1 andon release create shop 1.0
    run -1 andon release create shop 1.0 --artifact a.tgz
    [ "$(andon release list | wc -l)" = 1 ]
}

@test "signed by a key that is known" {
    setup_service
    key
    run -0 andon release create shop 1.0
    has ", signed by ann@example.org"
    run -0 andon release show shop 1.0 --output json
    has '"signer": "ann@example.org"'
    has '"verified": true'
    echo "ben@example.org $(cut -d' ' -f1,2 "$HOME/.ssh/id_ed25519.pub")" >"$ANDON_HOME/allowed_signers"
    run -0 andon release show shop 1.0
    has "signed by  ben@example.org"
    : >"$ANDON_HOME/allowed_signers"
    run -0 andon release show shop 1.0
    has "signed by  signed, but: the signer is not in"
}

@test "a key with a passphrase and nobody to ask" {
    setup_service
    key secret
    run -0 timeout 30 setsid "$ANDON" release create shop 1.0 </dev/null
    has "not signed: the key"
    ANDON_SIGNING_KEY=$HOME/.ssh/id_ed25519 run -1 timeout 30 setsid "$ANDON" release create shop 1.1 </dev/null
    has "has a passphrase and there is no terminal to ask for it"
    ANDON_SIGNING_KEY=/nonexistent run -1 "$ANDON" release create shop 1.1
    has "the key to sign with (signing_key) cannot be read: /nonexistent"
}

@test "what is wrong with a release is one error each, and nothing is recorded" {
    setup_service
    run -1 andon release create shop 1.0 --artifact nosuch.tgz
    has "the artifact cannot be read: nosuch.tgz: No such file or directory"
    run -1 andon release create shop 1.0 --artifact w
    has "the artifact w is no file"
    run -1 andon release create shop 1.0 --artifact a.tgz --digest 0000
    has ", not 0000: nothing is released"
    run -1 andon release create shop 1.0 --commit nosuch
    has "has no commit 'nosuch'"
    run -1 andon release create shpo 1.0
    has "is the file of the service 'shop', not 'shpo'"
    run -1 andon release create shop ../1
    has "'../1' is no name for a version"
    run -1 andon release show shop 1.0
    has "there is no release 1.0 of shop"
    run -2 andon release create shop
    run -2 andon release
    [ "$(andon release list)" = "No releases." ]
}

@test "what is named as an archive must be one; anything else is a file" {
    setup_service
    echo nonsense >b.tar.zst && cp b.tar.zst b.zip && cp b.tar.zst b.tar && cp b.tar.zst b.bin
    run -1 andon release create shop 1.0 --artifact b.tar.zst
    has "the artifact b.tar.zst is no tar archive, although its name says so: nothing is released"
    run -1 andon release create shop 1.0 --artifact b.tar
    run -1 andon release create shop 1.0 --artifact b.zip
    has "the artifact b.zip is no zip archive"
    [ "$(andon release list)" = "No releases." ]
    run -0 andon release create shop 1.0 --artifact b.bin
    tar -cf v7.tar --format=v7 -C w .
    run -0 andon release create shop 1.1 --artifact v7.tar
}

@test "a full disk is one error, and no release" {
    setup_service
    [ -w /dev/shm ] || skip "no place to fill"
    head -c 3000000 /dev/urandom >w/big && tar -czf a.tgz -C w .
    run -1 bash -c 'ulimit -f 1000; trap "" XFSZ; exec "$@"' _ "$ANDON" release create shop 1.0 --artifact a.tgz
    has "cannot keep the artifact a.tgz"
    [ "$(andon release list)" = "No releases." ]
}

@test "changes that are not committed are warned of" {
    setup_service
    echo '# more' >>site.yml
    run -0 andon release create shop 1.0
    has "has changes that are not committed"
}

# deploy VERSION [ARGS..]: the play as a rollout runs it.
deploy() {
    local version=$1 path digest
    shift
    path=$(andon release show shop "$version" | sed -n 's/^kept as *//p')
    digest=$(andon release show shop "$version" | sed -n 's/^sha256 *//p')
    andon run -i hosts site.yml --limit h1 -e "base=$DIR/srv" "$@" \
        -e "{\"andon_release\": {\"version\": \"$version\", \"artifact\": \"$path\", \"digest\": \"$digest\", \"keep\": 2}}"
}

@test "the module takes what it needs of andon_release, switches, keeps, and changes nothing twice" {
    setup_service
    for v in 1 2 3 4; do artifact $v && andon release create shop $v.0 --artifact a.tgz; done
    deploy 1.0 --check
    [ ! -e srv ]
    deploy 1.0
    [ "$(cat srv/current/app)" = 1 ] && [ ! -e srv/previous ]
    run -0 deploy 1.0
    [[ $output =~ h1.*"changed 0"|"0 changed"|ok ]]
    touch -d '1 hour ago' srv/releases/.1.0.sha256
    deploy 2.0 && touch -d '30 minutes ago' srv/releases/.2.0.sha256
    deploy 3.0
    [ "$(cat srv/current/app srv/previous/app)" = "$(printf '3\n2')" ]
    [ ! -e srv/releases/1.0 ]
    # back, and forth again
    sed -i 's/{path/{state: previous, version: "3.0", path/' site.yml
    deploy 3.0
    [ "$(cat srv/current/app srv/previous/app)" = "$(printf '2\n3')" ]
    deploy 3.0
    [ "$(cat srv/current/app srv/previous/app)" = "$(printf '2\n3')" ]
}

@test "an artifact with another digest is not unpacked" {
    setup_service
    play <<<'- andon.release: {path: "{{ base }}", version: "1", artifact: a.tgz, digest: "00ff"}'
    run -2 andon run -i hosts site.yml -e "base=$DIR/srv"
    has "nothing was unpacked"
    [ ! -e srv/current ] && [ ! -e srv/releases/1 ]
    [ -z "$(ls -A srv/releases)" ]
}

@test "what is no archive leaves nothing" {
    setup_service
    echo nonsense >a.tgz
    play <<<'- andon.release: {path: "{{ base }}", version: "1", artifact: a.tgz}'
    run -2 andon run -i hosts site.yml -e "base=$DIR/srv"
    has "the artifact cannot be unpacked"
    [ ! -e srv/current ] && [ -z "$(ls -A srv/releases)" ]
}

@test "a program as a release has its name on hosts" {
    setup_service
    printf '#!/bin/sh\necho works\n' >shop.sh
    run -0 andon release create shop 1.0 --artifact shop.sh --digest "$(sha256sum <shop.sh | cut -d' ' -f1)"
    play <<<"- andon.release: {path: $DIR/srv}"
    echo 'inventory: hosts' >>andon.yml
    run -0 andon deploy shop 1.0
    [ "$(srv/current/shop.sh)" = works ]
    # and in the hands of a hook that passes on less
    deploy 1.0 -e "base=$DIR/srv"
    [ "$(srv/current/shop.sh)" = works ]
}

@test "a version with other content, and a folder that is not ours, stay as they are" {
    setup_service
    play <<<'- andon.release: {path: "{{ base }}", version: "1", artifact: a.tgz}'
    andon run -i hosts site.yml -e "base=$DIR/srv"
    artifact other
    run -2 andon run -i hosts site.yml -e "base=$DIR/srv"
    has "version 1 is here with other content"
    [ "$(cat srv/current/app)" = 1 ]
    mkdir srv/releases/2
    sed -i 's/version: "1"/version: "2"/' site.yml
    run -2 andon run -i hosts site.yml -e "base=$DIR/srv"
    has "andon.release did not make it"
}

@test "a service is named by its folder too" {
    setup_service
    mkdir deep
    run -0 andon release create . 9.1
    has "shop 9.1 released"
    run -0 andon release show ./deep 9.1
    has "shop"
    run -1 andon release create /proc/ 9.1
    has "there is no andon.yml in '/proc/' or above"
}

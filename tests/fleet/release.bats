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

# from NAME [ARGS]: a version of that artifact, named as it.
from() {
    printf -- '- hosts: h1\n  gather_facts: false\n  tasks:\n' >p.yml
    printf '    - andon.release: {path: /srv/shop, version: "%s", artifact: "%s"%s}\n' "$1" "$1" "${2:-}" >>p.yml
    andon run -i hosts p.yml
}

@test "tar archives however they are compressed" {
    artifact 1
    tar -xzf 1.tgz -C w
    tar -cJf 1.tar.xz -C w .
    tar -cf 1.tar.zst --zstd -C w .
    tar -cjf 1.tbz2 -C w .
    tar -cf noname -C w .
    for name in 1.tar.xz 1.tar.zst 1.tbz2 noname; do
        from $name
        [ "$(host cat /srv/shop/current/version)" = 1 ]
        [ "$(host sha256sum </dev/null /srv/shop/current/rest | cut -d' ' -f1)" = "$(sha256sum <w/rest | cut -d' ' -f1)" ]
    done
    host mv /usr/bin/zstd /usr/bin/zstd.away
    cp 1.tar.zst 2.tar.zst
    run from 2.tar.zst
    [ "$status" -eq 2 ]
    [[ $output == *'required executable \"zstd\"'* || $output == *'required executable "zstd"'* ]]
    [ "$(host readlink /srv/shop/current)" = releases/noname ]
    [ -z "$(host sh -c 'ls -A /srv/shop/releases | grep 2.tar')" ]
}

@test "zip archives, also without their leading folder" {
    mkdir -p shop-1.0/bin && echo 1 >shop-1.0/version && printf '#!/bin/sh\necho works\n' >shop-1.0/bin/run && echo 2 >beside
    chmod 755 shop-1.0/bin/run && ln -s bin/run shop-1.0/go
    zip -qry a.zip shop-1.0 beside
    from a.zip
    [ "$(host cat /srv/shop/current/shop-1.0/version /srv/shop/current/beside)" = "$(printf '1\n2')" ]
    [ "$(host /srv/shop/current/shop-1.0/go)" = works ]
    cp a.zip b.zip
    from b.zip ', strip: 1, owner: daemon'
    [ "$(host /srv/shop/current/bin/run)" = works ] && [ "$(host readlink /srv/shop/current/go)" = bin/run ]
    [ "$(host stat -c %U /srv/shop/current/bin/run)" = daemon ]
    [ "$(host sh -c 'ls -A /srv/shop/current/')" = "$(printf 'bin\ngo\nversion')" ]
    mkdir -p other && echo 3 >other/version && cp a.zip c.zip && zip -qr c.zip other
    run from c.zip ', strip: 1'
    [ "$status" -eq 2 ]
    [[ $output == *"without 1 leading folder there are two named version"* ]]
    head -c 200 a.zip >d.zip
    run from d.zip
    [ "$status" -eq 2 ]
    [[ $output == *"the artifact cannot be unpacked: "* ]]
    echo nonsense >e.zip
    run from e.zip
    [[ $output == *"it is no zip archive"* ]]
    [ "$(host sh -c 'ls -A /srv/shop/releases | sort | tr "\n" " "')" = ".a.zip.sha256 .b.zip.sha256 a.zip b.zip " ]
}

@test "other files are there under their names, programs may be run" {
    printf '#!/bin/sh\necho works\n' >run.sh
    echo plain >notes.txt
    mkdir w && echo 1 >w/x && (cd w && zip -qr ../shop.jar .)
    from run.sh ', owner: daemon'
    [ "$(host /srv/shop/current/run.sh)" = works ]
    [ "$(host stat -c '%U %a' /srv/shop/current/run.sh)" = "daemon 755" ]
    run from run.sh
    [ "$status" -eq 0 ]
    [[ $output != *changed=1* ]]
    from notes.txt
    [ "$(host stat -c %a /srv/shop/current/notes.txt)" = 644 ]
    from shop.jar
    [ "$(host sh -c 'cat /srv/shop/current/shop.jar' | sha256sum)" = "$(sha256sum <shop.jar)" ]
    cp shop.jar other.jar
    from other.jar ', format: zip'
    [ "$(host cat /srv/shop/current/x)" = 1 ]
    cp run.sh named.sh
    from named.sh ', name: shop'
    [ "$(host /srv/shop/current/shop)" = works ]
    cp run.sh more.sh
    run from more.sh ', strip: 1'
    [[ $output == *"strip is for archives, and more.sh is a single file"* ]]
    run from more.sh ', name: ../x'
    [[ $output == *"'../x' is no name for a file"* ]]
}

@test "a helper that is killed while it unpacks leaves the old version, and the next run ends it" {
    artifact 1
    deploy 1
    artifact 2 1000000
    # unpacking takes until somebody says so
    host sh -c 'printf "#!/bin/sh\n/usr/bin/tar \"\$@\"\ntouch /tmp/unpacked\nwhile [ -e /tmp/hold ]; do sleep 0.1; done\n" >/usr/local/bin/tar
        chmod +x /usr/local/bin/tar; touch /tmp/hold'
    deploy 2 >first 2>&1 &
    local run=$! n=0
    until host test -e /tmp/unpacked || [ $((n++)) -gt 600 ]; do sleep 0.1; done
    host pkill -9 -f 'node-[0-9a-f]{64}'
    wait $run && status=0 || status=$?
    [ "$status" -ne 0 ] || { cat first; return 1; }
    [ "$(host cat /srv/shop/current/version)" = 1 ]
    run ! host test -e /srv/shop/releases/2
    host rm /tmp/hold
    deploy 2
    [ "$(host cat /srv/shop/current/version)" = 2 ]
    [ "$(host sh -c 'wc -c < /srv/shop/current/rest')" = 1000000 ]
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

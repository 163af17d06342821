#!/usr/bin/env bats
# No secret shows: canaries of every kind are planted, then searched for in the arguments and environments of all processes
# while it runs, in every output, in andon's own files, on the hosts and in the machine's logs.

bats_require_minimum_version 1.5.0

setup_file() {
    FLEET=$BATS_TEST_DIRNAME/fleet
    export FLEET ANDON_FLEET_NAME=secrettest
    DIR=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run/secrettest
    ANDON=$(readlink -f "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    export DIR ANDON
    "$FLEET" down 2>/dev/null
    "$FLEET" up 2
    PLAY=$BATS_FILE_TMPDIR/play
    export PLAY
    WORDS=$BATS_FILE_TMPDIR/words
    export WORDS
    # made anew each time, so that nothing from before can be found; in a file, not in our own environment
    for name in NOLOG VAULTPASS VAULTTEXT LOGIN BECOME URI; do
        echo "canary$name$(od -An -N6 -tx1 /dev/urandom | tr -d ' \n')"
    done >"$WORDS"
    plant
}

teardown_file() {
    "$FLEET" down
}

# canary NAME: the word of that name.
canary() {
    grep "^canary$1" "$WORDS"
}

# plant: passwords on the hosts, the play and its files.
plant() {
    local host
    for host in h0001 h0002; do
        { echo "alice:$(canary LOGIN)"; echo "root:$(canary BECOME)"; } | "$FLEET" exec $host chpasswd
    done
    mkdir -p "$PLAY/secrets"
    printf '%s\n' "$(canary VAULTPASS)" >"$PLAY/secrets/vault"
    printf '%s\n' "$(canary LOGIN)" >"$PLAY/secrets/login"
    printf '%s\n' "$(canary BECOME)" >"$PLAY/secrets/become"
    printf 'from_nolog: %s\nfrom_uri: %s\n' "$(canary NOLOG)" "$(canary URI)" >"$PLAY/secrets/vars.yml"
    {
        echo 'account:'
        echo '  name: web'
        "$ANDON" vault encrypt_string --vault-password-file "$PLAY/secrets/vault" --stdin-name '  key' <<<"$(canary VAULTTEXT)"
    } >"$PLAY/vars.yml"
    printf 'whole: %s\n' "$(canary VAULTTEXT)" >"$PLAY/whole.yml"
    printf 'key={{ account.key }}\n' >"$PLAY/t.j2"
    "$ANDON" vault encrypt --vault-password-file "$PLAY/secrets/vault" "$PLAY/whole.yml" "$PLAY/t.j2"
    cat >"$PLAY/site.yml" <<'END'
- hosts: all
  remote_user: alice
  become: true
  become_method: su
  gather_facts: false
  vars_files: [vars.yml, whole.yml, secrets/vars.yml]
  tasks:
    - {name: hidden, copy: {content: "{{ from_nolog }}", dest: /opt/planted/a}, no_log: true, register: hidden}
    - {name: hidden failure, fail: {msg: "{{ from_nolog }}"}, no_log: true, ignore_errors: true}
    - {name: hidden items, debug: {msg: "{{ item }}"}, loop: ["{{ from_nolog }}", x], no_log: true}
    - {name: hidden arguments, file: {path: "/proc/{{ from_nolog }}/x", state: touch}, no_log: true, ignore_errors: true}
    - {name: vaulted content, copy: {content: "{{ account.key }}", dest: /opt/planted/b}}
    - {name: vaulted template, template: {src: t.j2, dest: /opt/planted/c, mode: "0600"}}
    - {name: a dump, debug: {var: account}}
    - {name: every variable, debug: {var: "vars['account']"}}
    - {name: label, debug: {msg: x}, loop: ["{{ account }}"]}
    - {name: error about it, debug: {msg: "{{ account.key | from_json }}"}, ignore_errors: true}
    - {name: no such attribute, debug: {msg: "{{ account.key.nothing }}"}, ignore_errors: true}
    - {name: condition, debug: {msg: x}, when: account.key.nothing == 1, ignore_errors: true}
    - {name: uri, uri: {url: "http://127.0.0.1:9/", url_username: u, url_password: "{{ from_uri }}", force_basic_auth: true}, ignore_errors: true}
    - {name: get_url, get_url: {url: "http://127.0.0.1:9/x", dest: /opt/planted/x, url_username: u, url_password: "{{ from_uri }}"}, ignore_errors: true}
    - {name: job, uri: {url: "http://127.0.0.1:9/", url_username: u, url_password: "{{ from_uri }}"}, async: 20, poll: 1, ignore_errors: true}
    - {name: job left, uri: {url: "http://127.0.0.1:9/", url_username: u, url_password: "{{ from_uri }}"}, async: 20, poll: 0}
    - {name: takes a while, command: sleep 1}
END
    for host in h0001 h0002; do "$FLEET" exec $host mkdir -p /opt/planted; done
}

# play_with OPTIONS..: the run, watched.
play_with() {
    local watcher status=0
    export ANDON_HOME=$BATS_TEST_TMPDIR/andon
    "$BATS_TEST_DIRNAME/watch_secrets" "$BATS_TEST_TMPDIR/seen" "$WORDS" &
    watcher=$!
    while [ ! -e "$BATS_TEST_TMPDIR/seen.ready" ]; do sleep 0.05; done
    (cd "$PLAY" && "$FLEET" run "$ANDON" run -i "$DIR/inventory.ini" site.yml --vault-password-file secrets/vault \
        --connection-password-file secrets/login --become-password-file secrets/become \
        --ssh-common-args "-o PubkeyAuthentication=no" "$@") >"$BATS_TEST_TMPDIR/out" 2>&1 || status=$?
    kill -TERM $watcher
    wait $watcher || true
    [ $status = 0 ] || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
    [ "$(cat "$BATS_TEST_TMPDIR/seen.count")" -ge 5 ]
}

# nowhere: no canary in what the run left.
nowhere() {
    local host bad=0
    if [ -s "$BATS_TEST_TMPDIR/seen" ]; then cat "$BATS_TEST_TMPDIR/seen"; bad=1; fi
    if grep -F -f "$WORDS" "$BATS_TEST_TMPDIR/out"; then bad=1; fi
    if grep -rF --binary-files=text -f "$WORDS" "$ANDON_HOME"; then bad=1; fi
    if grep -rlF --binary-files=text -f "$WORDS" /var/log 2>/dev/null; then bad=1; fi
    for host in h0001 h0002; do
        "$FLEET" exec $host sh -c 'cat >/dev/shm/words; grep -rlF --binary-files=text -f /dev/shm/words /tmp /var/tmp /var/log \
            /root /home /run /opt /dev/shm 2>/dev/null | grep -v -e ^/opt/planted/ -e ^/dev/shm/words; rm -f /dev/shm/words' \
            <"$WORDS" >"$BATS_TEST_TMPDIR/left" || true
        if [ -s "$BATS_TEST_TMPDIR/left" ]; then echo "on $host:"; cat "$BATS_TEST_TMPDIR/left"; bad=1; fi
    done
    return $bad
}

@test "the search finds what is there" {
    "$BATS_TEST_DIRNAME/watch_secrets" "$BATS_TEST_TMPDIR/seen" "$WORDS" &
    watcher=$!
    while [ ! -e "$BATS_TEST_TMPDIR/seen.ready" ]; do sleep 0.05; done
    "$FLEET" exec h0001 env "X=$(canary NOLOG)" sleep 1
    kill -TERM $watcher
    wait $watcher
    grep -q "environ of sleep" "$BATS_TEST_TMPDIR/seen"
    play_with
    for host in h0001 h0002; do
        "$FLEET" exec $host grep -q "$(canary VAULTTEXT)" /opt/planted/b
        "$FLEET" exec $host grep -q "key=$(canary VAULTTEXT)" /opt/planted/c
        "$FLEET" exec $host grep -q "$(canary NOLOG)" /opt/planted/a
    done
}

@test "nothing shows in andon's own output" {
    play_with
    nowhere
}

@test "nothing shows in Ansible's output" {
    play_with --output ansible
    nowhere
}

@test "nothing shows in JSON" {
    play_with --output json
    nowhere
}

@test "nothing shows with -vvvv" {
    play_with -vvvv
    nowhere
    play_with -vvvv --output ansible
    nowhere
    play_with -vvvv --output json
    nowhere
}

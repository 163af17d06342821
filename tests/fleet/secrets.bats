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

# plant_more: a second play: passwords are vaulted variables of the hosts, a module of the user's own has a hidden parameter,
# and it fails.
plant_more() {
    mkdir -p "$PLAY/library" "$PLAY/group_vars"
    {
        echo 'ansible_user: alice'
        "$ANDON" vault encrypt_string --vault-password-file "$PLAY/secrets/vault" --stdin-name ansible_password < <(printf %s "$(canary LOGIN)")
        "$ANDON" vault encrypt_string --vault-password-file "$PLAY/secrets/vault" --stdin-name ansible_become_password < <(printf %s "$(canary LOGIN)")
    } >"$PLAY/group_vars/all.yml"
    sed 's/ansible_user=[a-z]*//' "$DIR/inventory.ini" >"$PLAY/hosts"
    cat >"$PLAY/library/own.py" <<'END'
#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
m = AnsibleModule(argument_spec={"key": {"no_log": True}})
m.exit_json(changed=False, got=m.params["key"], inside="<" + m.params["key"] + ">")
END
    cat >"$PLAY/more.yml" <<'END'
- hosts: all
  become: true
  gather_facts: false
  vars_files: [secrets/vars.yml]
  tasks:
    - {name: sudo, command: id -un}
    - {name: doas, command: id -un, become_method: doas}
    - {name: hidden difference, copy: {content: "{{ from_nolog }}\n", dest: /opt/planted/d, mode: "0600"}, no_log: true}
    - {name: vaulted file, copy: {src: whole.yml, dest: /opt/planted/e}}
    - {name: hidden while it runs, shell: cat /opt/planted/d; sleep 1, no_log: true}
    - {name: module of our own, own: {key: "{{ from_uri }}"}}
    - {name: passwords, debug: {var: "hostvars[inventory_hostname]"}}
    - {name: failure, fail: {msg: "{{ from_nolog }}"}, no_log: true}
END
}

# play_with OPTIONS..: the run, watched.
play_with() {
    watched 0 "$ANDON" run -i "$DIR/inventory.ini" site.yml --vault-password-file secrets/vault \
        --connection-password-file secrets/login --become-password-file secrets/become \
        --ssh-common-args "-o PubkeyAuthentication=no" "$@"
}

# more_with OPTIONS..: the second play.
more_with() {
    watched 2 "$ANDON" run -i hosts more.yml --vault-password-file secrets/vault --ssh-common-args "-o PubkeyAuthentication=no" "$@"
}

# watched CODE COMMAND..: in the play's folder, on the hosts' network; it ends with that code.
watched() {
    local watcher status=0 code=$1
    shift
    export ANDON_HOME=$BATS_TEST_TMPDIR/andon TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir -p "$TMPDIR"
    "$BATS_TEST_DIRNAME/watch_secrets" "$BATS_TEST_TMPDIR/seen" "$WORDS" &
    watcher=$!
    while [ ! -e "$BATS_TEST_TMPDIR/seen.ready" ]; do sleep 0.05; done
    (cd "$PLAY" && "$FLEET" run "$@") >"$BATS_TEST_TMPDIR/out" 2>&1 || status=$?
    kill -TERM $watcher
    wait $watcher || true
    [ $status = "$code" ] || { cat "$BATS_TEST_TMPDIR/out"; return 1; }
    [ "$(cat "$BATS_TEST_TMPDIR/seen.count")" -ge 5 ]
}

# nowhere: no canary in what the run left.
nowhere() {
    local host bad=0
    if [ -s "$BATS_TEST_TMPDIR/seen" ]; then cat "$BATS_TEST_TMPDIR/seen"; bad=1; fi
    if grep -F -f "$WORDS" "$BATS_TEST_TMPDIR/out"; then bad=1; fi
    if grep -rF --binary-files=text -f "$WORDS" "$ANDON_HOME" "$TMPDIR" "$PLAY"/*.retry 2>/dev/null; then bad=1; fi
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

@test "passwords that are variables, a failure, differences, live output: nothing shows, nor in what is remembered" {
    plant_more
    for options in "-v --diff --live" "-vvvv --diff --live --output ansible" "-vvvv --diff --live --output json" "--failed -vvvv"; do
        # shellcheck disable=SC2086  # words wanted
        more_with $options
        nowhere
        [ "$(grep -c canary "$PLAY/secrets/vars.yml")" = 2 ]
    done
    grep -rq more.yml "$ANDON_HOME/runs"
    "$FLEET" exec h0001 grep -q "$(canary NOLOG)" /opt/planted/d
    "$FLEET" exec h0001 grep -q "whole: $(canary VAULTTEXT)" /opt/planted/e
}

@test "nothing shows when called as ansible-playbook" {
    plant_more
    ln -sf "$ANDON" "$BATS_TEST_TMPDIR/ansible-playbook"
    export ANSIBLE_RETRY_FILES_ENABLED=1 ANDON_NODE=${ANDON%/*}/andon-node
    watched 2 "$BATS_TEST_TMPDIR/ansible-playbook" -i hosts more.yml --vault-password-file secrets/vault \
        --ssh-common-args "-o PubkeyAuthentication=no" -vvvv --diff
    nowhere
    grep -q h0001 "$PLAY/more.retry"
}

@test "nothing shows of single modules" {
    plant_more
    for options in "" -o -vvvv "-t $BATS_TEST_TMPDIR/tree"; do
        # shellcheck disable=SC2086  # words wanted
        watched 0 "$ANDON" "do" all -i hosts -b --vault-password-file secrets/vault --ssh-common-args "-o PubkeyAuthentication=no" \
            -e @secrets/vars.yml -m copy -a 'content={{ansible_become_password}} dest=/opt/planted/f mode=0600' $options
        nowhere
    done
    if grep -rF -f "$WORDS" "$BATS_TEST_TMPDIR/tree"; then false; fi
    "$FLEET" exec h0001 grep -q "$(canary LOGIN)" /opt/planted/f
}

@test "passwords that are typed do not show" {
    local step=()
    export ANDON_HOME=$BATS_TEST_TMPDIR/andon TMPDIR=$BATS_TEST_TMPDIR
    : >"$BATS_TEST_TMPDIR/seen"
    step=('SSH password: ' "$(canary LOGIN)" 'BECOME password.*: ' "$(canary BECOME)" 'Vault password.*: ' "$(canary VAULTPASS)")
    (cd "$PLAY" && "$BATS_TEST_DIRNAME/lib/at_terminal" "${step[@]}" -- "$FLEET" run "$ANDON" run -i "$DIR/inventory.ini" site.yml \
        -k -K --ask-vault-pass --ssh-common-args "-o PubkeyAuthentication=no" -v) >"$BATS_TEST_TMPDIR/out"
    grep -q 'SSH password' "$BATS_TEST_TMPDIR/out"
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

#!/usr/bin/env bats
# synchronize over real sshd: both ways, what it tells, users, relative paths, hosts among each other.

load users

setup_file() { fleet_up synctest 2; }

teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    hosts_of root
    mkdir -p tree/sub
    echo one >tree/one
    echo two >tree/sub/two
}

teardown() {
    close_connections
    "$FLEET" reset h0001
}

# play TASK..: runs tasks, one line each.
play() {
    printf -- '- hosts: h1\n  gather_facts: false\n  tasks:\n' >p.yml
    printf '    - %s\n' "$@" >>p.yml
    run andon run -i hosts p.yml
}

@test "pushes a folder, tells of changes, and changes nothing again" {
    play '{name: push, synchronize: {src: tree/, dest: /srv/tree}, register: r}' \
        '{name: told, copy: {content: "{{ r.stdout_lines }} {{ r.rc }}", dest: /srv/told}}'
    [ "$status" -eq 0 ]
    [ "$(host cat /srv/tree/one /srv/tree/sub/two)" = "one
two" ]
    told=$(host cat /srv/told)
    [[ $told == *" one'"*" sub/two'"*"] 0" ]]
    play '{name: push, synchronize: {src: tree/, dest: /srv/tree}, register: r}' \
        '{name: unchanged, assert: {that: "not r.changed and not r.stdout_lines"}}'
    [ "$status" -eq 0 ]
}

@test "deletes only when asked to, and nothing in check mode" {
    host sh -c 'mkdir -p /srv/tree; echo old > /srv/tree/old'
    play '{name: push, synchronize: {src: tree/, dest: /srv/tree}}'
    [ "$status" -eq 0 ]
    host test -e /srv/tree/old
    run andon run -i hosts --check p.yml
    play '{name: push, synchronize: {src: tree/, dest: /srv/tree, delete: true}, check_mode: true, register: r}' \
        '{name: would, assert: {that: r.changed and "*deleting" in r.msg}}'
    [ "$status" -eq 0 ]
    host test -e /srv/tree/old
    play '{name: push, synchronize: {src: tree/, dest: /srv/tree, delete: true}}'
    [ "$status" -eq 0 ]
    ! host test -e /srv/tree/old
}

@test "pulls, without what options leave out" {
    host sh -c 'mkdir -p /srv/from; echo a > /srv/from/a; echo b > /srv/from/b.log; chmod 777 /srv/from/a'
    play '{name: pull, synchronize: {mode: pull, src: /srv/from/, dest: got, rsync_opts: ["--exclude=*.log"], perms: false}}'
    [ "$status" -eq 0 ]
    [ "$(cat got/a)" = a ]
    [ ! -e got/b.log ]
    [ "$(stat -c %a got/a)" != 777 ]
}

@test "becomes the user on the host only" {
    hosts_of deploy
    play '{name: push, synchronize: {src: tree/one, dest: /srv/one}, become: true, register: r}' \
        '{name: by sudo, assert: {that: "\"--rsync-path=sudo rsync\" in r.cmd"}}'
    [ "$status" -eq 0 ]
    [ "$(host stat -c %U /srv/one)" = root ]
    play '{name: push, synchronize: {src: tree/one, dest: /srv/two}}'
    [ "$status" -eq 2 ]
    has "Permission denied"
}

@test "a relative source is looked for beside the playbook and in files" {
    mkdir files
    echo found >files/thing
    play '{name: push, synchronize: {src: thing, dest: /srv/thing}}'
    [ "$status" -eq 0 ]
    [ "$(host cat /srv/thing)" = found ]
    play '{name: push, synchronize: {src: nothing, dest: /srv/nothing}}'
    [ "$status" -eq 2 ]
    has "No such file or directory"
}

@test "both ends on the host itself, or on this machine" {
    host sh -c 'mkdir -p /srv/a; echo x > /srv/a/x'
    play '{name: there, synchronize: {src: /srv/a/, dest: /srv/b}, delegate_to: "{{ inventory_hostname }}"}'
    [ "$status" -eq 0 ]
    [ "$(host cat /srv/b/x)" = x ]
    echo "h1 ansible_connection=local" >hosts
    play '{name: here, synchronize: {src: tree/, dest: copy}}'
    [ "$status" -eq 0 ]
    [ "$(cat copy/sub/two)" = two ]
}

@test "links what is the same in another copy, and counts as changed when one file differs" {
    play '{name: first, synchronize: {src: tree/, dest: /srv/first}}' \
        '{name: linked, synchronize: {src: tree/, dest: /srv/second, link_dest: [/srv/first]}, register: r}' \
        '{name: again, synchronize: {src: tree/, dest: /srv/second, link_dest: [/srv/first]}, register: s}' \
        '{name: told, assert: {that: [r is changed, s is not changed]}}'
    [ "$status" -eq 0 ]
    [ "$(host stat -c %h /srv/second/one)" = 2 ]
    echo more >>tree/sub/two
    play '{name: differs, synchronize: {src: tree/, dest: /srv/second, link_dest: [/srv/first]}, register: r}' \
        '{name: told, assert: {that: [r is changed]}}'
    [ "$status" -eq 0 ]
}

@test "a password is enough where the connection is kept" {
    hosts_of bob ansible_password=builder
    sed -i 's/ansible_ssh_private_key_file=[^ ]*//' hosts
    play '{name: reach it, ping: }' '{name: push, synchronize: {src: tree/one, dest: /tmp/one}}'
    [ "$status" -eq 0 ]
    [ "$(host cat /tmp/one)" = one ]
}

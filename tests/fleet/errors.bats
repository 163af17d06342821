#!/usr/bin/env bats
# What a newcomer gets wrong with real hosts: each gives one clear message that names the host and what to do.

load users

setup_file() { fleet_up errortest 2; }
teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: a command, command: echo worked}\n' >site.yml
    hosts_of root
}

teardown() { close_connections; }

# both: the play fails so with andon and as ansible-playbook; CODE TEXT..
both() {
    local code=$1
    shift
    run andon run -i hosts site.yml "${OPTIONS[@]}"
    [ "$status" = "$code" ] || { echo "exit $status: $output"; return 1; }
    for text; do has "$text"; done
    [ "$(grep -c "$1" <<<"$output")" = 1 ] || { echo "not one message: $output"; return 1; }
    run compat -i hosts site.yml "${OPTIONS[@]}"
    [ "$status" = "$code" ] || { echo "exit $status: $output"; return 1; }
    for text; do has "$text"; done
    has "PLAY RECAP"
}

OPTIONS=()

@test "a host that is down" {
    hosts_of root ansible_port=23
    both 4 "port 23: Connection refused" h1
    hosts_of root ansible_host=198.51.100.1
    OPTIONS=(-T 2)
    both 4 "198.51.100.1" h1
}

@test "a host name that does not exist" {
    hosts_of root ansible_host=nosuch.invalid
    both 4 "Could not resolve hostname nosuch.invalid" h1
}

@test "a wrong key, and no such user" {
    ssh-keygen -q -t ed25519 -N '' -f other
    sed "s,$KEY,$PWD/other," -i hosts
    both 4 "Permission denied (publickey" h1
    hosts_of nobody-such
    both 4 "Permission denied (publickey" h1
    run -4 andon run -i hosts site.yml
    has "nobody-such@"
}

@test "a key file that is not there or that others may read" {
    sed "s,$KEY,$PWD/nosuch," -i hosts
    both 4 "Permission denied (" h1 "the private key file $PWD/nosuch: No such file or directory"
    hosts_of root
    sed "s,ansible_ssh_private_key_file=[^ ]*,," -i hosts
    OPTIONS=(--private-key nosuch.key)
    both 4 "Permission denied (" h1 "the private key file nosuch.key: No such file or directory"
    OPTIONS=()
    cp "$KEY" open
    chmod 644 open
    hosts_of root
    sed "s,$KEY,$PWD/open," -i hosts
    both 4 "Permission denied (" h1 "bad permissions"
}

@test "an unknown host key, and a changed one" {
    hosts_of root
    sed "s,$RUN_DIR/known_hosts,$PWD/known," -i hosts
    touch known
    both 4 "the host's key is not in known_hosts" h1 "ssh-keyscan"
    ssh-keygen -q -t ed25519 -N '' -f other
    echo "$H1 $(cut -d' ' -f1,2 other.pub)" >known
    both 4 "REMOTE HOST IDENTIFICATION HAS CHANGED" h1 "ssh-keygen -R"
}

@test "one host that is down does not keep the others" {
    hosts_of root
    echo "h2 ansible_host=$H2 ansible_port=23" >>hosts
    run -4 andon run -i hosts site.yml
    has "1 unreachable (h2)"
    has "1 changed (h1)"
    hasnt "site.yml:4"
}

@test "a wrong password of the login" {
    hosts_of alice "ansible_password=wrong"
    sed 's/IdentitiesOnly=yes/PubkeyAuthentication=no/' -i hosts
    both 4 "Invalid/incorrect username/password" h1
    hasnt wrong
}

@test "a wrong become password, a missing one, and no sudo" {
    hosts_of alice ansible_become=true ansible_become_password=wrong
    both 2 "Incorrect sudo password" h1
    hosts_of alice ansible_become=true
    both 2 "Missing sudo password" h1
    run -2 andon run -i hosts site.yml
    has "-K"
    host mv /usr/bin/sudo /usr/bin/sudo.gone
    hosts_of deploy ansible_become=true
    both 2 "there is no 'sudo' on this host; install the package sudo" h1
    host mv /usr/bin/sudo.gone /usr/bin/sudo
}

@test "a name that is not in the inventory, with -l" {
    run -1 andon run -i hosts site.yml -l h11
    has "h11"
    has "did you mean h1?"
}

@test "a full disk, a read-only folder, a command that does not exist" {
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {dest: /mnt/x, content: "{{ \x27x\x27 * 100000 }}"}\n' >site.yml
    host mount -t tmpfs -o size=8k tmpfs /mnt
    run -2 andon run -i hosts site.yml
    has "No space left on device"
    has "at site.yml:4:"
    host mount -o remount,ro /mnt
    run -2 andon run -i hosts site.yml
    has "/mnt not writable"
    host umount /mnt
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n    - command: nosuch-command\n' >site.yml
    run -2 andon run -i hosts site.yml
    has "nosuch-command"
    has "at site.yml:4:"
}

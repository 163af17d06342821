#!/usr/bin/env bats
# Becoming other users with sudo, su and doas, with and without a password, and what is said when that is refused.

load users

setup_file() { fleet_up becometest 1; }
teardown_file() { "$FLEET" down; }

setup() { in_folder; }

teardown() {
    close_connections
    [ ! -e changed ] || "$FLEET" reset
}

# change COMMAND: on the host, which is pristine again after the test.
change() {
    touch changed
    host sh -c "$1"
}

# id_as [OPTIONS]: who a command runs as, with become. The password, if any, is in the file pw.
id_as() { andon "do" h1 -i hosts -b "$@" -v -m command -a 'id -un'; }

@test "sudo without a password" {
    hosts_of deploy
    run -0 id_as
    has root
    run -0 id_as --become-user bob
    has bob
    run -0 id_as --become-user deploy
    has deploy
}

@test "sudo with a password, which appears in no argument, environment or log" {
    hosts_of alice
    echo wonderland >pw
    host sh -c ': >/var/log/auth.log'
    andon "do" h1 -i hosts -b --become-password-file pw -m command -a 'sleep 2' >out &
    sleep 1
    run ! host sh -c 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | grep -a wonderlan[d]'
    wait $!
    run -0 id_as --become-password-file pw
    has root
    hasnt wonderland
    run ! host grep -r wonderland /var/log
}

@test "sudo with a wrong password, none, and as somebody who may not" {
    hosts_of alice
    echo wrong >pw
    run -2 id_as --become-password-file pw
    has "Incorrect sudo password"
    run -2 id_as
    has "Missing sudo password"
    hosts_of bob
    echo builder >pw
    run -2 id_as --become-password-file pw
    has "bob is not"
    [ "$(host sh -c 'pgrep -c sudo || :')" = 0 ]
}

@test "su with a password, a wrong one, and none" {
    hosts_of bob
    echo looking-glass >pw
    run -0 id_as --become-method su --become-password-file pw
    has root
    echo wrong >pw
    run -2 id_as --become-method su --become-password-file pw
    has "Incorrect su password"
    run -2 id_as --become-method su
    has "Missing su password"
    hosts_of root
    run -0 id_as --become-method su --become-user alice
    has alice
}

@test "doas with and without a password, a wrong one, and none" {
    hosts_of deploy
    run -0 id_as --become-method doas
    has root
    hosts_of alice
    echo wonderland >pw
    run -0 id_as --become-method doas --become-password-file pw
    has root
    echo wrong >pw
    run -2 id_as --become-method doas --become-password-file pw
    has "Incorrect doas password"
    run -2 id_as --become-method doas
    has "Missing doas password"
    hosts_of bob
    echo builder >pw
    run -2 id_as --become-method doas --become-password-file pw
    has "doas"
}

@test "passwords with every odd character" {
    local word='a b'\''"$x\`é%#!'
    change 'cat >/tmp/pw; chpasswd </tmp/pw; rm /tmp/pw' <<<"alice:$word"
    hosts_of alice
    printf '%s\n' "$word" >pw
    for method in sudo doas; do
        run -0 id_as --become-method $method --become-password-file pw
        has root
    done
    hosts_of bob
    run -0 id_as --become-method su --become-user alice --become-password-file pw
    has alice
}

@test "users that do not exist, and methods that are not installed" {
    hosts_of deploy
    run -2 id_as --become-user nobody-such
    has "nobody-such"
    change 'mv /usr/bin/sudo /usr/bin/sudo.gone'
    run -2 id_as
    has "there is no 'sudo' on this host; install the package sudo"
    has "h1"
}

@test "another user's tasks have its home, its umask and its files" {
    hosts_of root
    cat >site.yml <<'Y'
- hosts: h1
  gather_facts: false
  become: true
  become_user: bob
  tasks:
    - {command: pwd, args: {chdir: "~"}, register: home, changed_when: false}
    - {copy: {dest: "~/mine", content: x}}
    - {template: {src: t.j2, dest: "~/templated"}}
    - shell: stat -c %U:%G ~/mine ~/templated
      register: owners
      changed_when: false
    - assert:
        that:
          - home.stdout == '/home/bob'
          - "owners.stdout_lines | unique == ['bob:bob']"
    - {fetch: {src: "~/mine", dest: got, flat: true}}
    - {file: {path: "~/mine", state: absent}}
    - {file: {path: "~/templated", state: absent}}
Y
    echo '{{ 1 + 1 }}' >t.j2
    run -0 andon run -i hosts site.yml
    [ "$(cat got)" = x ]
}

@test "many users in one play, one helper each, none is left" {
    hosts_of root
    cat >site.yml <<'Y'
- hosts: h1
  gather_facts: false
  become: true
  tasks:
    - {command: id -un, become_user: "{{ item }}", register: r, loop: [root, alice, bob, deploy, alice, bob]}
    - {assert: {that: r.results | map(attribute='stdout') | list == r.results | map(attribute='item') | list}}
Y
    run -0 andon run -i hosts site.yml
    close_connections
    run ! host pgrep -f 'node-[0-9a-f]{64} serve'
}

@test "a user without a home of its own, and folders that run nothing" {
    change 'useradd --no-create-home -d /nonexistent lost; mount -t tmpfs -o noexec tmpfs /tmp'
    hosts_of root
    run -0 id_as --become-user lost
    has lost
    run -0 host sh -c 'ls -d /var/tmp/andon.* 2>/dev/null || echo nothing left'
    has "nothing left"
}

@test "raw becomes too" {
    hosts_of alice
    echo wonderland >pw
    run -0 andon "do" h1 -i hosts -b --become-password-file pw -v -m raw -a 'id -un'
    has root
    hosts_of deploy
    run -0 andon "do" h1 -i hosts -b -v -m raw -a 'id -un'
    has root
}

@test "a sudo that wants a terminal, a banner, and a shell of its own" {
    change 'echo "Defaults requiretty" >/etc/sudoers.d/tty; echo "Defaults lecture=always" >/etc/sudoers.d/lecture; echo noise >/etc/profile.d/x.sh; chmod 440 /etc/sudoers.d/*'
    hosts_of alice
    echo wonderland >pw
    run id_as --become-password-file pw
    [ "$status" = 0 ] || has "tty"
}

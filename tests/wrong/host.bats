#!/usr/bin/env bats
# Hosts that are not as they should be: full, read-only, without a home, with a helper that somebody changed.

load wrong

setup_file() { fleet_up hosttest 1; }
teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    inventory
}

teardown() {
    close_connections
    [ ! -e changed ] || "$FLEET" reset
}

# change COMMAND: on the host, which is pristine again after the test.
change() {
    touch changed
    on 1 sh -c "$1"
}

@test "the disk is full: what is there stays as it is, whatever was to change it" {
    change 'mount -t tmpfs -o size=200k tmpfs /mnt && echo old >/mnt/file && head -c 150k /dev/zero >/mnt/rest'
    printf '{{ "x" * 100000 }}' >t.j2
    mkdir dir
    head -c 90000 /dev/zero >dir/file
    tar czf a.tgz -C dir file
    play <<'Y'
- {name: content, copy: {dest: /mnt/file, content: "{{ 'x' * 100000 }}"}, register: r, ignore_errors: true}
- {name: template, template: {src: t.j2, dest: /mnt/file}, register: r2, ignore_errors: true}
- {name: line, lineinfile: {path: /mnt/file, line: "{{ 'x' * 100000 }}"}, register: r3, ignore_errors: true}
- {name: block, blockinfile: {path: /mnt/file, block: "{{ 'x' * 100000 }}"}, register: r4, ignore_errors: true}
- {name: replace, replace: {path: /mnt/file, regexp: old, replace: "{{ 'x' * 100000 }}"}, register: r5, ignore_errors: true}
- {name: folder, copy: {src: dir/, dest: /mnt/}, register: r6, ignore_errors: true}
- {name: backup, shell: rm /mnt/rest; head -c 60k /dev/zero >/mnt/file; head -c 110k /dev/zero >/mnt/rest}
- {name: backed up, copy: {dest: /mnt/file, content: new, backup: true}, register: r7, ignore_errors: true}
- {assert: {that: [r is failed, r2 is failed, r3 is failed, r4 is failed, r5 is failed, r6 is failed, r7 is failed]}}
- {name: at last, copy: {dest: /mnt/file, content: "{{ 'x' * 100000 }}"}}
Y
    run andon run -i hosts site.yml
    is 2
    [ "$(grep -c 'No space left on device' <<<"$output")" = 8 ] || { echo "$output"; return 1; }
    has "at site.yml:"
    [ "$(on 1 sh -c 'ls -A /mnt' | sort | tr '\n' ' ')" = "file rest " ]
    [ "$(on 1 stat -c %s /mnt/file)" = 61440 ]
    clean 1
}

@test "a full disk fails as in Ansible" {
    change 'mount -t tmpfs -o size=100k tmpfs /mnt && head -c 90k /dev/zero >/mnt/rest'
    play <<'Y'
- {copy: {dest: /mnt/file, content: "{{ 'x' * 100000 }}"}}
- {command: echo after}
Y
    as_ansible
    [ "$status" = 2 ]
}

@test "no folder takes the helper: full, noexec and read-only, in one line that says what was tried" {
    change 'mkdir -p /root/.cache; mount -t tmpfs -o size=4k tmpfs /root/.cache; mount -t tmpfs -o noexec tmpfs /tmp; mount -t tmpfs -o ro tmpfs /var/tmp
        mount -t tmpfs -o size=4k tmpfs /dev/shm; mount -t tmpfs -o noexec tmpfs /run/user 2>/dev/null || { mkdir /run/user; mount -t tmpfs -o noexec tmpfs /run/user; }'
    play <<<'- {command: echo worked}'
    run andon run -i hosts site.yml
    is 4
    has "h1"
    has "There is no folder for the helper on the host"
    has "full"
    has "/var/tmp"
    [ "$(grep -c 'no folder' <<<"$output")" = 1 ]
    run ! on 1 sh -c 'find /root /tmp /var/tmp /dev/shm -name "*node*" -o -name ".new*" | grep .'
}

@test "/tmp is noexec and the home folder too: commands, scripts, files, other users and Python's modules work" {
    change 'mount -t tmpfs -o noexec tmpfs /tmp; mkdir -p /root/.cache; mount -t tmpfs -o noexec tmpfs /root/.cache; mount -o bind /home /home; mount -o remount,bind,noexec /home'
    mkdir library
    cat >library/own.py <<'P'
#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
AnsibleModule(argument_spec={}).exit_json(changed=False, said="own")
P
    printf '#!/bin/sh\necho script $0\n' >s.sh
    play <<'Y'
- {command: echo worked}
- {script: s.sh, register: s}
- {copy: {dest: /tmp/x, content: x}}
- {template: {src: s.sh, dest: /tmp/y}}
- {command: id -un, become: true, become_user: alice, register: who}
- {own: {}, register: own}
- {assert: {that: [who.stdout == 'alice', own.said == 'own', "'script' in s.stdout"]}}
Y
    run andon run -i hosts site.yml
    is 0
    close_connections
    clean 1
}

@test "the root is read-only: what needs no writing works, the rest says so" {
    change 'mount -o remount,ro /'
    play <<'Y'
- {setup: {gather_subset: [min]}}
- {command: echo worked, changed_when: false}
- {stat: {path: /etc/passwd}}
- {command: id -un, become: true, become_user: alice, changed_when: false}
- {name: file, copy: {dest: /etc/motd, content: x}, register: r, ignore_errors: true}
- {name: line, lineinfile: {path: /etc/hosts, line: x}, register: r2, ignore_errors: true}
- {name: user, user: {name: new}, register: r3, ignore_errors: true}
- {name: folder, file: {path: /opt/x, state: directory}, register: r4, ignore_errors: true}
- {assert: {that: [r is failed, r2 is failed, r3 is failed, r4 is failed]}}
- {name: mode, file: {path: /etc/motd, mode: "0600"}}
Y
    run andon run -i hosts site.yml
    is 2
    [ "$(grep -c -i -e 'Read-only file system' -e 'cannot lock /etc' -e 'not writable' <<<"$output")" -ge 4 ] || { echo "$output"; return 1; }
    hasnt "Traceback"
    close_connections
    on 1 mount -o remount,rw /
    clean 1
}

@test "a login without a home folder" {
    change 'usermod -d /nonexistent alice'
    echo wonderland >pw
    inventory ansible_user=alice
    sed 's/IdentitiesOnly=yes/PubkeyAuthentication=no/' -i hosts
    play <<'Y'
- {command: id -un, register: who}
- {copy: {dest: /tmp/of-alice, content: x}}
- {command: /bin/pwd, register: where}
- {debug: {msg: "{{ who.stdout }} in {{ where.stdout }}"}}
Y
    run andon run -i hosts site.yml --connection-password-file pw
    is 0
    has "alice in /"
    run andon run -i hosts site.yml --connection-password-file pw
    is 0
    close_connections
    clean 1
}

@test "a helper that somebody changed is not started: it is removed, sent anew, and that is told" {
    play <<<'- {command: echo worked}'
    run -0 andon run -i hosts site.yml
    close_connections
    change 'for f in /root/.cache/andon/node-*; do printf "#!/bin/sh\ntouch /opt/evil\nexit 0\n" >$f; done'
    run andon run -i hosts site.yml
    is 0
    has "h1"
    has "was altered"
    has "sent anew"
    run ! on 1 test -e /opt/evil
    close_connections
    on 1 sh -c 'for f in /root/.cache/andon/node-*; do head -c 1000 $f >/root/x; cat /root/x >$f; done'
    run compat -i hosts site.yml
    is 0
    output=$(tr '\n' ' ' <<<"$output")
    has "was altered"
    close_connections
    run andon run -i hosts site.yml
    is 0
    hasnt altered
    clean 1
}

@test "no more processes: the task fails and says why" {
    change 'echo "alice hard nproc 12" >>/etc/security/limits.conf'
    inventory ansible_user=alice
    echo wonderland >pw
    sed 's/IdentitiesOnly=yes/PubkeyAuthentication=no/' -i hosts
    play <<'Y'
- {name: many, shell: "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 4321 & done; wait"}
Y
    run timeout 60 "$FLEET" run "$ANDON" run -i hosts site.yml --connection-password-file pw
    [ "$status" != 0 ]
    has "h1"
    on 1 pkill -f 'sleep 4321' || true
    clean 1
}

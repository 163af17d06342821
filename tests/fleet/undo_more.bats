#!/usr/bin/env bats
# Undo on real hosts, beyond files and packages: what tools keep, what no undo takes back, a full disk in the midst of it,
# and what the ledger says of all that.

load users

setup_file() { fleet_up undomore 1; }

teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    hosts_of root
}

teardown() {
    close_connections
    "$FLEET" reset
}

# look: all that the host is, and what only tools tell.
look() {
    host sh <"$BATS_TEST_DIRNAME/lib/look"
    host sh -c 'dpkg-divert --list; sort /var/cache/debconf/config.dat; cat /proc/sys/net/ipv4/ip_forward'
}

# play TASK..: a playbook of these tasks, one line each.
play() {
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n' >p.yml
    [ $# -eq 0 ] || printf '    - %s\n' "$@" >>p.yml
}

newest() { andon log --type run.started --output json | tail -n 1 | jq -r .run; }

# same BEFORE AFTER
same() { diff "$1" "$2" || return 1; }

done_well() { [ "$status" -eq 0 ] || { echo "$output"; return 1; }; }

@test "answers, diversions, selections, repositories, settings, releases: all is as before" {
    host apt-get -qq -y install fleet-probe-asks fleet-probe >/dev/null 2>&1
    host sh -c 'echo "fleet-probe-asks fleet-probe-asks/colour select blue" | debconf-set-selections; echo kept >/usr/games/kept;
        dpkg-divert --quiet --local --rename --add /usr/games/kept; mkdir -p /etc/yum.repos.d /srv/pack; echo x >/srv/pack/x'
    mkdir -p w
    echo 1 >w/version
    tar -czf 1.tgz -C w .
    echo 2 >w/version
    tar -czf 2.tgz -C w .
    play '{name: old, andon.release: {path: /srv/shop, version: "1", artifact: 1.tgz}}'
    run andon run -i hosts p.yml
    done_well
    look >before
    play '{name: answer, debconf: {name: fleet-probe-asks, question: fleet-probe-asks/colour, vtype: select, value: green}}' \
        '{name: new answer, debconf: {name: fleet-probe, question: fleet-probe/own, vtype: string, value: mine}}' \
        '{name: divert, community.general.dpkg_divert: {path: /etc/fleet-probe.conf, rename: true}}' \
        '{name: undivert, community.general.dpkg_divert: {path: /usr/games/kept, state: absent, rename: true}}' \
        '{name: hold, dpkg_selections: {name: fleet-probe, selection: hold}}' \
        '{name: repository, yum_repository: {name: extras, description: Extras, baseurl: "http://example.org/"}}' \
        '{name: setting, ansible.posix.sysctl: {name: net.ipv4.ip_forward, value: "1", sysctl_file: /etc/sysctl.d/own.conf}}' \
        '{name: pack, community.general.archive: {path: /srv/pack, dest: /srv/pack.tgz, remove: true}}' \
        '{name: release, andon.release: {path: /srv/shop, version: "2", artifact: 2.tgz}}'
    run andon run -i hosts p.yml
    done_well
    [ "$(host cat /srv/shop/current/version /proc/sys/net/ipv4/ip_forward)" = "2
1" ]
    host test -e /usr/games/kept -a -e /etc/fleet-probe.conf.distrib -a ! -e /srv/pack
    run ! diff -q before <(look)
    run andon undo -i hosts last
    done_well
    look >after
    same before after
    # and the undo of the undo brings all of it there again
    run andon undo -i hosts "$(newest)"
    done_well
    host test -e /usr/games/kept -a -e /etc/fleet-probe.conf.distrib -a ! -e /srv/pack
    [ "$(host cat /srv/shop/current/version /proc/sys/net/ipv4/ip_forward)" = "2
1" ]
}

@test "what nothing takes back is named: by plan, before the undo and by it" {
    play '{name: file, copy: {content: a, dest: /srv/a}}' '{name: ran, command: touch /srv/b}' '{name: bare, raw: touch /srv/c}' \
        '{name: declared, command: touch /srv/d, vars: {andon_undo: rm /srv/d}}'
    run andon plan -i hosts p.yml
    done_well
    has "undo: no, cannot be undone because a command may have done anything"
    run andon run -i hosts p.yml
    done_well
    id=$(newest)
    run andon undo -i hosts -C "$id"
    [ "$status" -eq 6 ]
    has "would be put back in part on h1 (1)"
    has "cannot be undone:"
    has "ran: command: a command may have done anything"
    host ls /srv/a /srv/d
    run andon undo -i hosts "$id"
    [ "$status" -eq 6 ]
    has "put back in part on h1 (1)"
    has "ran: command: "
    has "bare: raw: "
    hasnt "declared: "
    has "partly undone"
    run ! host ls /srv/a
    run ! host ls /srv/d
    host ls /srv/b /srv/c
    run andon undo -i hosts --status "$id"
    has "partly undone"
    run andon log --host h1
    has "[not undone: ran: command: "
    run andon undo -i hosts --output json "$id"
    jq -e '.hosts.h1.outcome == "partly undone" and (.hosts.h1.lost | length) == 2' <<<"$output"
}

@test "who tells an undo with its difference, accounts by name, and no secret is in the ledger" {
    echo pass >vault-pass
    printf 'PLAIN-OF-VAULT\n' >secret.txt
    run andon vault encrypt --vault-password-file vault-pass secret.txt
    done_well
    run andon vault encrypt_string --vault-password-file vault-pass --name word VALUE-OF-VAULT
    done_well
    play
    printf '%s\n' "$output" | sed -n '/^word:/,$p' >words.yml
    printf '    - %s\n' '{name: words, include_vars: words.yml}' '{name: one, copy: {content: "a\nb\n", dest: /srv/a}}' '{name: two, copy: {content: "a\nc\n", dest: /srv/a}}' \
        '{name: user, user: {name: carol, groups: audio}}' '{name: package, apt: {name: sl}}' \
        '{name: hidden, copy: {content: SAID-BY-NOBODY, dest: /srv/h}, no_log: true}' \
        '{name: vaulted, copy: {src: secret.txt, dest: /srv/v}}' '{name: word, copy: {content: "it is {{ word }}\n", dest: /srv/w}}' >>p.yml
    run andon run -i hosts --vault-password-file vault-pass p.yml
    done_well
    host grep -q VALUE-OF-VAULT /srv/w
    run andon who h1 /srv/a
    hasnt "+++ after: 
"
    has "+++ after: /srv/a"
    run andon undo -i hosts -D last
    done_well
    hasnt SAID-BY-NOBODY
    hasnt PLAIN-OF-VAULT
    run andon who h1 /srv/a
    has "[put back]"
    has "-c
    +b"
    has "@@ -1,2 +0,0 @@
    -a
    -b"
    run andon who h1 carol
    has "user carol: undone"
    run andon who h1 sl
    has "package sl: undone"
    run andon log --run "$(newest)" --type change
    hasnt "/etc/passwd"
    hasnt "lines "
    run ! grep -r -a -l -e SAID-BY-NOBODY -e PLAIN-OF-VAULT -e VALUE-OF-VAULT "$ANDON_HOME"
}

@test "a disk that fills in the midst of an undo: what is left is told, and the undo goes on there" {
    host sh -c 'mkdir /srv/small && mount -t tmpfs -o size=1m small /srv/small && echo first >/etc/first && head -c 400000 /dev/urandom >/srv/small/big'
    look >before
    host sha256sum /srv/small/big >sums
    play '{name: first, copy: {content: new, dest: /etc/first}}' '{name: big, copy: {content: small, dest: /srv/small/big}}' \
        '{name: last, copy: {content: last, dest: /etc/last}}'
    run andon run -i hosts p.yml
    done_well
    id=$(newest)
    host sh -c 'head -c 2000000 /dev/zero >/srv/small/fill' || true
    run andon undo -i hosts "$id"
    [ "$status" -eq 2 ]
    has "failed on h1"
    has "No space left on device"
    has "/srv/small/big"
    run andon undo -i hosts --status
    has "the undo of $id was interrupted"
    play '{name: other, copy: {content: a, dest: /srv/other}}'
    run andon run -i hosts p.yml
    has "andon undo $id"
    host rm /srv/small/fill /srv/other
    run andon undo -i hosts "$id"
    done_well
    look >after
    same before after
    [ "$(host sha256sum /srv/small/big)" = "$(cat sums)" ]
    run andon undo -i hosts --status "$id"
    has "undone"
}

@test "a full disk under the journal: room was set aside for the undo; where it cannot note how far it is, it does not begin" {
    host sh -c 'mkdir -p /var/lib/andon/journal && mount -t tmpfs -o size=256k small /var/lib/andon/journal'
    look >before
    play '{name: a, copy: {content: a, dest: /srv/a}}' '{name: b, copy: {content: b, dest: /srv/b}}' '{name: c, user: {name: carol}}'
    fill() { host sh -c 'head -c 1000000 /dev/zero >/var/lib/andon/journal/fill' || true; }
    run andon run -i hosts p.yml
    done_well
    fill
    run andon undo -i hosts last
    done_well
    look >after
    same before after
    host rm /var/lib/andon/journal/fill
    run andon run -i hosts p.yml
    done_well
    id=$(newest)
    host mount -o remount,ro /var/lib/andon/journal
    run andon undo -i hosts "$id"
    [ "$status" -eq 2 ] || { echo "$output"; return 1; }
    has "Read-only file system"
    host cat /srv/a /srv/b
    host id carol
    host mount -o remount,rw /var/lib/andon/journal
    run andon undo -i hosts "$id"
    done_well
    host umount /var/lib/andon/journal
    look >after
    same before after
}

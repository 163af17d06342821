#!/usr/bin/env bats
# Drift: what is changed by hand on a host after a run is named, and nothing else is.

load users

setup_file() {
    FLEET=${BATS_TEST_DIRNAME%/*}/fleet/fleet
    export FLEET ANDON_FLEET_NAME=drifttest
    RUN_DIR=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/run/drifttest
    KEY=${ANDON_FLEET_DIR:-/var/tmp/andon-fleet}/key/id_ed25519
    ANDON=$(readlink -f "${ANDON:-$BATS_TEST_DIRNAME/../../build/andon}")
    export RUN_DIR KEY ANDON
    "$FLEET" down 2>/dev/null
    "$FLEET" up 1 --variant systemd
    H1=$(sed -n 1p "$RUN_DIR/hosts.txt")
    export H1
}

teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    hosts_of root
}

teardown() { close_connections; }

@test "nothing is known before the first run, and nothing has changed after it" {
    run andon drift -i hosts
    [ "$status" = 1 ]
    has "nothing has been recorded"
    cat >site.yml <<'Y'
- hosts: all
  gather_facts: false
  tasks:
    - copy: {dest: /etc/motd, content: "hello\n", mode: "0644"}
    - copy: {dest: /etc/app.secret, content: "{{ word }}\n", mode: "0600"}
      vars: {word: open sesame}
      no_log: true
    - file: {path: /etc/app.d, state: directory, mode: "0755"}
    - file: {path: /etc/app.link, state: link, src: /etc/motd}
    - file: {path: /etc/hosts.deny, state: absent}
    - apt: {name: cowsay, state: present}
    - service: {name: cron, state: started, enabled: true}
    - service: {name: cron, state: restarted}
Y
    andon run -i hosts site.yml
    run andon drift -i hosts
    echo "$output" # shown when it fails
    [ "$status" = 0 ]
    has "1 of 1 hosts as andon left them"
    run andon log --type drift.found
    hasnt drift
}

@test "a file, a package and a service changed by hand are named, once" {
    cat >site.yml <<'Y'
- hosts: all
  gather_facts: false
  tasks:
    - copy: {dest: /etc/motd, content: "hello\n", mode: "0644"}
    - copy: {dest: /etc/issue, content: "hello\n", mode: "0644"}
    - file: {path: /etc/app.d, state: directory, mode: "0755"}
    - file: {path: /etc/app.link, state: link, src: /etc/motd}
    - apt: {name: cowsay, state: present}
    - service: {name: cron, state: stopped}
    - service: {name: cron, state: started, enabled: true}
Y
    host apt-get remove -y -q cowsay >/dev/null 2>&1 || true
    host rm -rf /etc/app.d /etc/app.link
    host sh -c 'echo old >/etc/motd; echo old >/etc/issue'
    andon run -i hosts site.yml
    run andon drift -i hosts
    echo "$output" # shown when it fails
    [ "$status" = 0 ]
    host sh -c 'echo intruder >>/etc/motd; chmod 0666 /etc/issue; rmdir /etc/app.d; ln -sf /etc/passwd /etc/app.link'
    host apt-get remove -y -q cowsay >/dev/null
    host systemctl stop cron
    run andon drift -i hosts -C
    echo "$output" # shown when it fails
    [ "$status" = 2 ]
    has "/etc/motd: sha256"
    has "/etc/issue: mode 0666"
    has "/etc/app.d: nothing, was a folder"
    has "/etc/app.link: a link to /etc/passwd, was a link to /etc/motd"
    has "cowsay: not installed, was"
    has "cron: enabled stopped, was enabled running"
    has "changed 20" # since when
    has "0 of 1 hosts as andon left them"
    [ "$(andon log --type drift.found --output json | wc -l)" = 0 ] # -C records nothing
    run andon drift -i hosts --output json
    [ "$status" = 2 ]
    [ "$(jq_count "$output")" = 6 ]
    andon drift -i hosts || [ $? = 2 ]
    [ "$(andon log --type drift.found --output json | wc -l)" = 6 ] # told once
    run andon audit --since today
    echo "$output" # shown when it fails
    [ "$status" = 2 ]
    has /etc/motd
    run andon who h1 /etc/motd
    has "outside andon"
    # Put right by andon, all is well again.
    andon run -i hosts site.yml
    run andon drift -i hosts
    echo "$output" # shown when it fails
    [ "$status" = 0 ]
}

jq_count() { python3 -c 'import json, sys; print(len(json.loads(sys.argv[1])["hosts"]["h1"]["drift"]))' "$1"; }

# rpm_stand_in: what rpm and dnf say of a list of packages. With the real ones: undo_packages.bats.
rpm_stand_in() {
    host sh -c 'mkdir -p /var/lib/rpm && touch /var/lib/rpm/rpmdb.sqlite /var/lib/rpm/list
cat >/usr/local/bin/rpm <<"R"
#!/bin/sh
format="%{name}-%{evr}.%{arch}\\n"
while [ $# -gt 0 ]; do
    case $1 in
    -qa) all=1 ;;
    --qf) format=$2; shift ;;
    -*) ;;
    *) name=$1 ;;
    esac
    shift
done
awk -v f="$format" -v name="$name" -v all="$all" "
    function put(s, from, to,  i) { while (i = index(s, from)) s = substr(s, 1, i - 1) to substr(s, i + length(from)); return s }
    all || \$1 == name {
        n++
        s = put(put(put(put(f, \"%{nevra}\", \"%{name}-%{evr}.%{arch}\"), \"%{name}\", \$1), \"%{evr}\", \$2), \"%{arch}\", \$3)
        s = put(put(put(s, \"%{installtime}\", \$4), \"%{NAME}\", \$1), \"%{ARCH}\", \$3)
        printf \"%s\", put(s, \"%{EPOCHNUM}:%{VERSION}-%{RELEASE}\", \"0:\" \$2)
    }
    END { exit n || all ? 0 : 1 }" /var/lib/rpm/list
R
cat >/usr/local/bin/dnf <<"D"
#!/bin/sh
for spec; do :; done
now=$(date +%s) list=/var/lib/rpm/list
case " $* " in
*" remove "*) sed -i "/^$spec /d" $list ;;
*" upgrade "*) sed -i "s/^$spec .*/$spec 2-1 noarch $now/" $list ;;
*) echo "${spec%-*} ${spec##*-}-1 noarch $now" >>$list ;;
esac
D
chmod 755 /usr/local/bin/rpm /usr/local/bin/dnf'
}

# dnf STATE NAME: what a run does.
dnf_run() {
    echo "- {hosts: all, gather_facts: false, tasks: [{dnf: {name: $2, state: $1}}]}" >site.yml
    andon run -i hosts site.yml
}

@test "packages of rpm" {
    rpm_stand_in
    dnf_run present probe-1
    run andon drift -i hosts
    echo "$output" # shown when it fails
    [ "$status" = 0 ]
    has "1 of 1 hosts as andon left them (1 thing"
    host sed -i 's/^probe 1-1 .*/probe 2-1 noarch 1790000000/' /var/lib/rpm/list
    run andon drift -i hosts
    echo "$output" # shown when it fails
    [ "$status" = 2 ]
    has "probe: 2-1.noarch, was 1-1.noarch"
    has "changed 2026-09-21"
    host sh -c 'echo probe 1-1 noarch 1700000000 >>/var/lib/rpm/list' # several versions side by side
    run andon drift -i hosts
    [ "$status" = 0 ]
    host sed -i '/^probe 2-1/d' /var/lib/rpm/list
    dnf_run latest probe
    run andon who h1 probe
    has "installed 2-1.noarch"
    run andon drift -i hosts
    [ "$status" = 0 ]
    dnf_run absent probe
    run andon drift -i hosts
    [ "$status" = 0 ]
    host sh -c 'echo probe 3-1 noarch 1790000000 >>/var/lib/rpm/list'
    run andon drift -i hosts
    [ "$status" = 2 ]
    has "probe: 3-1.noarch, was not installed"
    host sh -c 'rm -r /var/lib/rpm /usr/local/bin/rpm /usr/local/bin/dnf'
}

@test "a host that cannot be reached is told" {
    echo '- {hosts: all, gather_facts: false, tasks: [{copy: {dest: /etc/motd, content: "a\n"}}]}' >site.yml
    andon run -i hosts site.yml
    close_connections
    sed -i "s/$H1/198.18.255.254/" hosts
    run andon drift -i hosts -T 3
    echo "$output" # shown when it fails
    [ "$status" = 4 ]
    has "h1: not reached"
}

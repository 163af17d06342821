#!/usr/bin/env bats
# Undo on real hosts: all that a host is, before a run and after its undo.

load users

setup_file() { fleet_up undotest 2; }

teardown_file() { "$FLEET" down; }

setup() {
    in_folder
    hosts_of root
    cp hosts one
    sed "s/^h1/h2/; s/$H1/$H2/" one >>hosts
}

teardown() {
    close_connections
    "$FLEET" reset
}

look() { host sh <"$BATS_TEST_DIRNAME/lib/look"; }

# play TASK..: a playbook of these tasks, one line each.
play() {
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n' >p.yml
    printf '    - %s\n' "$@" >>p.yml
}

newest() { host ls -t /var/lib/andon/journal | head -n 1; }

# undone: what the newest run did on h1 is put back, whole.
undone() {
    run andon undo -i hosts "$(newest)" "$@"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    look >after
    diff before after
}

@test "files, accounts, crontabs, mounts, names, times: the whole tree is as before" {
    host sh -c 'echo old >/srv/old; ln -s old /srv/link; mkdir -p /srv/tree/a; echo x >/srv/tree/a/f; chmod 2751 /srv/tree/a'
    look >before
    play '{name: parent, file: {path: /srv/new/deep, state: directory}}' \
        '{name: new, copy: {content: a, dest: /srv/new/deep/f, mode: "0600", owner: bob}}' \
        '{name: old, copy: {content: b, dest: /srv/old, owner: bob}}' \
        '{name: line, lineinfile: {path: /etc/hosts, line: "10.0.0.1 x"}}' \
        '{name: link, file: {src: new, dest: /srv/link, state: link}}' \
        '{name: gone, file: {path: /srv/tree, state: absent}}' \
        '{name: modes, file: {path: /etc/skel, mode: "0700", recurse: true, group: audio}}' \
        '{name: user, user: {name: carol, groups: audio, generate_ssh_key: true, ssh_key_type: ed25519}}' \
        '{name: key, lineinfile: {path: /home/carol/.ssh/authorized_keys, line: key, create: true}}' \
        '{name: bob, user: {name: bob, shell: /bin/sh, comment: changed}}' \
        '{name: group, group: {name: crew, gid: 4242}}' \
        '{name: no user, user: {name: alice, state: absent, remove: true}}' \
        '{name: cron, cron: {name: job, job: "true", minute: "5"}}' \
        '{name: cron of bob, cron: {name: job, job: "true", user: bob}}' \
        '{name: cron file, cron: {name: job, job: "true", user: root, cron_file: own}}' \
        '{name: mount, mount: {path: /srv/mnt, src: tmpfs, fstype: tmpfs, state: mounted}}' \
        '{name: name, hostname: {name: renamed}}' \
        '{name: zone, timezone: {name: Europe/Berlin}}' \
        '{name: git, command: git init -q /srv/repo, vars: {andon_undo: "rm -r /srv/repo"}}' \
        '{name: loop, copy: {content: "{{ item }}", dest: "/srv/{{ item }}"}, loop: [l1, l2]}'
    run andon run -i hosts p.yml
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    look >between
    run ! diff -q before between
    undone
    run ! host mountpoint -q /srv/mnt
}

@test "packages and their services: versions, marks, configuration, what was purged" {
    play '{name: before, apt: {name: [fleet-probe=1.0, fleet-probe-data, less]}}'
    run andon run -i hosts p.yml
    look >before
    play '{name: install, apt: {name: [tree, fleet-probe-service]}}' \
        '{name: page, copy: {content: "# x", dest: /etc/nginx/conf.d/own.conf}}' \
        '{name: setting, lineinfile: {path: /etc/nginx/nginx.conf, line: "# own"}, notify: again}' \
        '{name: runs, service: {name: nginx, state: started, enabled: true}}' \
        '{name: upgrade, apt: {name: fleet-probe, state: latest}}' \
        '{name: purge, apt: {name: fleet-probe-data, state: absent, purge: true, autoremove: true}}' \
        '{name: remove, apt: {name: less, state: absent}}' \
        '{name: cron stops, service: {name: cron, state: stopped, enabled: false}}'
    printf '  handlers:\n    - {name: again, service: {name: nginx, state: restarted}}\n' >>p.yml
    run andon run -i hosts p.yml
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    undone
    has "fleet-probe=1.0"
}

@test "a package that somebody needs since is not purged" {
    play '{name: library, apt: {name: libjq1}}'
    run andon run -i one p.yml
    host apt-get -qq -y install jq >/dev/null 2>&1
    run andon undo -i one "$(newest)"
    [ "$status" -eq 2 ]
    has "package jq, which the run did not install, would have to go"
    host jq --version
}

@test "a host has its deadline: what is left then is told, and put back by the next undo" {
    look >before
    play '{name: first, copy: {content: a, dest: /srv/first}}' \
        '{name: slow, command: touch /srv/slow, vars: {andon_undo: "[ -e /tmp/fast ] || sleep 600; rm /srv/slow"}}' \
        '{name: last, copy: {content: a, dest: /srv/last}}'
    SECONDS=0
    run andon run -i hosts p.yml
    time=$((3 + 3 * SECONDS)) # enough for a host that is not held up
    id=$(newest)
    host touch /tmp/fast
    SECONDS=0
    run andon undo -i hosts --deadline ${time}s "$id"
    [ $SECONDS -lt 300 ]
    [ "$status" -eq 2 ]
    has "put back on h1 (1)"
    has "not put back in time on h2 (1)"
    has "the host had $time seconds and was not done: 2 things are left
    remove /srv/last
  not put back:
"
    has "remove /srv/first"
    run ! "$FLEET" exec h0002 test -e /srv/last
    host rm /tmp/fast
    run andon undo -i hosts --force --limit h2 --deadline nonsense "$id"
    [ "$status" -eq 2 ]
    has "argument --deadline: 'nonsense' is no duration"
    "$FLEET" exec h0002 touch /tmp/fast
    run andon undo -i hosts --output json --deadline 1m "$id"
    [ "$status" -eq 0 ]
    run -2 "$FLEET" exec h0002 ls /srv/first /srv/slow /srv/last
    for path in first last; do
        run andon who h2 /srv/$path
        [ "$(grep -c "put back" <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    done
}

# controllers: the processes of runs of p.yml and of their connections.
controllers() { pgrep -f "$ANDON run -i one p.yml|$ANDON_HOME/cp/"; }

# on_h1 COMMAND..: waits until that holds there.
on_h1() {
    for ((i = 0; i < 600; i++)); do
        ! host sh -c "$1" >/dev/null 2>&1 || return 0
        sleep 0.1
    done
    echo "never came true: $1"
    return 1
}

@test "a run that is undone while its controller sleeps: it ends on the host, and is refused when the controller wakes" {
    look >before
    play '{name: first, copy: {content: a, dest: /srv/first}}' \
        '{name: slow, shell: "touch /srv/began; sleep 600; touch /srv/late", vars: {andon_undo: "rm -f /srv/began /srv/late"}, ignore_errors: true, ignore_unreachable: true}' \
        '{name: next, copy: {content: a, dest: /srv/next}, ignore_errors: true, ignore_unreachable: true}' \
        '{name: anew, copy: {content: a, dest: /srv/anew}, ignore_errors: true}' \
        '{name: bare, raw: touch /srv/bare, ignore_errors: true}' '{name: last, copy: {content: a, dest: /srv/last}}'
    andon run -i one p.yml >out 2>&1 &
    controller=$!
    on_h1 "test -e /srv/began"
    id=$(newest)
    mapfile -t asleep < <(controllers)
    kill -STOP "${asleep[@]}" 2>/dev/null || true # those that are still there
    ANDON_HOME=$PWD/other run andon undo -i one "$id"
    look >after
    kill -CONT "${asleep[@]}" 2>/dev/null || true
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    has "put back on h1 (1)"
    diff before after
    run ! host pgrep -f "sleep 600"
    run ! wait "$controller"
    for task in anew bare last; do # those before may have met a connection that was just ending
        grep -A 1 -E "^ +failed +$task " out | grep "the run $id was given up on this host" || { cat out; return 1; }
    done
    look >after
    diff before after
    ANDON_HOME=$PWD/other close_connections
}

@test "a rollout ends what a lost run has left there before it deploys the release before" {
    cat >andon.yml <<'END'
service: shop
deploy: deploy.yml
inventory: one
on_failure: redeploy
rings:
  - {name: all, hosts: h1}
END
    cat >deploy.yml <<'END'
- hosts: all
  gather_facts: false
  tasks:
    - copy: {content: "{{ andon_release.version }}", dest: /srv/version}
    - shell: touch /srv/began; sleep 600; echo late >/srv/version
      when: andon_release.version == "2"
END
    "$ANDON" release create shop 1
    "$ANDON" release create shop 2
    andon deploy shop 1
    andon deploy shop 2 >out 2>&1 &
    rollout=$!
    on_h1 "test -e /srv/began"
    mapfile -t asleep < <(pgrep -f "$ANDON_HOME/cp/") # nobody tells the host that the run is ended
    kill -STOP "${asleep[@]}" 2>/dev/null || true
    rm "$ANDON_HOME"/cp/* # the next one connects anew
    pgrep -f "run .*$PWD/deploy.yml" | xargs kill -KILL || true
    wait "$rollout" && status=0 || status=$?
    kill -CONT "${asleep[@]}" 2>/dev/null || true
    [ "$status" -eq 2 ] || { cat out; return 1; }
    grep "redeployed" out || { cat out; return 1; }
    run ! host pgrep -f "sleep 600"
    [ "$(host cat /srv/version)" = 1 ]
    [ "$(host ls /var/lib/andon/fence | wc -l)" = 1 ]
}

@test "background jobs of a run that is undone end, whoever they work as, and their files say why" {
    play '{name: job, shell: "touch /srv/began; sleep 601; touch /srv/late", async: 600, poll: 0, vars: {andon_undo: rm /srv/began}}' \
        '{name: of bob, shell: "touch ~/began; trap : TERM; sleep 601; sleep 601", async: 600, poll: 0, become: true, become_user: bob, vars: {andon_undo: rm ~/began}}' \
        '{name: over, command: "true", async: 600, poll: 0, vars: {andon_undo: "true"}}'
    run andon run -i one p.yml
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    on_h1 "test -e /srv/began -a -e /home/bob/began"
    on_h1 "grep -q '\"rc\": *0' /root/.ansible_async/j*"
    run andon undo -i one "$(newest)"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    run ! host pgrep -f "sleep 601"
    run -2 host ls /srv/began /srv/late /home/bob/began
    [ "$(host sh -c 'grep -l "was given up on this host" /root/.ansible_async/j* /home/bob/.ansible_async/j*' | wc -l)" = 2 ]
}

@test "an undo waits for a package manager that a lost run has left at work" {
    host sh -c 'mkdir -p /root/slow/DEBIAN && cd /root/slow/DEBIAN &&
        printf "Package: slow\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: slow\n" >control &&
        printf "#!/bin/sh\nuntil [ -e /tmp/go ]; do sleep 0.1; done\necho made >/opt/configured\n" >postinst && printf "#!/bin/sh\nrm -f /opt/configured\n" >prerm &&
        chmod 755 postinst prerm && dpkg-deb --build /root/slow /root/slow.deb'
    look >before
    play '{name: install, apt: {deb: /root/slow.deb, policy_rc_d: 101}}'
    andon run -i one p.yml >out 2>&1 &
    on_h1 "pgrep -f slow.postins[t]"
    controllers | xargs kill -KILL || true # some have ended with others
    (sleep 2; host touch /tmp/go) 3>&- &
    run andon undo -i one "$(newest)"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    has "put back on h1 (1)"
    look >after
    diff before after
    # and for one of a background job
    host rm /tmp/go
    play '{name: install, apt: {deb: /root/slow.deb, policy_rc_d: 101}, async: 600, poll: 0}'
    run andon run -i one p.yml
    on_h1 "pgrep -f slow.postins[t]"
    (sleep 2; host touch /tmp/go) 3>&- &
    run andon undo -i one last
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    has "put back on h1 (1)"
    host rm -r /root/.ansible_async
    look >after
    diff before after
}

@test "what was changed since is listed and nothing touched; --force goes on; --check only tells" {
    look >before
    play '{name: a, copy: {content: a, dest: /srv/a}}' '{name: b, copy: {content: b, dest: /srv/b}}'
    run andon run -i hosts p.yml
    id=$(newest)
    run andon undo -i hosts -C "$id"
    [ "$status" -eq 0 ]
    has "would be put back on h1, h2 (2)"
    host test -e /srv/b
    host sh -c 'echo mine >/srv/a'
    run andon undo -i hosts "$id"
    [ "$status" -eq 2 ]
    has "put back on h2 (1)"
    has "refused on h1 (1)"
    has "/srv/a was changed since"
    host test -e /srv/b
    undone --force
    run andon undo -i hosts --status "$id"
    has "undone"
}

@test "each user's part is put back as that user, and all of it or none" {
    hosts_of deploy
    look >before
    play '{name: own, copy: {content: a, dest: "~/mine"}}' '{name: cron, cron: {name: j, job: "true"}}' \
        '{name: root, copy: {content: a, dest: /etc/rooted}, become: true}' \
        '{name: bob, copy: {content: a, dest: /home/bob/x}, become: true, become_user: bob}'
    run andon run -i hosts p.yml
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    id=$(newest)
    [ "$(host stat -c '%U %a' "/home/bob/.local/state/andon/journal/$id" /var/lib/andon/journal/"$id")" = "bob 700
root 700" ]
    host sh -c 'echo mine >/home/bob/x'
    run andon undo -i hosts "$id"
    [ "$status" -eq 2 ]
    host ls /etc/rooted /home/deploy/mine
    host sh -c 'printf a >/home/bob/x'
    undone
}

@test "a host that is not reached is told, and the same command goes on with it" {
    play '{name: a, copy: {content: a, dest: /srv/a}}'
    run andon run -i hosts p.yml
    id=$(newest)
    sed "s/$H2/192.0.2.1/" hosts >broken
    run andon undo -i broken -T 1 "$id"
    [ "$status" -eq 4 ]
    has "put back on h1 (1)"
    has "not reached: h2"
    run andon undo -i hosts "$id"
    [ "$status" -eq 0 ]
    has "put back on h2 (1)"
    has "as before the run already: h1"
    run ! "$FLEET" exec h0002 test -e /srv/a
}

@test "a helper killed in the midst of it: the undo puts back, and an interrupted undo is told and finished" {
    look >before
    play '{name: a, copy: {content: a, dest: /srv/a}}' '{name: b, file: {path: /etc/skel, state: absent}}' \
        '{name: c, user: {name: carol}}'
    for n in 1 2 5; do
        run "$FLEET" run env ANDON_UNDO_CRASH=$n "$ANDON" run -i one p.yml
        undone
    done
    run andon run -i one p.yml
    id=$(newest)
    run "$FLEET" run env ANDON_UNDO_CRASH=10 "$ANDON" undo -i one "$id"
    [ "$status" -ne 0 ]
    run andon undo -i one --status
    has "the undo of $id was interrupted"
    play '{name: other, copy: {content: a, dest: /srv/other}}'
    run andon run -i one p.yml
    has "andon undo $id"
    run andon undo -i one "$(newest)"
    [ "$status" -eq 0 ]
    run andon undo -i one "$id"
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    look >after
    diff before after
    run andon log --run "$(andon log --type run.started --output json | tail -n 1 | jq -r .run)" --type change -n 0
    has "/srv/a: undone"
    has "user carol: undone" # as the interrupted one has put back
    has "/etc/skel/.profile: undone"
}

@test "without journals nothing is kept, and without changes either" {
    play '{name: a, copy: {content: a, dest: /srv/a}}'
    run "$FLEET" run env ANDON_UNDO=off "$ANDON" run -i one p.yml
    [ "$status" -eq 0 ]
    run andon run -i one p.yml
    run ! host test -e /var/lib/andon/journal
    run andon undo -i one r-000000-000000-0000
    [ "$status" -eq 0 ]
    has "nothing is known of this run on h1"
}

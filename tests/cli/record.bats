#!/usr/bin/env bats
# What runs leave in the ledger, and what log, who and audit make of it. Secrets: see also tests/fleet/secrets.bats.

load helpers

# events [OPTIONS..]: the events as JSON lines.
events() {
    andon log --output json "$@"
}

# field NAME: that member of each line, or of its body.
field() {
    jq -r --arg k "$1" '.[$k] // .body[$k] // "-"'
}

# lacks TEXT: the output of `run` does not contain it.
lacks() {
    [[ $output != *"$1"* ]] || { printf 'not expected: %s\ngot: %s\n' "$1" "$output"; return 1; }
}

# site: a play that changes a file twice.
site() {
    play <<'END'
- name: write a
  copy: {content: "one\ntwo\n", dest: "{{ playbook_dir }}/a"}
- name: edit a
  lineinfile: {path: "{{ playbook_dir }}/a", line: three}
- name: same again
  lineinfile: {path: "{{ playbook_dir }}/a", line: three}
END
}

# planted WORD..: none of the words stands anywhere in the state folder.
nowhere() {
    local word
    for word; do
        if grep -rF --binary-files=text -e "$word" "$ANDON_HOME" /dev/null; then
            echo "recorded: $word"
            return 1
        fi
        if andon log -n 0 --output json --diff | grep -F -e "$word"; then
            echo "shown: $word"
            return 1
        fi
    done
}

@test "a run is recorded from its start to its end" {
    site
    run -0 andon run -i hosts site.yml
    has "recorded as r-"
    id=$(grep -o 'r-[0-9a-z-]*' <<<"$output")
    [ "$(events | field type | paste -sd' ')" = "run.started change change run.host run.finished" ]
    [ "$(events | field run | sort -u)" = "$id" ]
    run -0 events --type run.started
    jq -e --arg p "$DIR/site.yml" --arg d "$(sha256sum site.yml | cut -c1-64)" \
        '.body | .command == "run" and .playbook == $p and .digest == $d and .authority.kind == "none"' <<<"$output"
    run -0 events --type run.finished
    jq -e '.outcome == "ok" and .body.exit == 0 and .body.hosts == 1 and .body.changed == 1' <<<"$output"
    run -0 events --type run.host
    jq -e '.outcome == "changed" and .host == "h1" and .body.ok == 3 and .body.changed == 2' <<<"$output"
}

@test "changes have their path, task, place and difference, though nobody asked for -D" {
    site
    run -0 andon run -i hosts site.yml
    lacks "+three"
    run -0 events --type change --diff
    jq -se --arg p "$DIR/a" 'all(.path == $p and .host == "h1" and .body.kind == "file")' <<<"$output"
    jq -se '[.[].body.task] == ["write a", "edit a"]' <<<"$output"
    jq -se --arg f "$DIR/site.yml" '.[0].body.at | startswith($f + ":")' <<<"$output"
    jq -se '.[1].diff_text | contains("\n two\n+three\n") and contains("@@ -1,2 +1,3 @@")' <<<"$output"
}

@test "results are the same whether they are recorded or not" {
    play <<'END'
- {copy: {content: "x\n", dest: "{{ playbook_dir }}/f"}, register: r1}
- {lineinfile: {path: "{{ playbook_dir }}/f", line: y}, register: r2}
- {blockinfile: {path: "{{ playbook_dir }}/f", block: z}, register: r3}
- {replace: {path: "{{ playbook_dir }}/f", regexp: x, replace: w}, register: r4}
- {file: {path: "{{ playbook_dir }}/f", mode: "0600"}, register: r5}
- {copy: {content: "{{ [r1, r2, r3, r4, r5] | to_nice_json }}", dest: "{{ playbook_dir }}/result"}}
END
    run -0 andon run -i hosts site.yml
    sed -E '/time|inode|uid|gid/d' result >recorded
    rm -f f result
    ANDON_LEDGER=off run -0 andon run -i hosts site.yml
    lacks "recorded as"
    sed -E '/time|inode|uid|gid/d' result >plain
    diff recorded plain
    rm -f f result
    run -0 andon run -D -i hosts site.yml
    jq -se 'length == 12 and ([.[] | select(.body.diff)] | length == 12)' < <(events --type change)
}

@test "items of loops, handlers and delegated tasks are changes each" {
    play <<'END'
- {name: two, copy: {content: "{{ item }}", dest: "{{ playbook_dir }}/{{ item }}"}, loop: [p, q], notify: rung}
- {name: away, copy: {content: d, dest: "{{ playbook_dir }}/d"}, delegate_to: h2}
END
    printf '  handlers:\n    - {name: rung, command: touch rung, args: {chdir: "{{ playbook_dir }}"}}\n' >>site.yml
    run -0 andon run -i hosts site.yml
    run -0 events --type change
    jq -se '[.[].host] == ["h1", "h1", "h2", "h1"]' <<<"$output"
    jq -se '[.[].body.item] == ["p", "q", null, null]' <<<"$output"
    jq -se '.[2].body.for == "h1"' <<<"$output"
    jq -se '.[3].body | .kind == "command" and .detail == "touch rung" and .task == "rung"' <<<"$output"
}

@test "what fails is recorded, and how the run ended" {
    play <<'END'
- {name: first, command: "false", ignore_errors: true}
- {name: second, fail: {msg: "out of paper\nand ink"}}
END
    run -2 andon run -i hosts site.yml
    run -0 events --type task.failed
    jq -se '.[0].body | .ignored and .rc == 1' <<<"$output"
    jq -se '.[1].outcome == "failed" and .[1].body.msg == "out of paper\nand ink" and .[1].body.module == "fail"' <<<"$output"
    [ "$(events --type run.finished | field outcome)" = failed ]
    run -0 andon log --type task.failed
    has "second: out of paper"
    lacks "and ink"
}

@test "a host that is not reached" {
    printf 'gone ansible_host=127.0.0.1 ansible_port=1\n' >hosts
    printf -- '- {hosts: gone, gather_facts: false, tasks: [{ping: }]}\n' >site.yml
    run -4 andon run -i hosts site.yml
    [ "$(events --type task.failed,run.host,run.finished | field outcome | paste -sd' ')" = "unreachable unreachable unreachable" ]
}

@test "a check run is recorded without changes" {
    site
    run -0 andon run --check -i hosts site.yml
    lacks "recorded as"
    [ "$(events | field type | paste -sd' ')" = "run.started run.finished" ]
    [ "$(events | field check | sort -u)" = true ]
}

@test "looks at what would run are not recorded" {
    site
    andon run --list-tasks -i hosts site.yml
    andon run --list-hosts -i hosts site.yml
    andon run --syntax-check -i hosts site.yml
    [ ! -e "$ANDON_HOME/ledger.db" ]
}

@test "do is recorded with its module and arguments" {
    run -0 andon 'do' h1 -i hosts -m copy -a "content=x dest=$DIR/b"
    run -0 events --type run.started
    jq -e '.body | .command == "do" and .module == "copy" and .pattern == "h1" and (.args | startswith("content=x"))' <<<"$output"
    run -0 andon log --type change
    has "$DIR/b"
}

@test "called as ansible-playbook it records, and says nothing of it" {
    site
    ln -s "$ANDON" ansible-playbook
    run -0 ./ansible-playbook -i hosts site.yml
    lacks "recorded as"
    [ "$(events --type run.started | field as)" = ./ansible-playbook ] || [ "$(events --type run.started | field as)" = ansible-playbook ]
    [ "$(events --type change | wc -l)" = 2 ]
}

@test "the setting and ANDON_LEDGER=off keep runs out of the ledger" {
    site
    ANDON_LEDGER=off andon run -i hosts site.yml
    printf '[andon]\nledger = off\n' >ansible.cfg
    andon run -i hosts site.yml
    [ ! -e "$ANDON_HOME/ledger.db" ]
    run -1 andon log
    has "there is no ledger"
}

@test "a ledger that cannot be written is one warning, and the run goes on" {
    site
    mkdir -p "$ANDON_HOME"
    echo "no database at all, and rather long for one" >"$ANDON_HOME/ledger.db"
    run -0 andon run -i hosts site.yml
    [ "$(grep -c "warning: " <<<"$output")" = 1 ]
    lacks "recorded as"
    [ -e a ]
}

@test "a run of a rollout refuses to start where the ledger cannot be written" {
    site
    mkdir -p "$ANDON_HOME"
    echo "no database at all, and rather long for one" >"$ANDON_HOME/ledger.db"
    ANDON_LEDGER=off ANDON_CONTEXT='{"rollout":"d-1"}' run -1 andon run -i hosts site.yml
    has "part of rollout d-1"
    [ ! -e a ]
}

@test "a rollout that the ledger does not know gives no authority" {
    site
    ANDON_CONTEXT='{"rollout":"d-1","service":"shop","ring":"all","authority":{"kind":"approval"}}' run -0 andon run -i hosts site.yml
    has "the ledger knows no such rollout"
    run -0 events --type run.started
    jq -e '.rollout == null and .service == null and .body.authority.kind == "none"' <<<"$output"
    ANDON_CONTEXT='["x"]' run -0 andon run -i hosts site.yml
    has "ANDON_CONTEXT is not what andon deploy sets"
}

@test "runs of a rollout have its authority, others that name it have none" {
    cat >andon.yml <<'END'
service: shop
deploy: deploy.yml
inventory: hosts
rings: [{name: all, hosts: h1}]
on_failure: hold
END
    cat >deploy.yml <<'END'
- hosts: all
  gather_facts: false
  tasks:
    - {name: version, copy: {content: "{{ andon_release.version }}", dest: "{{ playbook_dir }}/v"}}
    - {name: no, command: "false"}
END
    andon release create shop 1.0
    run -2 andon deploy shop 1.0
    run -0 events --type run.started
    jq -e '.service == "shop" and .release == "1.0" and .ring == "all" and .rollout != null and .body.batch == 1' <<<"$output"
    jq -e '.body.authority.kind | . == "rule" or . == "rollout"' <<<"$output"
    rollout=$(jq -r .rollout <<<"$output") run=$(jq -r .run <<<"$output")
    run -0 events --type change
    jq -e --arg d "$rollout" '.rollout == $d and .service == "shop" and .ring == "all"' <<<"$output"
    run -0 andon who h1 "$DIR/v"
    has "shop 1.0, ring all, rollout $rollout"
    run -0 andon audit
    site
    for id in "$run" r-260101-000000-aaaa; do
        rm -f a
        ANDON_CONTEXT="{\"rollout\":\"$rollout\",\"service\":\"shop\",\"ring\":\"all\",\"run\":\"$id\",\"authority\":{\"kind\":\"approval\"}}" \
            run -0 andon run -i hosts site.yml
        has "which rollout $rollout did not begin now"
        run -0 events --type run.started
        jq -se 'last.body.authority.kind == "none"' <<<"$output"
    done
    run -2 andon audit
    has "Changes that nothing allowed: 2"
}

@test "the commit of the playbook's repository, and whether files were changed since" {
    site
    git init -q .
    git config user.email a@b
    git config user.name a
    git add site.yml hosts
    git commit -qm one
    andon run -i hosts site.yml
    run -0 events --type run.started
    jq -e --arg c "$(git rev-parse HEAD)" '.body.commit == $c and .body.dirty == false' <<<"$output"
    echo "# more" >>site.yml
    andon run -i hosts site.yml
    [ "$(events --type run.started | tail -1 | field dirty)" = true ]
}

@test "a killed run has a start and no end" {
    play <<'END'
- command: sleep 60
END
    "$ANDON" run -i hosts site.yml >out 2>&1 &
    pid=$!
    for _ in $(seq 100); do
        if [ -e "$ANDON_HOME/ledger.db" ] && [ "$(events --type run.started 2>/dev/null | wc -l)" = 1 ]; then break; fi
        sleep 0.1
    done
    run -0 andon audit
    has "Runs that never finished: 0"
    kill -9 $pid
    wait $pid || true
    run -2 andon audit
    has "Runs that never finished: 1"
    run -0 andon log --runs
    has unfinished
}

@test "changes are written while the run goes on" {
    play <<'END'
- {copy: {content: x, dest: "{{ playbook_dir }}/early"}}
- {shell: "until [ -e seen ]; do sleep 0.1; done", args: {chdir: "{{ playbook_dir }}"}}
END
    "$ANDON" run -i hosts site.yml >out 2>&1 &
    pid=$!
    found=no
    for _ in $(seq 100); do
        sleep 0.1
        if [ -e early ] && [ "$(events --type change 2>/dev/null | wc -l)" = 1 ]; then found=yes; break; fi
    done
    touch seen
    wait $pid
    [ $found = yes ]
}

# --- log, who, audit

@test "log filters, aligns and lists newest last" {
    site
    andon run -i hosts site.yml
    andon 'do' h2 -i hosts -m copy -a "content=x dest=$DIR/b"
    run -0 andon log --host h2
    lacks "write a"
    has "$DIR/b"
    [ "$(andon log --path "$DIR/a" | wc -l)" = 2 ]
    [ "$(andon log --path "$DIR/*" --type change | wc -l)" = 3 ]
    [ "$(andon log --type 'run.*' | wc -l)" = 6 ]
    [ "$(andon log --outcome changed | wc -l)" = 2 ]
    [ "$(andon log --since 1h | wc -l)" = "$(andon log | wc -l)" ]
    [ "$(andon log --until yesterday | wc -l)" = 0 ]
    [ "$(andon log --actor nobody@nowhere | wc -l)" = 0 ]
    [ "$(andon log -n 2 2>/dev/null | wc -l)" = 2 ]
    run -0 andon log -n 1
    has run.finished
    run -0 andon log --diff --path "$DIR/a"
    has "+three"
    run -2 andon log --since gestern
    has "is no point in time"
    run -2 andon log --output csv
    has "choose from 'text', 'json'"
}

@test "log --runs tells who ran what, and how it ended" {
    site
    andon run -i hosts site.yml
    andon 'do' all -i hosts -m command -a false || true
    run -0 andon log --runs
    [ "${#lines[@]}" = 2 ]
    [[ ${lines[0]} == r-*" ok "*" 1 host "*"run site.yml" ]]
    [[ ${lines[1]} == r-*" failed "*" 2 hosts "*"do all -m command -a 'false'" ]]
    [ "$(andon log --runs --host h2 | wc -l)" = 1 ]
    [ "$(andon log --runs --outcome ok | wc -l)" = 1 ]
    run -0 andon log --runs --output json
    jq -se '.[0].changed == 1 and .[1].outcome == "failed" and .[1].hosts == 2' <<<"$output"
}

@test "who tells every change of a file on a host" {
    site
    andon run -i hosts site.yml
    id=$(andon log --runs --output json | field run)
    run -0 andon who h1 "$DIR/a"
    has "+three"
    has "run $id: run site.yml"
    has "task \"edit a\" (lineinfile), $DIR/site.yml:"
    has "authority: nothing allowed it"
    run -0 andon who -q -n 1 h1 "$DIR/a"
    lacks "+three"
    lacks "write a"
    run -0 andon who h2 "$DIR/a"
    has "knows no change of"
    run -2 andon who h1
    has "are required"
}

@test "who knows folders that changed as a whole, and things by their name" {
    git init -q src
    git -C src -c user.email=a@b -c user.name=a commit -q --allow-empty -m one
    play <<'END'
- {git: {repo: "{{ playbook_dir }}/src", dest: "{{ playbook_dir }}/tree"}}
END
    andon run -i hosts site.yml
    run -0 andon who h1 "$DIR/tree/deep/file"
    has "$DIR/tree"
    has "commit none ->"
    run -0 andon who h1 "$DIR/other"
    has "knows no change of"
}

@test "audit finds what nothing allowed, and can be traced" {
    site
    andon run -i hosts site.yml
    andon run --check -i hosts site.yml
    run -2 andon audit
    has "Changes that nothing allowed: 1"
    has "#0 #1 #4"
    has "andon ledger proof N"
    run -2 andon audit --output json
    jq -e '.kind == "unauthorised" and .events == [0, 1, 4] and .proof == "andon ledger proof 0"' <<<"$output"
    run -2 andon audit --output csv
    [ "${#lines[@]}" = 2 ]
    has "kind,time,events,actor,service,run,rollout,host,what,proof"
    run -0 andon audit --until yesterday
    has "Changes that nothing allowed: 0"
    run -0 andon audit shop
}

@test "audit finds own approvals and broken glass, and not what was approved by others" {
    unset SSH_AUTH_SOCK
    mkdir -p "$ANDON_HOME"
    for who in ann ben; do
        ssh-keygen -q -t ed25519 -N '' -C "$who" -f "$HOME/$who"
        echo "$who@example.org namespaces=\"change@andon\" $(cut -d' ' -f1,2 "$HOME/$who.pub")" >>"$ANDON_HOME/allowed_signers"
    done
    cat >"$ANDON_HOME/policy.yml" <<'END'
protected_hosts: [web]
rules:
  - {name: by hand, who: "*@example.org", may: run, hosts: web, approvals: 1, four_eyes: false}
  - {name: reviewers, who: "*@example.org", may: approve, four_eyes: false}
END
    export ANDON_SIGNING_KEY=$HOME/ann
    site
    for approver in ben ann; do
        rm -f a
        run -0 andon run -i hosts site.yml --request
        id=$(sed -n 's/^Requested as \(.*\)\. Others.*/\1/p' <<<"$output")
        ANDON_SIGNING_KEY=$HOME/$approver run -0 andon approve "$id" --yes
        if [ $approver = ben ]; then run -0 andon run -i hosts site.yml; fi
    done
    run -2 andon audit
    has "Changes that nothing allowed: 0"
    has "Approvals by the author of the change: 1"
    has "ann@example.org approved run site.yml and asked for it"
    run -0 andon who h1 "$DIR/a"
    has "authority: approval by hand, approved in #"
    rm -f a
    run -0 andon run -i hosts site.yml -e x=1 --break-glass "the shop is down" # another run than the approved one
    run -2 andon audit --output json
    jq -se 'map(.kind) | (map(select(. == "break-glass")) | length >= 1) and (map(select(. == "unauthorised")) | length == 0)' <<<"$output"
    has "the shop is down"
    run -0 andon audit --since now
}

# --- secrets

@test "vault values, files, no_log, passwords and hidden answers are nowhere in the state folder" {
    echo swordfish-vault-password >pw
    {
        echo "plain: visible"
        andon vault encrypt_string --vault-password-file pw --stdin-name inline < <(printf inlineSecret77)
    } >vars.yml
    printf 'db_password: wholeSecret88\nkey: |\n  -----BEGIN KEY-----\n  keyLineOne99keyLineOne99\n  keyLineTwo99keyLineTwo99\n' >whole.yml
    printf 'fileSecret66 and more\n' >secret.txt
    andon vault encrypt --vault-password-file pw whole.yml secret.txt
    cat >site.yml <<'END'
- hosts: h1
  gather_facts: false
  vars_files: [vars.yml, whole.yml]
  vars_prompt:
    - {name: typed, private: true}
  vars: {ansible_become_password: becomeSecret55}
  tasks:
    - {name: "inline {{ inline }}", copy: {content: "a\npw={{ inline }}\nb\n", dest: "{{ playbook_dir }}/s1"}}
    - {name: whole, copy: {content: "x={{ db_password }} {{ db_password | b64encode }}\n{{ key | indent(4) }}\n", dest: "{{ playbook_dir }}/s2"}}
    - {name: file, copy: {src: secret.txt, dest: "{{ playbook_dir }}/s3"}}
    - {name: hidden, copy: {content: "noLogSecret44", dest: "{{ playbook_dir }}/s4-noLogSecret44"}, no_log: true}
    - {name: hidden items, copy: {content: "{{ item }}", dest: "{{ playbook_dir }}/s5"}, loop: [noLogSecret44], no_log: true}
    - {name: prompted, copy: {content: "{{ typed }}", dest: "{{ playbook_dir }}/s6"}}
    - {name: in a command, command: "echo {{ inline }}"}
    - {name: in a failure, fail: {msg: "{{ db_password }} was refused"}, ignore_errors: true}
    - {name: label, command: "true", loop: ["{{ inline }}"]}
    - {name: become, copy: {content: "{{ ansible_become_password }}", dest: "{{ playbook_dir }}/s7"}, become: true}
    - {name: by option, command: "true --password optionSecret33 token=optionSecret33"}
END
    run -0 andon run -i hosts site.yml --vault-password-file pw -e typed=typedSecret22
    [ "$(cat s3)" = "fileSecret66 and more" ]
    nowhere inlineSecret77 wholeSecret88 d2hvbGVTZWNyZXQ4OA keyLineOne99 keyLineTwo99 fileSecret66 noLogSecret44 \
        typedSecret22 swordfish optionSecret33
    if [ "$(id -u)" = 0 ]; then nowhere becomeSecret55; fi
    run -0 events --type change --diff
    jq -se 'any(.body.task == "inline ********" and (.diff_text | contains("+pw=********\n+b")))' <<<"$output"
    jq -se 'any(.body.task == "file" and .body.hidden == "vault" and .body.diff == null)' <<<"$output"
    jq -se 'map(select(.body.hidden == "no_log")) | length == 2 and all(.path == null and .body.task == null and .body.module == "copy")' <<<"$output"
}

@test "andon's own output does not show what was decrypted, ansible-playbook's does as Ansible" {
    echo pw >pw
    echo decryptedText >secret.txt
    andon vault encrypt --vault-password-file pw secret.txt
    play <<'END'
- {copy: {src: secret.txt, dest: "{{ playbook_dir }}/out"}}
- {copy: {src: "{{ item }}", dest: "{{ playbook_dir }}/items"}, loop: [secret.txt]}
END
    run -0 andon run -D -i hosts --vault-password-file pw site.yml
    lacks decryptedText
    has "hidden: what was sent comes out of a vault"
    rm -f out items
    run -0 andon run -D -vvv -i hosts --vault-password-file pw site.yml
    lacks decryptedText
    rm -f out items
    run -0 andon run -D --output json -i hosts --vault-password-file pw site.yml
    lacks decryptedText
    rm -f out items
    ln -s "$ANDON" ansible-playbook
    run -0 ./ansible-playbook -D -i hosts --vault-password-file pw site.yml
    has "+decryptedText"
    nowhere decryptedText
}

@test "secret parameters of do are not recorded" {
    run -0 andon 'do' h1 -i hosts --check -m user -a "name=zz password=hashSecret11"
    run -0 andon 'do' h1 -i hosts -m shell -a "echo MYSQL_PWD=plainSecret12 --db-password 'plainSecret13'"
    nowhere hashSecret11 plainSecret12 plainSecret13
    run -0 andon log --type run.started
    has "password=********"
}

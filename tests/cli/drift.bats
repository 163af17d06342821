#!/usr/bin/env bats
# andon drift on hosts reached locally: what it names, records and says of itself. On real hosts: tests/fleet/drift.bats.

load helpers

FILL=$BATS_TEST_DIRNAME/../../build/tests/unit/ledger_add

# site: a play that leaves a file, a folder and a link.
site() {
    play <<'END'
- copy: {content: "one\n", dest: "{{ playbook_dir }}/file", mode: "0644"}
- file: {path: "{{ playbook_dir }}/folder", state: directory, mode: "0755"}
- file: {path: "{{ playbook_dir }}/link", src: file, state: link}
END
    andon run -i hosts site.yml
}

@test "no ledger, no host, no argument that is not known: one clear line each" {
    run -1 andon drift -i hosts
    has "nothing has been recorded"
    [ ! -e "$ANDON_HOME/ledger.db" ]
    site
    run -0 andon drift -i hosts nobody
    has "nobody"
    has "0 of 0 hosts"
    run -2 andon drift -i hosts --frobnicate
    has "--frobnicate"
}

@test "what a run left is no drift; hosts the ledger knows nothing of are told" {
    site
    run -0 andon drift -i hosts
    has "1 of 1 hosts as andon left them (3 things looked at); of 1 the ledger knows nothing"
    run -0 andon drift -i hosts h2
    has "0 of 0 hosts as andon left them (0 things looked at); of 1 the ledger knows nothing"
    output=$(andon drift -i hosts --output json)
    jq -e '.hosts.h1 == {drift: [], things: 3} and .hosts.h2 == {drift: [], things: 0}' <<<"$output"
    [ "$(andon log --type drift.found --output json)" = "" ]
}

@test "content, mode, kind and target changed by hand are named with what they were, and recorded once" {
    site
    echo two >file
    chmod 0700 folder
    ln -sfn folder link
    run -2 andon drift -i hosts h1
    has "$DIR/file: sha256 $(sha256sum file | cut -c1-12), was sha256 $(printf 'one\n' | sha256sum | cut -c1-12)"
    has "$DIR/folder: mode 0700"
    has "was mode 0755"
    has "$DIR/link: a link to folder, was a link to file"
    has "put there by $(andon log --type run.started --output json | jq -r .actor), run r-"
    has "0 of 1 hosts as andon left them"
    run -2 andon drift -i hosts h1
    [ "$(andon log --type drift.found --output json | jq -r .path | sort | paste -sd' ')" = "$DIR/file $DIR/folder $DIR/link" ]
    run -0 andon who h1 "$DIR/file"
    has "outside andon"
    echo three >file # another change is another event
    run -2 andon drift -i hosts h1
    [ "$(andon log --type drift.found --path "$DIR/file" --output json | wc -l)" = 2 ]
    site
    run -0 andon drift -i hosts h1
}

@test "-C looks and records nothing; JSON has the findings" {
    site
    rm file
    output=$(andon drift -i hosts -C --output json) || [ $? = 2 ]
    jq -e --arg p "$DIR/file" '.hosts.h1.drift | length == 1 and .[0].name == $p and .[0].found == "nothing" and .[0].kind == "file"' <<<"$output"
    [ "$(andon log --type drift.found --output json)" = "" ]
}

@test "drift is an unauthorised change in the audit" {
    site
    echo two >file
    run -2 andon drift -i hosts h1
    run -2 andon audit --output json
    jq -se --arg p "$DIR/file" '[.[] | select(.kind == "drift")] | length == 1 and (.[0].what | contains($p)) and .[0].host == "h1"' <<<"$output"
}

@test "content out of a vault is compared, and neither it nor its digest is recorded" {
    echo secret >.pass
    echo "open sesame" | andon vault encrypt --vault-password-file .pass --output key.vault -
    play <<'END'
- copy: {src: key.vault, dest: "{{ playbook_dir }}/key", mode: "0600"}
END
    andon run -i hosts site.yml --vault-password-file .pass
    [ "$(cat key)" = "open sesame" ]
    digest=$(sha256sum key | cut -c1-64)
    run -0 andon drift -i hosts h1
    [ "$(stat -c %a "$ANDON_HOME/secret.key")" = 600 ]
    echo "open barley" >key
    run -2 andon drift -i hosts h1
    has "$DIR/key: other content, was content out of a vault"
    for word in "$digest" "${digest:0:12}" "$(sha256sum key | cut -c1-12)" sesame barley; do
        run -1 grep -rlF --binary-files=text -e "$word" "$ANDON_HOME"
    done
    rm "$ANDON_HOME/secret.key" # then its content is not compared, and nothing false is said
    run -0 andon drift -i hosts h1
    echo "open sesame, too" | andon vault encrypt --vault-password-file .pass --output key.vault -
    andon run -i hosts site.yml --vault-password-file .pass # a new key, for what comes from now on
    run -0 andon drift -i hosts h1
    echo "open barley" >key
    run -2 andon drift -i hosts h1
}

@test "packages that cannot be compared are counted" {
    site
    "$FILL" "$ANDON_HOME" <<'END'
{"type":"change","run":"r-9","host":"h1","package":"nano","body":{"module":"dnf","kind":"package","detail":"state present"}}
END
    run -0 andon drift -i hosts h1
    has "h1: 1 package is not compared: the ledger has no version of it"
    output=$(andon drift -i hosts h1 --output json)
    jq -e '.hosts.h1.not_compared == 1' <<<"$output"
}

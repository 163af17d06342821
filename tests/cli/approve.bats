#!/usr/bin/env bats
# Protected hosts by hand: refused, allowed by rule, approved by others, or with broken glass; and
# the approvals themselves. Who may what is in tests/unit/test_rollout_policy.c.

load helpers

# person NAME: a key and its line in allowed_signers.
person() {
    ssh-keygen -q -t ed25519 -N '' -C "$1" -f "$HOME/$1"
    echo "$1@example.org namespaces=\"change@andon\" $(cut -d' ' -f1,2 "$HOME/$1.pub")" >>"$ANDON_HOME/allowed_signers"
}

# as NAME COMMAND..: with that person's key.
as() {
    local who=$1
    shift
    ANDON_SIGNING_KEY=$HOME/$who "$ANDON" "$@"
}

protect() {
    unset SSH_AUTH_SOCK
    mkdir -p "$ANDON_HOME"
    person ann && person ben && person cat
    cat >"$ANDON_HOME/policy.yml" <<'Y'
groups: {ops: [ann@example.org, ben@example.org]}
protected_hosts: [web]
rules:
  - {name: ops by hand, who: ops, may: run, hosts: web, approvals: 1}
  - {name: reviewers, who: [ops, "c*@example.org"], may: approve}
Y
    play <<<"- copy: {content: new, dest: $DIR/f}"
}

# request: asks as ann, and sets id.
request() {
    run -0 as ann run -i hosts site.yml --request
    id=$(sed -n 's/^Requested as \(.*\)\. Others.*/\1/p' <<<"$output")
    [ -n "$id" ]
}

@test "without a policy nothing is protected" {
    play <<<"- copy: {content: new, dest: $DIR/f}"
    run -0 andon run -i hosts site.yml
    [ "$(cat f)" = new ]
}

@test "protected hosts are refused, and nothing is done; others are not" {
    protect
    run -3 andon run -i hosts site.yml
    has "refused: "
    has "--request"
    has "--break-glass"
    [ ! -e f ]
    run -3 andon 'do' -i hosts h1 -a 'touch f'
    run -3 andon 'do' -i hosts all -a 'touch f'
    [ ! -e f ]
    run -0 andon 'do' -i hosts h2 -a 'true'
    run -0 andon run -i hosts site.yml --check
    run -0 andon run -i hosts site.yml --list-tasks
}

# elsewhere: web1 and its address in an inventory of its own, and a policy that knows it by name.
elsewhere() {
    protect
    printf '[web]\nweb1 ansible_host=198.51.100.7\nweb2 ansible_host=127.0.0.1 ansible_port=7\n' >prod
    printf 'x\n' >aliases
}

@test "a protected host under another name is known by its address" {
    elsewhere
    echo 'x ansible_host=198.51.100.7' >aliases
    run -3 andon 'do' -i prod -i aliases x -a 'true'
    has "refused: x, by its address 198.51.100.7 the host web1, is protected"
    run -0 andon log --type policy.denied --output json
    jq -se 'length == 1 and .[0].host == "x" and .[0].body.meant == "web1"' <<<"$output"
    # another port is another machine, the usual one said or not is the same
    printf 'y ansible_host=127.0.0.1 ansible_port=9\nz ansible_host=127.0.0.1 ansible_port=7\nw ansible_host=198.51.100.7 ansible_port=22\n' >aliases
    run -4 andon 'do' -i prod -i aliases y -a 'true'
    run -3 andon 'do' -i prod -i aliases z -a 'true'
    has "z, by its address 127.0.0.1 port 7 the host web2, is protected"
    run -3 andon 'do' -i prod -i aliases w -a 'true'
    # nor does it matter how it is written
    echo 'web3 ansible_host=db.example.org' >>prod
    for how in 'ansible_host=DB.Example.org.' 'ansible_ssh_host=db.example.org' 'ansible_host="{{ n }}.example.org" n=db'; do
        echo "x $how" >aliases
        run -3 andon 'do' -i prod -i aliases x -a 'true'
        has "the host web3, is protected"
    done
}

@test "... also from an inventory that does not have it" {
    elsewhere
    echo 'x ansible_host=198.51.100.7' >aliases
    printf '[defaults]\ninventory = prod\n' >ansible.cfg
    run -3 andon 'do' -i aliases x -a 'true'
    has "the host web1, is protected"
    rm ansible.cfg
    echo "inventory: $DIR/prod" >>"$ANDON_HOME/policy.yml"
    for how in '-i aliases x' '-i 198.51.100.7, all' '-i n, n -e ansible_host=198.51.100.7'; do
        # shellcheck disable=SC2086  # several words
        run -3 andon 'do' $how -a 'true'
        has "the host web1, is protected"
    done
    run -4 andon 'do' -i n, n -e ansible_host=127.0.0.1 -e ansible_port=9 -a 'true' # the others are not there now
    play <<<'- {command: "true", delegate_to: 198.51.100.7}'
    sed -i 's/hosts: h1/hosts: h2/' site.yml
    run -3 andon run -i hosts site.yml
    has "198.51.100.7, by its address 198.51.100.7 the host web1, is protected"
    cat >site.yml <<'Y'
- hosts: h2
  gather_facts: false
  tasks: [{add_host: {name: late, ansible_host: 198.51.100.7}}]
- hosts: late
  gather_facts: false
  tasks: [{command: "true"}]
Y
    run ! andon run -i hosts site.yml
    has "this run may not touch late"
    has "late, by its address 198.51.100.7 the host web1, is protected"
    echo "inventory: $DIR/nosuch" >"$ANDON_HOME/policy.yml"
    echo "protected_hosts: [web]" >>"$ANDON_HOME/policy.yml"
    run -1 andon 'do' -i hosts h2 -a 'true'
    has "nosuch"
}

@test "a protected host that no inventory has is an address" {
    elsewhere
    sed -i 's/protected_hosts: .*/protected_hosts: [198.51.100.9, db.example.org]/' "$ANDON_HOME/policy.yml"
    echo 'x ansible_host=db.example.org ansible_port=2222' >aliases
    run -3 andon 'do' -i aliases x -a 'true'
    has "x, by its address db.example.org the host db.example.org, is protected"
    run -3 andon 'do' -i 198.51.100.9, all -a 'true'
}

@test "what a rule allows on a host it allows under its other name" {
    elsewhere
    sed -i 's/, approvals: 1//' "$ANDON_HOME/policy.yml"
    echo "inventory: $DIR/prod" >>"$ANDON_HOME/policy.yml"
    echo 'x ansible_host=127.0.0.1 ansible_port=7' >aliases
    run -3 as cat 'do' -i aliases x -a 'true'
    run -4 as ann 'do' -i aliases x -a 'true' # nobody is there
}

@test "a policy that cannot be understood stops everything" {
    protect
    echo 'rule: []' >>"$ANDON_HOME/policy.yml"
    run -1 andon 'do' -i hosts h2 -a 'true'
    has "a policy has no key 'rule'"
}

@test "allowed by a rule alone, for a key that is known" {
    protect
    sed -i 's/, approvals: 1//' "$ANDON_HOME/policy.yml"
    run -3 andon run -i hosts site.yml
    has "is no verified signer"
    run -3 as cat run -i hosts site.yml
    [ ! -e f ]
    run -0 as ann run -i hosts site.yml
    [ "$(cat f)" = new ]
}

@test "requested, approved by another, done once" {
    protect
    request
    [ ! -e f ]
    run -0 andon approvals
    has "$id"
    has "0 of 1  run site.yml, asked for by ann@example.org"
    run -3 as ann run -i hosts site.yml
    has "the request $id has 0 of 1 approvals"
    run -0 as cat approve "$id" --yes
    has "1 host would change: h1"
    has "+new"
    has "1 hosts, 1 would change; 1 tasks would change something: 1 can be undone"
    has "cat@example.org approved run site.yml: 1 of 1 approvals"
    run -0 as ann run -i hosts site.yml
    [ "$(cat f)" = new ]
    run -0 andon log --type run.started --output json
    has '"authority":{"approvals":['
    has '"actor":"ann@example.org"'
    # once
    echo old >f
    run -3 as ann run -i hosts site.yml
    [ "$(cat f)" = old ]
    [ "$(andon approvals)" = "Nothing waits for approval." ]
}

@test "an approval is for what was shown: another playbook, limit or variable is another run" {
    protect
    request
    as ben approve "$id" --yes
    run -3 as ann run -i hosts site.yml -e x=1
    sed -i 's/new/other/' site.yml
    run -3 as ann run -i hosts site.yml
    [ ! -e f ]
}

@test "nobody approves his own" {
    protect
    request
    run -3 as ann approve "$id" --yes
    has "ann@example.org started it"
    run -3 as ann run -i hosts site.yml
    run -1 andon run -i hosts site.yml --request
    has "a request is signed, and there is no key to sign with"
}

@test "refused: it stays so until the same person approves" {
    protect
    request
    run -2 as cat refuse "$id" --yes
    has "say why with --reason"
    run -0 as cat refuse "$id" --yes --reason "not today"
    as ben approve "$id" --yes
    run -3 as ann run -i hosts site.yml
    has "cat@example.org refused it: not today"
    run -0 as cat approve "$id" --yes
    run -0 as ann run -i hosts site.yml
}

@test "an approval whose signer has left since still counts; one given afterwards does not" {
    protect
    request
    yesterday=$(date -u -d yesterday +%Y%m%d%H%MZ)
    sed -i "s/^cat@example.org namespaces/cat@example.org valid-before=\"$yesterday\",namespaces/" "$ANDON_HOME/allowed_signers"
    run -1 as cat approve "$id" --yes
    has "your key is not in"
    as ben approve "$id" --yes
    tomorrow=$(date -u -d tomorrow +%Y%m%d%H%MZ)
    sed -i "s/^ben@example.org namespaces/ben@example.org valid-before=\"$tomorrow\",namespaces/" "$ANDON_HOME/allowed_signers"
    run -0 as ann run -i hosts site.yml
}

@test "an approval counts for nothing when its key is taken from the allowed signers" {
    protect
    request
    as ben approve "$id" --yes
    sed -i /^ben/d "$ANDON_HOME/allowed_signers"
    run -3 as ann run -i hosts site.yml
    has "the approval of ben@example.org does not count: the signer is not in"
}

@test "without a terminal one says --yes; what is not there cannot be approved" {
    protect
    request
    run -1 timeout 30 setsid env ANDON_SIGNING_KEY="$HOME/cat" "$ANDON" approve "$id" </dev/null
    has "there is no terminal to ask on: say --yes"
    run -1 as cat approve a-nosuch --yes
    has "nothing called a-nosuch waits for approval"
    run -2 as cat approve
}

@test "a plan has no secrets" {
    protect
    echo pw >pw
    secret=$("$ANDON" vault encrypt_string --vault-password-file pw --name secret s3cr3t-value)
    { printf -- '- hosts: h1\n  gather_facts: false\n  vars:\n' && sed 's/^/    /' <<<"$secret"
      printf '  tasks:\n    - copy: {content: "with {{ secret }} in it", dest: %s/f}\n' "$DIR"; } >site.yml
    ANDON_SIGNING_KEY=$HOME/ann run -0 "$ANDON" run -i hosts site.yml --vault-password-file pw --request
    run -1 grep -r s3cr3t-value "$ANDON_HOME"
    run -0 grep -r ' in it' "$ANDON_HOME/blobs"
}

@test "break-glass: done, shown, recorded" {
    protect
    run -2 andon run -i hosts site.yml --break-glass ' '
    run -2 andon run -i hosts site.yml --break-glass x --request
    run -0 andon run -i hosts site.yml --break-glass 'the shop is down'
    has "BREAK-GLASS by"
    has "the shop is down"
    [ "$(cat f)" = new ]
    run -0 andon log --type breakglass --output json
    has '"reason":"the shop is down"'
    run andon audit
    has "the shop is down"
}

@test "a rollout that somebody invents gives no authority" {
    protect
    ANDON_CONTEXT='{"rollout": "d-1", "ring": "rest", "authority": {"kind": "rollout"}}' run -3 andon run -i hosts site.yml
    [ ! -e f ]
}

@test "undo on protected hosts needs a rule of its own" {
    protect
    sed -i 's/, approvals: 1//' "$ANDON_HOME/policy.yml"
    echo old >f
    as ann run -i hosts site.yml
    id=$(andon log --type run.started --output json | sed -n 's/.*"run":"\([^"]*\)".*/\1/p' | tail -1)
    run -3 as ann undo -i hosts "$id"
    [ "$(cat f)" = new ]
    printf '  - {name: putters back, who: ops, may: undo}\n' >>"$ANDON_HOME/policy.yml"
    run -0 as ann undo -i hosts "$id"
    [ "$(cat f)" = old ]
}

@test "protected hosts that a task is delegated to are hosts of the run" {
    protect
    sed -i 's/hosts: h1/hosts: h2/' site.yml
    sed -i 's/copy: /delegate_to: h1\n      copy: /' site.yml
    run -3 andon run -i hosts site.yml
    has "refused: "
    [ ! -e f ]
    run -0 as ann run -i hosts site.yml --request
    id=$(sed -n 's/^Requested as \(.*\)\. Others.*/\1/p' <<<"$output")
    as cat approve "$id" --yes
    run -0 as ann run -i hosts site.yml
    [ -e f ]
}

@test "protected hosts that only a template or a play in the middle names are judged when they are met" {
    protect
    play <<<"- {copy: {content: new, dest: $DIR/f}, delegate_to: \"{{ groups['web'][0] }}\"}"
    sed -i 's/hosts: h1/hosts: h2/' site.yml
    run -2 andon run -i hosts site.yml
    has "this run may not touch h1"
    [ ! -e f ]
    run -0 andon log --type policy.denied
    has "h1"
    run -0 andon run -i hosts site.yml --break-glass "the shop is down"
    [ -e f ]
    rm f
    cat >site.yml <<Y
- hosts: h2
  gather_facts: false
  tasks: [{group_by: {key: late}}, {add_host: {name: h1, groups: late}}]
- hosts: late
  gather_facts: false
  tasks: [{copy: {content: new, dest: $DIR/f}}]
Y
    run -1 andon run -i hosts site.yml
    has "this run may not touch h1"
    [ ! -e f ]
}

@test "as ansible-playbook, too" {
    protect
    ln -s "$ANDON" ansible-playbook && ln -s "$(dirname "$ANDON")/andon-node" .
    ANDON_NODE=$(dirname "$ANDON")/andon-node run -3 ./ansible-playbook -i hosts site.yml
    [ ! -e f ]
}

@test "a ring waits for approval: its dry run is shown, and what was approved goes on" {
    protect
    play <<<"- copy: {content: '{{ andon_release.version }}', dest: '$DIR/{{ inventory_hostname }}'}"
    sed -i 's/hosts: h1/hosts: all/' site.yml
    cat >andon.yml <<'Y'
service: shop
deploy: site.yml
inventory: hosts
rings:
  - first: h2
  - rest: {hosts: h1, approvals: 1, protected: true}
Y
    printf '  - {name: deployers, who: ops, may: deploy}\n' >>"$ANDON_HOME/policy.yml"
    as ann release create shop 1.0
    as ann deploy shop 1.0 >log 2>&1 3>&- &
    local run=$! n=0 id
    until [ -n "$(andon approvals --output json)" ]; do [ $((n++)) -lt 100 ]; sleep 0.1; done
    id=$(andon approvals --output json | sed -n 's/.*"id": "\([^"]*\)".*/\1/p')
    [ "$(cat h2)" = 1.0 ] && [ ! -e h1 ]
    run -3 as ann approve "$id" --yes
    has "started it"
    run -0 as ben approve "$id" --yes
    has "shop 1.0 to the ring rest"
    has "+1.0"
    has "ben@example.org approved shop 1.0 to the ring rest: 1 of 1 approvals"
    wait $run || { cat log; return 1; }
    [ "$(cat h1)" = 1.0 ]
    [ "$(andon approvals)" = "Nothing waits for approval." ]
    run -0 andon log --type ring.started --output json
    has '"kind":"approval"'
}

@test "a rollback waits for no approvals of the ring; for those that the policy wants of it, it does" {
    protect
    play <<<"- copy: {content: '{{ andon_release.version }}', dest: '$DIR/{{ inventory_hostname }}'}"
    sed -i 's/hosts: h1/hosts: all/' site.yml
    printf 'service: shop\ndeploy: site.yml\ninventory: hosts\nrings:\n  - all: h1:h2\n' >andon.yml
    local before version
    before=$(cat "$ANDON_HOME/policy.yml")
    printf '  - {name: deployers, who: ops, may: [deploy, rollback]}\n' >>"$ANDON_HOME/policy.yml"
    for version in 1.0 2.0; do
        as ann release create shop $version
        as ann deploy shop $version
    done
    sed -i 's/all: h1:h2/all: {hosts: "h1:h2", approvals: 1, protected: true}/' andon.yml
    run -0 as ann rollback shop
    [ "$(cat h1)" = 1.0 ]
    printf '%s\n  - {name: deployers, who: ops, may: deploy}\n' "$before" >"$ANDON_HOME/policy.yml"
    run -3 as ann rollback shop 2.0
    has "may not rollback shop to ring 'all'"
    [ "$(cat h1)" = 1.0 ]
    printf '  - {name: back, who: ops, may: rollback, approvals: 1}\n' >>"$ANDON_HOME/policy.yml"
    as ann rollback shop 2.0 >log 2>&1 3>&- &
    local run=$! n=0 id
    until [ -n "$(andon approvals --output json)" ]; do [ $((n++)) -lt 100 ]; sleep 0.1; done
    id=$(andon approvals --output json | sed -n 's/.*"id": "\([^"]*\)".*/\1/p')
    [ "$(cat h1)" = 1.0 ]
    run -3 as ann approve "$id" --yes
    run -0 as ben approve "$id" --yes
    wait $run || { cat log; return 1; }
    [ "$(cat h1) $(cat h2)" = "2.0 2.0" ]
}

#!/usr/bin/env bats
# andon vault, encrypted files and values in runs, git; what ansible-vault wrote and the reverse.

# shellcheck disable=SC2154  # bats sets stderr
load helpers

setup_file() {
    export SECRET=canary-5f3a
}

# password NAME TEXT: a password file.
password() {
    printf '%s\n' "$2" >"$1"
}

# need_ansible: skips where there is no ansible-vault to compare with.
need_ansible() {
    [ -x /usr/bin/ansible-vault ] || skip "ansible-core is not installed"
}

@test "encrypt, view, decrypt a file" {
    password pw secret
    printf 'a: %s\n' "$SECRET" >f.yml
    run -0 andon vault encrypt --vault-password-file pw f.yml
    [ "$(head -n1 f.yml)" = '$ANSIBLE_VAULT;1.1;AES256' ]
    [ "$(stat -c %a f.yml)" = 600 ]
    run ! grep -q "$SECRET" f.yml
    run -0 andon vault view --vault-password-file pw f.yml
    [ "$output" = "a: $SECRET" ]
    run -0 andon vault decrypt --vault-password-file pw --output - f.yml
    [ "$output" = "a: $SECRET" ]
    run -0 andon vault decrypt --vault-password-file pw f.yml
    [ "$(cat f.yml)" = "a: $SECRET" ]
}

@test "vault ids choose the password and name it in the file" {
    password dev one
    password prod two
    echo x >f
    run -5 andon vault encrypt --vault-id dev@dev --vault-id prod@prod f
    has "The vault-ids dev,prod are available to encrypt"
    run -0 andon vault encrypt --vault-id dev@dev --vault-id prod@prod --encrypt-vault-id prod f
    [ "$(head -n1 f)" = '$ANSIBLE_VAULT;1.2;AES256;prod' ]
    run -1 andon vault view --vault-id dev@dev f
    has "Decryption failed (no vault secrets were found that could decrypt) on f for f"
    run -0 andon vault view --vault-id x@prod f
    run -1 env ANSIBLE_VAULT_ID_MATCH=1 "$ANDON" vault view --vault-id x@prod f
    run -0 env ANSIBLE_VAULT_IDENTITY_LIST=dev@dev,prod@prod "$ANDON" vault view f
    run -1 andon vault encrypt --vault-id dev@dev --encrypt-vault-id nobody f
    has "Did not find a match for --encrypt-vault-id=nobody in the known vault-ids ['dev']"
}

@test "scripts give passwords, clients are told the id" {
    printf '#!/bin/sh\necho from-script\n' >script
    printf '#!/bin/sh\n[ "$1 $2" = "--vault-id prod" ] || exit 2\necho from-client\n' >my-client.sh
    chmod +x script my-client.sh
    echo x >f
    run -0 andon vault encrypt --vault-id prod@my-client.sh f
    password pw from-client
    run -0 andon vault view --vault-password-file pw f
    run -1 andon vault view --vault-id other@my-client.sh f
    has "did not find a secret for vault-id=other"
    run -1 andon vault view --vault-password-file script f
}

@test "rekey and edit keep mode and id" {
    password old one
    password new two
    echo first >f
    andon vault encrypt --vault-id a@old f
    chmod 640 f
    run -0 andon vault rekey --vault-id a@old --new-vault-id b@new f
    has "Rekey successful"
    [ "$(head -n1 f)" = '$ANSIBLE_VAULT;1.2;AES256;b' ]
    [ "$(stat -c %a f)" = 640 ]
    printf '#!/bin/sh\ncp "$1" seen\ndirname "$1" >where\necho second >>"$1"\n' >editor
    chmod +x editor
    run -0 env EDITOR=./editor "$ANDON" vault edit --vault-id b@new f
    [ "$(cat seen)" = first ]
    [ ! -e "$(cat where)" ]
    [ "$(stat -c %a f)" = 640 ]
    [ "$(head -n1 f)" = '$ANSIBLE_VAULT;1.2;AES256;b' ]
    run -0 andon vault view --vault-id b@new f
    [ "$output" = $'first\nsecond' ]
    cp f before
    run -0 env EDITOR=true "$ANDON" vault edit --vault-id b@new f
    cmp f before
    run -1 env EDITOR=./nothing-there "$ANDON" vault edit --vault-id b@new f
    has "Unable to execute the command"
}

@test "create makes what the editor leaves" {
    password pw secret
    printf '#!/bin/sh\necho made >"$1"\n' >editor
    chmod +x editor
    run -0 env EDITOR=./editor "$ANDON" vault create --vault-password-file pw new/f.yml
    run -0 andon vault view --vault-password-file pw new/f.yml
    [ "$output" = made ]
    run -1 env EDITOR=./editor "$ANDON" vault create --vault-password-file pw new/f.yml
    has "exists, please use 'edit' instead"
    run -5 andon vault create --vault-password-file pw
}

@test "encrypt_string: names, standard input, several" {
    password pw secret
    run -0 --separate-stderr andon vault encrypt_string --vault-password-file pw -n one "$SECRET" other
    has 'one: !vault |'
    [[ $stderr == *'the string #1 from the command line args'* ]]
    [[ $output$stderr != *"$SECRET"* ]]
    { andon vault encrypt_string --vault-password-file pw --stdin-name token <<<"$SECRET"; echo; } >vars.yml
    play <<<'- {debug: {msg: "{{ token | trim }}!"}}'
    run -0 andon run -i hosts site.yml -e @vars.yml --vault-password-file pw
    has "$SECRET!"
    run -5 andon vault encrypt_string --vault-password-file pw ''
    has "was empty, not encrypting"
}

@test "wrong options and files say so" {
    password pw secret
    echo x >f
    run -2 andon vault
    run -2 andon vault frobnicate
    has "invalid choice: 'frobnicate'"
    run -2 andon vault view --output g f
    run -5 andon vault encrypt --vault-password-file pw --output g f pw
    has "At most one input file"
    run -1 andon vault encrypt --vault-password-file pw missing
    has "Unable to read source file"
    run -1 andon vault view --vault-password-file pw f
    has "input is not vault encrypted data. f is not a vault encrypted file for f"
    andon vault encrypt --vault-password-file pw f
    run -1 andon vault encrypt --vault-password-file pw f
    has "input is already encrypted"
    run -1 andon vault view --vault-password-file missing f
    has "was not found"
}

@test "an encrypted value stays encrypted until it is looked into" {
    password pw secret
    {
        echo 'settings:'
        echo '  user: web'
        andon vault encrypt_string --vault-password-file pw -n '  token' "$SECRET"
    } >vars.yml
    play <<'END'
- {debug: {var: settings}}
- {debug: {msg: "{{ settings.token is vault_encrypted }} {{ settings.token | length }}"}}
- {set_fact: {copy: "{{ settings }}"}}
- {debug: {msg: "item", verbosity: 0}, loop: ["{{ settings }}"]}
- {debug: {msg: "{{ copy.token == want }}"}}
END
    run -0 andon run -vvv -i hosts site.yml -e @vars.yml -e "want=canary-5f3""a" --vault-password-file pw
    has 'True 11'
    has '__ansible_vault'
    [[ ${output/want=canary/} != *"$SECRET"* ]]
    run -0 andon run --output json -i hosts site.yml -e @vars.yml -e want=x --vault-password-file pw
    [[ $output != *"$SECRET"* ]]
    run -2 andon run -i hosts site.yml -e @vars.yml -e want=x
    has "Attempting to decrypt but no vault secrets found"
    has "vars.yml:3:"
}

@test "encrypted files wherever files are read" {
    password pw secret
    mkdir -p group_vars host_vars r/roles/x/{tasks,vars,templates,files} in
    echo "g: group" >group_vars/all.yml
    echo "h: host" >host_vars/h1.yml
    echo "- debug: {msg: '{{ g }} {{ h }} {{ v }} {{ rv }}'}" >tasks.yml
    echo "v: vars" >vars.yml
    echo "rv: role" >r/roles/x/vars/main.yml
    echo '- {copy: {src: f, dest: "{{ out }}/f"}}' >r/roles/x/tasks/main.yml
    echo '- {template: {src: t, dest: "{{ out }}/t"}}' >>r/roles/x/tasks/main.yml
    echo '- {copy: {src: f, dest: "{{ out }}/raw", decrypt: false}}' >>r/roles/x/tasks/main.yml
    echo '- {assemble: {src: parts, dest: "{{ out }}/all", remote_src: false}}' >>r/roles/x/tasks/main.yml
    echo '- {script: s.sh, register: s}' >>r/roles/x/tasks/main.yml
    echo '- {debug: {msg: "{{ s.stdout | trim }} {{ lookup("file", "f") }} {{ lookup("unvault", "f") | trim }}"}}' |
        sed "s/\"file\"/'file'/;s/\"unvault\"/'unvault'/;s/\"f\"/'f'/g" >>r/roles/x/tasks/main.yml
    echo 'in file' >r/roles/x/files/f
    echo 'in {{ v }}' >r/roles/x/templates/t
    mkdir r/roles/x/files/parts
    echo part1 >r/roles/x/files/parts/1
    echo part2 >r/roles/x/files/parts/2
    printf '#!/bin/sh\necho script ran\n' >r/roles/x/files/s.sh
    cp hosts in/hosts
    cat >site.yml <<'END'
- hosts: h1
  gather_facts: false
  vars_files: vars.yml
  tasks:
    - {include_role: {name: x, public: true}}
    - {include_tasks: tasks.yml}
    - {include_vars: more.yml}
    - {debug: var: more}
END
    sed -i 's/{debug: var: more}/{debug: {var: more}}/' site.yml
    echo 'more: included' >more.yml
    andon vault encrypt --vault-password-file pw site.yml tasks.yml vars.yml more.yml group_vars/all.yml host_vars/h1.yml \
        in/hosts r/roles/x/*/main.yml r/roles/x/files/{f,s.sh} r/roles/x/files/parts/2 r/roles/x/templates/t
    mkdir out
    cd in
    ln -s ../group_vars ../host_vars .
    cd ..
    run -0 env ANSIBLE_ROLES_PATH=r/roles "$ANDON" run -i in/hosts site.yml -e "out=$PWD/out" --vault-password-file pw
    has "group host vars role"
    has "script ran in file in file"
    has included
    [ "$(cat out/f)" = "in file" ]
    [ "$(cat out/t)" = "in vars" ]
    [ "$(cat out/all)" = $'part1\npart2' ]
    [[ $(cat out/raw) == '$ANSIBLE_VAULT'* ]]
    run -1 env ANSIBLE_ROLES_PATH=r/roles "$ANDON" run -i hosts site.yml -e "out=$PWD/out"
    has "Attempting to decrypt but no vault secrets found"
    has "site.yml:1:1"
}

@test "filters vault and unvault" {
    play <<'END'
- {debug: {msg: "{{ ('hi' | vault('pw')) | unvault('pw') }} {{ 'plain' | unvault('pw') }}"}}
- {debug: {msg: "{{ 'x' | vault('pw', 's' * 32, 'id') }}"}}
- {debug: {msg: "{{ ('x' | vault('pw')) | unvault('other') }}"}, ignore_errors: true}
- {debug: {msg: "{{ 5 | vault('pw') }}"}, ignore_errors: true}
END
    run -0 andon run -i hosts site.yml
    has "hi plain"
    has '$ANSIBLE_VAULT;1.2;AES256;id'
    has "Unable to decrypt: Decryption failed"
    has "Can only vault strings, instead we got"
}

@test "what ansible-vault wrote, and the reverse" {
    need_ansible
    password pw secret
    password other two
    printf 'plain\n' >a
    head -c 5000 /dev/urandom >b
    : >c
    for f in a b c; do
        cp $f $f.plain
        run -0 /usr/bin/ansible-vault encrypt --vault-id "it's@pw" $f
        run -0 andon vault decrypt --vault-password-file pw $f
        cmp $f $f.plain
        run -0 andon vault encrypt --vault-id it@pw --vault-id x@other --encrypt-vault-id it $f
        run -0 /usr/bin/ansible-vault decrypt --vault-password-file pw $f
        cmp $f $f.plain
        andon vault encrypt --vault-password-file pw $f
        run -0 /usr/bin/ansible-vault rekey --vault-password-file pw --new-vault-password-file other $f
        run -0 andon vault rekey --vault-password-file other --new-vault-id again@pw $f
        run -0 /usr/bin/ansible-vault decrypt --vault-password-file pw $f
        cmp $f $f.plain
    done
}

@test "called as ansible-vault it says what ansible-vault says" {
    need_ansible
    mkdir bin
    ln -s "$ANDON" bin/ansible-vault
    password pw secret
    password wrong other
    echo x >plain
    echo x >enc
    andon vault encrypt --vault-password-file pw enc
    while read -r line; do
        [ -n "$line" ] || continue
        # shellcheck disable=SC2086
        for side in theirs ours; do
            cp enc e
            status=0 dir=bin
            [ $side = ours ] || dir=/usr/bin
            "$dir/ansible-vault" $line >out 2>err </dev/null || status=$?
            # usage texts are each program's own
            { sed '/^usage: /,$d' out; echo "exit $status"; grep -v '^ ' err | sed '/^usage:/d'; } >said.$side
        done
        diff said.theirs said.ours
    done <<'END'
view --vault-password-file pw e
view --vault-password-file wrong e
view --vault-password-file pw plain
view --vault-password-file pw missing
view --vault-password-file missing e
decrypt --vault-password-file wrong e
decrypt --vault-password-file pw --output - e
encrypt --vault-password-file pw e
encrypt --vault-id a@pw --vault-id b@wrong plain
encrypt --vault-id a;b@pw plain
encrypt --vault-id a@pw --encrypt-vault-id c plain
rekey --vault-password-file pw --new-vault-password-file wrong e
rekey --vault-password-file wrong --new-vault-password-file pw e
edit --vault-password-file wrong e
END
}

@test "git shows and merges what is encrypted" {
    password pw secret
    export ANSIBLE_VAULT_PASSWORD_FILE=$PWD/pw GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b \
        GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    git init -q repo
    cd repo
    git config diff.vault.textconv "'$ANDON' vault textconv"
    git config merge.vault.driver "'$ANDON' vault merge %O %A %B"
    echo '*.yml diff=vault merge=vault' >.gitattributes
    printf 'a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n' >s.yml
    andon vault encrypt s.yml
    { echo 'x: 1'; andon vault encrypt_string -n token first; } >inline.yml
    git add . && git commit -qm base
    { echo 'x: 1'; andon vault encrypt_string -n token second; } >inline.yml
    run -0 git diff inline.yml
    has "-          first"
    has "+          second"
    git checkout -q inline.yml
    change() { # change BRANCH SED-SCRIPT
        git checkout -qb "$1" main 2>/dev/null || git checkout -qb "$1" master
        andon vault decrypt s.yml && sed -i "$2" s.yml && andon vault encrypt s.yml && git commit -qam "$1"
    }
    change one 's/a: 1/a: ONE/'
    change two 's/e: 5/e: FIVE/'
    run -0 git show one -- s.yml
    has "-a: 1"
    has "+a: ONE"
    run -0 git merge -q -m merged one
    run -0 andon vault view s.yml
    has "a: ONE"
    has "e: FIVE"
    change three 's/a: 1/a: THREE/'
    run -1 git merge -q -m merged one
    [ "$(head -n1 s.yml)" = '$ANSIBLE_VAULT;1.1;AES256' ]
    run -0 andon vault view s.yml
    has "<<<<<<< ours"
    has "a: THREE"
    has "a: ONE"
}

# bash completion of andon; made by `andon completion bash`.
_andon() {
    local word=${COMP_WORDS[COMP_CWORD]} options=
    if [ "$COMP_CWORD" = 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W 'approvals approve audit check completion deploy do doc drift explain flow help incident inventory log pause plan promote refuse release resume rollback run status stop undo vault who --help --version' -- "$word")
        return
    fi
    case ${COMP_WORDS[1]} in
    approvals) options='--ring --reason --yes --output --help --version' ;;
    approve) options='--ring --reason --yes --output --help --version' ;;
    audit) options='--since --until --output --help --version' ;;
    check) options='--inventory --extra-vars --vault-id --vault-password-file --vault-pass-file --ask-vault-password --ask-vault-pass --output --quiet --strict --help --version' ;;
    deploy) options='--reason --release --output --help --version' ;;
    do) options='--inventory --inventory-file --limit --extra-vars --check --diff --forks --become --become-method --become-user --ask-become-pass --become-password-file --become-pass-file --vault-id --vault-password-file --vault-pass-file --ask-vault-password --ask-vault-pass --user --ask-pass --connection-password-file --conn-pass-file --private-key --key-file --connection --timeout --ssh-common-args --ssh-extra-args --scp-extra-args --sftp-extra-args --module-path --list-hosts --syntax-check --module-name --args --one-line --tree --background --poll --playbook-dir --output --live --quiet --request --break-glass --verbose --help --version' ;;
    drift) options='--inventory --inventory-file --limit --extra-vars --forks --become --become-method --become-user --ask-become-pass --become-password-file --become-pass-file --vault-id --vault-password-file --vault-pass-file --ask-vault-password --ask-vault-pass --user --ask-pass --connection-password-file --conn-pass-file --private-key --key-file --connection --timeout --ssh-common-args --ssh-extra-args --scp-extra-args --sftp-extra-args --module-path --check --output --verbose --help --version' ;;
    flow) options='--since --until --by --only --repo --authored --explain --output --help --version' ;;
    incident) options='--service --rollout --noticed-by --started --severity --at --by --reason --all --output --help --version' ;;
    inventory) options='--inventory --inventory-file --limit --extra-vars --vault-id --vault-password-file --vault-pass-file --ask-vault-password --ask-vault-pass --flush-cache --playbook-dir --list --graph --host --verbose --help --version' ;;
    ledger) options='--output --format --to --from --blobs --reason --key --checkpoint --size --old --origin --help --version' ;;
    log) options='--service --host --ring --actor --since --until --path --package --outcome --type --run --rollout --runs --number --diff --output --help --version' ;;
    pause) options='--reason --release --output --help --version' ;;
    plan) options='--inventory --inventory-file --limit --extra-vars --tags --skip-tags --forks --become --become-method --become-user --ask-become-pass --become-password-file --become-pass-file --vault-id --vault-password-file --vault-pass-file --ask-vault-password --ask-vault-pass --user --ask-pass --connection-password-file --conn-pass-file --private-key --key-file --connection --timeout --ssh-common-args --ssh-extra-args --scp-extra-args --sftp-extra-args --module-path --out --output --verbose --help --version' ;;
    promote) options='--reason --release --output --help --version' ;;
    refuse) options='--ring --reason --yes --output --help --version' ;;
    release) options='--artifact --commit --digest --file --output --help --version' ;;
    resume) options='--reason --release --output --help --version' ;;
    rollback) options='--reason --release --output --help --version' ;;
    run) options='--inventory --inventory-file --limit --extra-vars --tags --skip-tags --check --diff --forks --become --become-method --become-user --ask-become-pass --become-password-file --become-pass-file --vault-id --vault-password-file --vault-pass-file --ask-vault-password --ask-vault-pass --user --ask-pass --connection-password-file --conn-pass-file --private-key --key-file --connection --timeout --ssh-common-args --ssh-extra-args --scp-extra-args --sftp-extra-args --module-path --list-hosts --list-tasks --list-tags --syntax-check --start-at-task --step --force-handlers --failed --drop-handlers --flush-cache --output --live --quiet --request --break-glass --verbose --help --version' ;;
    status) options='--reason --release --output --help --version' ;;
    stop) options='--reason --release --output --help --version' ;;
    undo) options='--inventory --inventory-file --limit --extra-vars --check --diff --forks --become --become-method --become-user --ask-become-pass --become-password-file --become-pass-file --vault-id --vault-password-file --vault-pass-file --ask-vault-password --ask-vault-pass --user --ask-pass --connection-password-file --conn-pass-file --private-key --key-file --connection --timeout --ssh-common-args --ssh-extra-args --scp-extra-args --sftp-extra-args --module-path --break-glass --force --deadline --status --output --verbose --help --version' ;;
    vault) options='--vault-id --vault-password-file --vault-pass-file --ask-vault-password --ask-vault-pass --output --encrypt-vault-id --new-vault-id --new-vault-password-file --prompt --show-input --name --stdin-name --verbose --help --version' ;;
    who) options='--since --until --number --quiet --output --help --version' ;;
    esac
    case $word in
    -*) mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}
complete -o filenames -F _andon andon

#!/usr/bin/env bats
# What a run leaves behind: hosts that failed, handlers not run, retry files; lost hosts that are rescued.

load helpers

# failing: a play in which h1 fails behind a change, unless ok is set; both notify a handler.
failing() {
    cat >site.yml <<'END'
- name: site
  hosts: all
  gather_facts: false
  tasks:
    - {command: "true", when: change | default(true) | bool, notify: restart}
    - {command: "{{ 'true' if inventory_hostname == 'h2' or ok | default(false) | bool else 'false' }}", changed_when: false}
  handlers:
    - {name: restart, shell: "echo {{ inventory_hostname }} >>{{ playbook_dir }}/restarted"}
END
}

@test "--failed takes the hosts that failed, until they do not" {
    failing
    run -0 andon run --failed -i hosts site.yml
    has "No host failed in the last run."
    run -2 andon run -i hosts site.yml
    run -2 andon run --failed -i hosts site.yml
    run ! grep "^h2 " <<<"$output"
    run -0 andon run --failed -i hosts site.yml -e ok=1
    run ! grep "^h2 " <<<"$output"
    run -0 andon run --failed -i hosts site.yml
    has "No host failed in the last run."
}

@test "hosts outside the limit keep their record" {
    failing
    run -2 andon run -i hosts site.yml
    run -0 andon run -i hosts -l h2 site.yml
    run -2 andon run --failed -i hosts site.yml
    run -2 andon run -i hosts site.yml
    run -0 andon run --failed -i hosts site.yml -l h1 -e ok=1
}

@test "a check run leaves no record, nor does ansible-playbook" {
    failing
    ln -s "$ANDON" ansible-playbook
    run -2 ./ansible-playbook -i hosts site.yml
    run -0 andon run --failed -i hosts site.yml
    run andon run --check -i hosts site.yml
    run -0 andon run --failed -i hosts site.yml
    [ ! -e "$ANDON_HOME/runs" ]
}

@test "handlers left undone run next time, once" {
    failing
    run -2 andon run -i hosts site.yml
    has "Handlers left undone"
    has "h1: restart"
    [ "$(cat restarted)" = h2 ]
    run -0 andon run -i hosts site.yml -e ok=1 -e change=false
    has "Handlers that an earlier run left undone will run on"
    [ "$(cat restarted)" = $'h2\nh1' ]
    run -0 andon run -i hosts site.yml -e ok=1 -e change=false
    [[ $output != *"left undone"* ]]
    [ "$(cat restarted)" = $'h2\nh1' ]
}

@test "they stay over another failure, and can be dropped" {
    failing
    run -2 andon run -i hosts site.yml
    run -2 andon run -i hosts site.yml -e change=false
    has "h1: restart"
    run -0 andon run -i hosts site.yml -e ok=1 -e change=false --drop-handlers
    [ "$(cat restarted)" = h2 ]
    run -0 andon run -i hosts site.yml -e ok=1 -e change=false
    [ "$(cat restarted)" = h2 ]
}

@test "a handler that is gone is a warning" {
    failing
    run -2 andon run -i hosts site.yml
    sed -i 's/notify: restart/notify: other/; s/name: restart/name: other/' site.yml
    run -0 andon run -i hosts site.yml -e ok=1 -e change=false
    has "is not there any more"
}

@test "retry files" {
    failing
    run -2 env ANSIBLE_RETRY_FILES_ENABLED=1 "$ANDON" run -i hosts site.yml
    has "to retry, use: --limit @$PWD/site.retry"
    [ "$(cat site.retry)" = h1 ]
    run -0 andon run -i hosts site.yml --limit @site.retry -e ok=1
    run ! grep "^h2 " <<<"$output"
    run -2 env ANSIBLE_RETRY_FILES_ENABLED=1 ANSIBLE_RETRY_FILES_SAVE_PATH="$PWD/retries" "$ANDON" run -i hosts site.yml
    [ "$(cat retries/site.retry)" = h1 ]
}

@test "a lost host is rescued where the play opts in" {
    cat >site.yml <<'END'
- hosts: lost
  gather_facts: false
  vars: {andon_rescue_unreachable: "{{ opt_in }}"}
  tasks:
    - block: [{command: "true"}]
      rescue: [{debug: {msg: "rescued {{ ansible_failed_task.action }} {{ ansible_failed_result.unreachable }}"}}]
      always: [{debug: {msg: at the end}}]
    - {debug: {msg: goes on}}
END
    echo 'lost ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args="-o StrictHostKeyChecking=no"' >hosts
    run -0 andon run -i hosts site.yml -e opt_in=true
    has "rescued command True"
    has "goes on"
    run -4 andon run -i hosts site.yml -e opt_in=false
    [[ $output != *rescued\ command* ]]
    [[ $output != *"goes on"* ]]
}

@test "the debugger is refused, never is not" {
    play <<<'- {command: "true", debugger: on_failed}'
    run -4 andon run -i hosts site.yml
    has "site.yml:4:35"
    has "andon has no task debugger"
    play <<<'- {command: "true", debugger: never}'
    run -0 andon run -i hosts site.yml
}

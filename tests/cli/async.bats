#!/usr/bin/env bats
# Background tasks: async, poll, async_status, -B and -P.

load helpers

# wait_for FILE: until it is there, for some seconds.
wait_for() {
    local i
    for ((i = 0; i < 100; i++)); do
        [ -e "$1" ] && return 0
        sleep 0.1
    done
    return 1
}

@test "a job is waited for, its state removed" {
    play <<'END'
- {command: sh -c "sleep 1; echo done", async: 20, poll: 1, register: r}
- {debug: {msg: "{{ r.stdout }} {{ r.finished }} {{ r.started }} {{ r.rc }}"}}
END
    run -0 andon run -i hosts site.yml
    has "done 1 1 0"
    [ -z "$(ls "$HOME/.ansible_async")" ]
}

@test "poll 0 goes on at once, the job outlives andon" {
    play <<'END'
- {shell: "until [ -e go ]; do sleep 0.1; done; echo out; touch over", args: {chdir: "{{ dir }}"}, async: 60, poll: 0, register: r}
- {copy: {content: "{{ r.ansible_job_id }}", dest: "{{ dir }}/jid"}}
END
    run -0 andon run -i hosts site.yml -e "dir=$PWD"
    [ ! -e over ]
    jid=$(cat jid)
    [ "$(stat -c %a "$HOME/.ansible_async/$jid")" = 600 ]
    touch go
    play <<<'- {async_status: {jid: "{{ jid }}"}, register: s, until: s.finished, retries: 30, delay: 1}
- {debug: {msg: "finished {{ s.finished }} {{ s.stdout }}"}}'
    wait_for over
    run -0 andon run -i hosts site.yml -e "jid=$jid"
    has "finished 1 out"
    play <<<'- {async_status: {jid: "{{ jid }}", mode: cleanup}}'
    run -0 andon run -i hosts site.yml -e "jid=$jid"
    [ ! -e "$HOME/.ansible_async/$jid" ]
    run -2 andon run -i hosts site.yml -e "jid=$jid"
    has "could not find job"
}

@test "time over: the job and its children are killed" {
    play <<<'- {shell: "sleep 44.5 & echo $! >pid; wait", args: {chdir: "{{ dir }}"}, async: 1, poll: 2}'
    run -2 andon run -i hosts site.yml -e "dir=$PWD"
    has "async task did not complete within the requested time - 1s"
    for ((i = 0; i < 100; i++)); do kill -0 "$(cat pid)" 2>/dev/null || break; sleep 0.1; done
    run ! kill -0 "$(cat pid)"
    grep -q "Timeout exceeded" "$HOME"/.ansible_async/j*
}

@test "a failing job, one with bad arguments, what cannot be a job" {
    play <<'END'
- {command: sh -c "echo no >&2; exit 3", async: 10, poll: 1, register: r, ignore_errors: true}
- {debug: {msg: "rc {{ r.rc }} {{ r.stderr }}"}}
- {copy: {content: x, dest: "{{ dir }}/x"}, async: 10, poll: 1, ignore_errors: true}
- {command: "true", check_mode: true, async: 10, poll: 1}
END
    run -2 andon run -i hosts site.yml -e "dir=$PWD"
    has "rc 3 no"
    has "async is not supported for this task."
    has "check mode and async cannot be used on same task."
    [ ! -e x ]
}

@test "another folder for the state" {
    play <<<'- {command: "echo x", async: 10, poll: 0, register: r}
- {stat: {path: "{{ r.results_file }}"}, register: s}
- {debug: {msg: "{{ r.results_file | dirname }} {{ s.stat.exists }}"}}'
    run -0 env ANSIBLE_ASYNC_DIR='~/jobs' "$ANDON" run -i hosts site.yml
    has "$HOME/jobs True"
    run -0 andon run -i hosts site.yml -e "ansible_async_dir=$PWD/j"
    has "$PWD/j True"
}

@test "andon do -B -P" {
    run -0 andon "do" h1 -i hosts -m command -a 'echo hello' -B 10 -P 1 --output ansible
    has "hello"
    has "CHANGED"
    run -0 andon "do" h1 -i hosts -m command -a 'sleep 0.1' -B 10 -P 0 --output ansible
    has ansible_job_id
}

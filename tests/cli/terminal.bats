#!/usr/bin/env bats
# andon's own output as a user sees it: the live line on a terminal, failures, pipes, colours, --live, -v, Ctrl-C.

load helpers

# see [OPTIONS OF terminal.py] -- COMMAND..: runs it on a terminal.
see() { run "$BATS_TEST_DIRNAME/terminal.py" "$@"; }

# many N: an inventory of that many hosts.
many() { for ((i = 1; i <= $1; i++)); do echo "host$i ansible_connection=local"; done >hosts; }

# all TASKS: site.yml for all hosts.
all() { { printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n' && sed 's/^/    /'; } >site.yml; }

# last HOST [LINE]: site.yml with one task, which that host ends a second after all the others, however slow they are.
last() {
    rm -f did-*
    all <<Y
- name: Sleep a little
  shell: "{{ wait if inventory_hostname == '$1' else 'touch did-' ~ inventory_hostname }}"
  args: {chdir: "{{ playbook_dir }}"}
  vars: {wait: "until [ \$(ls | grep -c ^did-) = {{ ansible_play_hosts | length - 1 }} ]; do sleep 0.1; done; rm did-*; sleep 1"}
  ${2:-}
Y
}

hasnt() {
    [[ $output != *"$1"* ]] || { printf 'not expected: %s\ngot: %s\n' "$1" "$output"; return 1; }
}

# The live lines fit the terminal and leave nothing behind.
tidy() {
    hasnt overflow:
    hasnt unknown:
    ! grep -q '^|.*waiting for' <<<"$output" || { echo "a live line was left: $output"; return 1; }
}

@test "the live line counts hosts and names the slowest, at any width" {
    local n columns
    last host2
    for n in 3 20; do
        many $n
        for columns in 40 80 200; do
            see --columns $columns -- "$ANDON" run -i hosts site.yml
            has "exit 0"
            tidy
            has ">  Sleep a little  $((n - 1)) of $n hosts, "
            [ $columns = 40 ] || has ", waiting for host2"
            has "|  changed     Sleep a little"
        done
    done
}

@test "with 100 hosts the line stays one line, and the summary is short" {
    many 100
    last host77 "changed_when: inventory_hostname == 'host5'"
    see --columns 80 --timeout 60 -- "$ANDON" run -i hosts site.yml -f 100
    has "exit 0"
    tidy
    has ">  Sleep a little  99 of 100 hosts, "
    has ", waiting for host77"
    has "1 changed (host5), 99 ok"
    has "99 hosts ok, nothing changed"
    [ "$(grep -c '^|host' <<<"$output")" = 1 ]
}

@test "a long name of a task is cut in the live line, not in the result" {
    many 3
    local name="A task whose name tells a long story about what it does, why it does it, and for whom — in full"
    all <<<"- {name: '$name', command: 'sleep 1'}"
    see --columns 80 -- "$ANDON" run -i hosts site.yml
    has "exit 0"
    tidy
    grep -q '^>  A task whose name.*… *0 of 3 hosts' <<<"$output"
    tr -d '\n' <<<"$output" | grep -qF "for whom — in full" || tr -d '\n|' <<<"$output" | grep -qF "for whom — in full"
}

@test "a terminal that is resized meanwhile" {
    many 20
    all <<<'- {name: Sleep a little while so that there is time to resize, command: sleep 2}'
    see --columns 120 --at 1:size=50 --at 1.8:size=100 -- "$ANDON" run -i hosts site.yml
    has "exit 0"
    has "live:"
    # Only the line on the screen at the moment of the change may be too wide for it.
    [ "$(grep -c '^overflow:' <<<"$output")" -le 1 ]
}

@test "Ctrl-C cancels what runs, says so, and shows how far it got" {
    many 3
    local long="sleep 30.$$" # like no other's
    all <<Y
- {name: first, command: echo x}
- {name: second, command: $long}
- {name: third, command: touch third}
Y
    see --on '  second=^C' --timeout 60 -- "$ANDON" run -i hosts site.yml
    has "exit 99"
    tidy
    has "|andon: interrupted"
    has "|  changed     first"
    has "second"
    hasnt "third"
    has "host1"
    run ! pgrep -xf "$long"
}

@test "the results of a task are there before the next question" {
    many 1
    all <<'Y'
- {name: first, command: echo x}
- {name: second, command: echo y}
Y
    see --at 1:y --at 1.1:ENTER --at 3:n --at 3.1:ENTER -- "$ANDON" run -i hosts site.yml --step
    has "exit 0"
    local lines
    lines=$(grep -nE 'changed +first|Perform task.*second' <<<"$output" | cut -d: -f2)
    [[ $lines == *changed*Perform* ]] || { echo "$output"; return 1; }
}

@test "a play asks for its variables: shown, hidden, twice until both are the same, with a default" {
    many 1
    cat >site.yml <<'Y'
- hosts: all
  gather_facts: false
  vars_prompt:
    - {name: city, prompt: Which city, private: false}
    - {name: street, prompt: Which street, private: false, default: Main Street}
    - {name: door, prompt: Code of the door}
    - {name: safe, prompt: Code of the safe, confirm: true}
  tasks:
    - debug: {msg: "{{ city }}/{{ street }}/{{ door | length }}/{{ safe | reverse }}"}
Y
    local answers=(--on "Which city: =Bergen ENTER" --on "Which street [Main Street]: =ENTER" --on "Code of the door: *=d00r ENTER"
        --on "Code of the safe: *=4711 ENTER" --on "confirm Code of the safe: *=4712 ENTER"
        --on "Code of the safe: *=4713 ENTER" --on "confirm Code of the safe: *=4713 ENTER")
    see "${answers[@]}" -- "$ANDON" run -v -i hosts site.yml
    has "exit 0"
    has "Bergen/Main Street/4/3174"
    has "VALUES ENTERED DO NOT MATCH"
    has "|Which city: Bergen"
    hasnt d00r
    hasnt 4711
    see "${answers[@]}" -- ansible-playbook -i hosts site.yml
    has "exit 0"
    has "Bergen/Main Street/4/3174"
    has "VALUES ENTERED DO NOT MATCH"
    hasnt d00r
}

@test "Ctrl-C at a question of a play ends it, and nothing has run" {
    many 1
    cat >site.yml <<'Y'
- hosts: all
  gather_facts: false
  vars_prompt: [{name: city, prompt: Which city}]
  tasks:
    - file: {path: made, state: touch}
Y
    see --on "Which city: *=^C" -- "$ANDON" run -i hosts site.yml
    hasnt "exit 0"
    [ ! -e made ]
}

@test "failures are told in full, once for all hosts that have the same, with the source line" {
    many 3
    all <<'Y'
- name: Goes wrong
  shell: echo some output; echo what went wrong >&2; exit 3
Y
    run -2 andon run -i hosts site.yml
    has "3 failed (host1 host2 host3)"
    has "    host1 host2 host3:"
    has "(rc 3)"
    has "stderr: what went wrong"
    has "stdout: some output"
    has "      at site.yml:4:7"
    [ "$(grep -c 'what went wrong' <<<"$output")" = 1 ]
    hasnt $'\e'
}

@test "what hosts print cannot steer the terminal" {
    many 1
    all <<'Y'
- {name: Evil, shell: "printf 'a\\033[2Jb\\033]0;title\\007c\\rd\\n' >&2; false"}
Y
    see -- "$ANDON" run -i hosts site.yml --live
    has "exit 2"
    tidy
    has "stderr: d"
}

@test "--live follows the output of a long command, line by line" {
    many 2
    all <<'Y'
- {name: Long, shell: "for i in 1 2 3; do printf 'line '; sleep 0.2; echo $i; done; printf 'no end'"}
Y
    run -0 andon run -i hosts site.yml --live
    has "    host1 | line 1"
    has "    host2 | line 3"
    has "    host1 | no end"
    hasnt "| line"$'\n'
    see -- "$ANDON" run -i hosts site.yml --live
    has "exit 0"
    tidy
    has "|    host1 | line 2"
}

@test "strategy free tells each task once, with all its hosts" {
    many 4
    cat >site.yml <<'Y'
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - name: one # of host2 ends a little after all that the others do
      shell: "{{ wait if inventory_hostname == 'host2' else 'true' }}"
      args: {chdir: "{{ playbook_dir }}"}
      vars: {wait: "until [ $(ls | grep -c ^did-) = 3 ]; do sleep 0.1; done; sleep 0.8; rm did-*"}
    - {name: two, command: echo x}
    - {name: three, shell: "touch did-{{ inventory_hostname }}", args: {chdir: "{{ playbook_dir }}"}}
Y
    run -0 andon run -i hosts site.yml
    for task in one two three; do
        [ "$(grep -c "changed     $task " <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    done
    has "4 changed"
    rm did-host2
    see --columns 80 -- "$ANDON" run -i hosts site.yml
    tidy
    has "waiting for host2 at 'one'"
}

@test "-v shows results, -vv where tasks stand, -vvv arguments" {
    many 1
    all <<'Y'
- {name: Say, command: echo hello}
- {name: Secret, command: echo s3cret, no_log: true}
Y
    run -0 andon run -i hosts site.yml
    hasnt hello
    run -0 andon run -i hosts site.yml -v
    has "host1:"
    has "rc 0"
    has "      hello"
    hasnt s3cret
    hasnt module_args
    run -0 andon run -i hosts site.yml -vv
    has "at site.yml:4:"
    has '"stdout": "hello"'
    hasnt s3cret
    run -0 andon run -i hosts site.yml -vvv
    has '"module_args"'
    has "connected"
    hasnt s3cret
}

@test "colours on a terminal, none in a pipe or with NO_COLOR" {
    many 1
    all <<<'- {name: Say, command: echo hello}'
    see -- "$ANDON" run -i hosts site.yml
    has colored
    NO_COLOR=1 see -- "$ANDON" run -i hosts site.yml
    has plain
    see -- sh -c "'$ANDON' run -i hosts site.yml | cat"
    has plain
    ANSIBLE_FORCE_COLOR=1 see -- sh -c "'$ANDON' run -i hosts site.yml | cat"
    has colored
}

@test "a pipe gets the same lines without the live one" {
    many 3
    all <<<'- {name: Sleep a little, command: sleep 1}'
    andon run -i hosts site.yml >out
    run ! grep -q $'\r' out
    run ! grep -q 'waiting for' out
    grep -q '3 changed' out
    grep -q '^3 hosts, 3 changed, 0 failed' out
    andon run -i hosts site.yml | head -n 1 >out # a reader that goes away does no harm
}

@test "JSON lines are JSON, all of them, whatever happens" {
    printf 'host1 ansible_connection=local\ngone ansible_host=127.0.0.1 ansible_port=1\n' >hosts
    echo '- debug: msg=included' >more.yml
    cat >site.yml <<'Y'
- hosts: all
  gather_facts: false
  tasks:
    - {name: Odd, shell: "printf '\\377\\000\\033[1m\\n'"}
    - {name: Numbers, debug: {msg: "{{ x }}"}, vars: {x: .inf}}
    - {name: Items, command: "echo {{ item }}", loop: [a, {b: c}], notify: Handled}
    - {name: Hidden, command: echo secret, no_log: true}
    - {name: Tries, command: "false", retries: 1, delay: 0, until: false, ignore_errors: true}
    - include_tasks: more.yml
    - set_stats: {data: {k: v}}
    - {name: Fails, command: "false"}
  handlers:
    - {name: Handled, debug: msg=x}
- hosts: nosuch
Y
    ANSIBLE_CALLBACK_RESULT_FORMAT=yaml "$ANDON" run -i hosts site.yml --output json -vvv --live >out 2>err || [ $? = 4 ]
    python3 - <<'PY'
import json
events = [json.loads(line, parse_constant=lambda c: 1 / 0) for line in open("out", encoding="utf-8")]
kinds = {e["event"] for e in events}
wanted = {"playbook", "play", "task", "item", "result", "retry", "include", "notify", "output", "stats"}
assert wanted <= kinds, wanted - kinds
for e in events:
    assert isinstance(e["time"], float)
    if e["event"] in ("item", "result"):
        assert {"task", "module", "host", "status", "ignored", "seconds", "result"} <= set(e), e
        assert isinstance(e["result"], dict), e
        assert "secret" not in json.dumps(e), e
failed = [e for e in events if e["event"] == "result" and e["status"] == "failed" and not e["ignored"]]
assert [e["position"].rsplit("/", 1)[-1] for e in failed] == ["site.yml:11:7"], failed
assert [e["host"] for e in events if e.get("status") == "unreachable"] == ["gone"]
stats = events[-1]
assert stats["event"] == "stats" and stats["hosts"]["gone"]["unreachable"] == 1 and stats["custom"]["_run"] == {"k": "v"}, stats
PY
}

@test "every event and member of the JSON output is in the manual" {
    local page=$BATS_TEST_DIRNAME/../../man/andon-run.1 word
    for word in playbook play task item result include retry notify output warning message no_hosts stats \
        time path name hosts check module handler position host status ignored seconds delegated file left attempts \
        stream text custom; do
        grep -qE "\\\\fB$word\\\\fR" "$page" || { echo "$word is not in andon-run(1)"; return 1; }
    done
}

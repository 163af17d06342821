#!/usr/bin/env bats
# andon check: its outputs, exit codes, silences and explanations. What each rule finds is in
# tests/unit/test_check_rules.c.

load helpers

# bad: site.yml with an error, a warning and a note.
bad() {
    play <<'Y'
- copy: {content: x, dset: /tmp/x}
- command: make install
- apt: {name: x, state: latest}
Y
}

@test "nothing to find: exit 0 and a summary" {
    play <<<'- copy: {content: x, dest: /tmp/x}'
    run -0 andon check site.yml
    [[ $output =~ ^1\ file,\ 1\ task:\ 0\ errors,\ 0\ warnings,\ 0\ notes\ \([0-9]+\ ms\)$ ]]
}

@test "an error: its place, its line, its code, exit 1" {
    bad
    run -1 andon check site.yml
    has "site.yml:4:26: error: module 'copy' has no parameter 'dset' (did you mean 'dest'?) [AC201]"
    has "    4 |     - copy: {content: x, dset: /tmp/x}"
    has "      |                          ^"
    has "2 errors, 1 warning, 1 note"
}

@test "errors alone count, and warnings with --strict" {
    play <<<'- command: make install'
    run -0 andon check site.yml
    has "warning: "
    run -1 andon check --strict site.yml
}

@test "--quiet leaves notes out" {
    bad
    run -1 andon check -q site.yml
    has "[AC701]"
    [[ $output != *"[AC702]"* ]]
}

@test "findings are grouped by file and every mistake is told" {
    mkdir -p roles/r/tasks
    printf -- '- file: {pth: /a}\n- coppy:\n- file: {path: /a, state: presnt}\n' >roles/r/tasks/main.yml
    printf -- '- hosts: h1\n  taks: []\n  roles: [r]\n' >site.yml
    run -1 andon check
    has "roles/r/tasks/main.yml:1:10: error: module 'file' has no parameter 'pth' (did you mean 'path'?) [AC201]"
    has "roles/r/tasks/main.yml:2:3: error: there is no module 'coppy' (did you mean 'copy'?) [AC106]"
    has "roles/r/tasks/main.yml:3:"
    has "

site.yml:2:3: error: 'taks' is not a valid attribute for a Play"
}

@test "a file of tasks, a role and several paths" {
    mkdir -p r/tasks r/defaults
    echo 'x: 1' >r/defaults/main.yml
    echo '- file: {pth: /a}' >r/tasks/main.yml
    run -1 andon check r/tasks/main.yml
    has "r/tasks/main.yml:1:10: error:"
    run -1 andon check r
    has "r/tasks/main.yml:1:10: error:"
    play <<<'- file: {pth: /b}'
    run -1 andon check site.yml r
    has "r/tasks/main.yml:1:10: error:"
    has "site.yml:4:14: error:"
}

@test "with an inventory what is undefined is certain" {
    play <<<'- debug: {msg: "{{ nosuch }} {{ known }} {{ given }}"}'
    printf 'h1 known=1\n' >inv
    run -1 andon check -i inv -e given=1 site.yml
    has "site.yml:4:24: error: 'nosuch' is undefined [AC301]"
    has "1 error, 0 warnings, 0 notes"
    printf 'h1 known=1 nosuch=1\nh2 known=1\n' >inv
    sed -i 's/hosts: h1/hosts: all/' site.yml
    run -0 andon check -i inv -e given=1 site.yml
    has "warning: 'nosuch' is undefined on 1 of 2 hosts of the play, such as h2 [AC301]"
}

@test "a folder's inventory script is not run" {
    printf '#!/bin/sh\ntouch %s/ran\necho "{}"\n' "$DIR" >hosts
    chmod +x hosts
    printf '[defaults]\ninventory = hosts\n' >ansible.cfg
    play <<<'- ping:'
    run -0 andon check
    [ ! -e ran ]
}

@test "a folder's vault password script is not run, and its encrypted variables are unknown" {
    printf '#!/bin/sh\ntouch "%s/ran"\necho pw\n' "$DIR" >pass.sh
    chmod +x pass.sh
    mkdir group_vars
    echo 'secret: x' >group_vars/all.yml
    echo pw >pw
    andon vault encrypt --vault-password-file pw group_vars/all.yml
    rm -f ran
    printf '[defaults]\nvault_password_file = pass.sh\n' >ansible.cfg
    play <<<'- debug: {msg: "{{ secret }}"}'
    run -0 andon check
    has "0 errors"
    [ ! -e ran ]
    run -0 andon check --vault-password-file pw
    has "0 errors, 0 warnings, 0 notes"
    printf '[defaults]\nvault_password_file = nowhere\n' >ansible.cfg
    run -0 andon check
    run -2 andon check site.yml
    has "nowhere was not found"
}

@test "no host is touched and nothing is evaluated" {
    play <<Y
- command: touch $DIR/ran
  changed_when: false
- debug: {msg: "{{ lookup('pipe', 'touch $DIR/ran') }}"}
Y
    run -0 andon check -i hosts site.yml
    [ ! -e ran ]
}

@test "--output json: one object per line" {
    bad
    run -1 andon check --output json site.yml
    [ "${#lines[@]}" = 4 ]
    python3 - "${lines[0]}" <<'P'
import json, sys
f = json.loads(sys.argv[1])
assert f == {"code": "AC202", "name": "missing-parameter", "severity": "error", "file": "site.yml", "line": 4,
             "column": 7, "message": "module 'copy' needs the parameter 'dest'",
             "source": "    - copy: {content: x, dset: /tmp/x}"} or f["code"] == "AC201", f
P
}

@test "--output sarif: a log of version 2.1.0" {
    bad
    echo '- hosts: [' >"with space.yml"
    andon check --output sarif site.yml "with space.yml" >log.sarif || true
    python3 - <<'P'
import json
log = json.load(open("log.sarif"))
assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
(run,) = log["runs"]
driver = run["tool"]["driver"]
assert driver["name"] == "andon" and run["columnKind"] == "unicodeCodePoints"
rules = driver["rules"]
assert len({r["id"] for r in rules}) == len(rules) > 30
for r in rules:
    assert set(r) == {"id", "name", "shortDescription", "fullDescription", "help", "defaultConfiguration"}, r
    assert r["defaultConfiguration"]["level"] in ("note", "warning", "error")
assert len(run["results"]) == 5, len(run["results"])
for x in run["results"]:
    assert rules[x["ruleIndex"]]["id"] == x["ruleId"] and x["message"]["text"] and x["level"] in ("note", "warning", "error")
    (place,) = x["locations"]
    physical = place["physicalLocation"]
    assert physical["artifactLocation"]["uri"] in ("site.yml", "with%20space.yml")
    region = physical["region"]
    assert region["startLine"] >= 1 and region["startColumn"] >= 1 and region["snippet"]["text"] is not None
P
}

@test "silences: on the line, above it, for the file; unused and unknown ones" {
    play <<'Y'
- copy: {content: x, dset: /tmp/x} # andon: ignore AC201 AC202
# andon: ignore AC701, the Makefile knows
- command: make install
Y
    run -0 andon check --strict site.yml
    [[ $output != *AC* ]]
    printf '# andon: ignore-file AC701\n' | cat - site.yml >all.yml
    sed -i '/ignore AC701/d' all.yml
    run -0 andon check --strict all.yml
    echo '- hosts: h1 # andon: ignore AC201 AC999' >other.yml
    run -0 andon check other.yml
    has "other.yml:1:15: note: there is no AC201 here to ignore [AC901]"
    has "warning: this comment names a code that does not exist [AC902]"
}

@test "explain tells what a code means" {
    run -0 andon explain AC201
    has "AC201 unknown-parameter (error)"
    has "Wrong:"
    has "# andon: ignore AC201"
    run -0 andon explain unknown-parameter
    has "AC201"
    run -0 andon explain
    has "AC101"
    has "AC902"
    run -2 andon explain AC999
    has "there is no finding 'AC999'"
}

@test "the examples of explain are what it says" {
    code() { "$ANDON" explain "$1" | sed -n "/^$2:/,/^[A-Z].*:/p" | sed -n 's/^    //p'; }
    for c in AC201 AC202 AC204 AC205 AC206 AC701 AC702 AC601; do
        for kind in Wrong Right; do
            { printf -- '- hosts: h1\n  vars: {name: x, x: 1, item: 1}\n  tasks:\n' && code "$c" "$kind" | sed 's/^/    /'; } >site.yml
            mkdir -p files && touch files/a
            run andon check site.yml
            if [ "$kind" = Wrong ]; then has "[$c]"; else [[ $output != *"[$c]"* ]] || { echo "$c: $output"; return 1; }; fi
        done
    done
}

@test "wrong usage is exit 2" {
    run -2 andon check --nosuch
    run -2 andon check --output xml
    has "invalid choice: 'xml'"
    run -2 andon check nosuch.yml
    has nosuch.yml
    run -0 andon check --help
    has "--strict"
}

@test "a run refuses what check calls wrong parameters" {
    play <<<'- file: {pth: /a}'
    run -4 andon run -i hosts site.yml
    has "module 'file' has no parameter 'pth' (did you mean 'path'?)"
}

#!/usr/bin/env bats
# Memory: what a task is done with does not stay until its end.

load helpers

# peak ARGS..: kilobytes of the largest process that `andon run ARGS` needed.
peak() {
    ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1 python3 - "$ANDON" run -i hosts site.yml "$@" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
}

# grows FEW MANY: how many megabytes more n=MANY takes than n=FEW.
grows() {
    local few many
    few=$(peak -e "n=$1") && many=$(peak -e "n=$2")
    echo $(((many - few) / 1024))
}

@test "attempts: the results of earlier ones are given back" {
    play <<'Y'
- shell: yes andon | head -c 400000
  register: r
  until: false
  retries: "{{ n }}"
  delay: 0
  ignore_errors: true
Y
    run -0 grows 4 40
    [ "$output" -lt 30 ]
}

@test "loops: what items needed on the way is given back" {
    play <<'Y'
- debug: {msg: "{{ ('0123456789' * 200000) | length }}"}
  loop: "{{ range(n | int) | list }}"
  vars: {half: "{{ 'x' * 1000000 }}"}
  when: half | length == 1000000
Y
    run -0 grows 4 60
    [ "$output" -lt 30 ]
}

@test "attempts in a loop keep what the others registered" {
    play <<'Y'
- shell: echo x >>{{ item }}; wc -l <{{ item }}
  args: {chdir: "{{ playbook_dir }}"}
  register: r
  until: r.stdout | int >= item
  retries: 5
  delay: 0
  loop: [1, 3, 2]
- debug: {msg: "{{ r.results | map(attribute='attempts') | list }} {{ r.results | map(attribute='stdout') | list }}"}
Y
    run -0 andon run -i hosts site.yml
    has "[1, 3, 2] ['1', '3', '2']"
}

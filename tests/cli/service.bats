#!/usr/bin/env bats
# Service files and policies as the command line meets them. Every mistake they can have is in
# tests/unit/test_rollout_service.c and test_rollout_policy.c.

load helpers

service() {
    cat >andon.yml
    play <<<'- debug: {msg: "{{ andon_release.version }}"}'
}

@test "check validates a service file by name, without a host" {
    service <<'Y'
service: shop
deploy: site.yml
rings:
  - canary: h1
  - rest: {hosts: all, bacth: 1}
Y
    run -1 andon check andon.yml
    has "andon.yml:5:24: error: a ring has no key 'bacth' (did you mean 'batch'?) [AC801]"
    run -1 andon check
    has "[AC801]"
    sed -i s/bacth/batch/ andon.yml
    run -0 andon check
    has "2 files, 1 task: 0 errors, 0 warnings, 0 notes"
}

@test "check tells of a service file that is not there" {
    run -1 andon check andon.yml
    has "andon.yml"
}

@test "check validates a policy, and leaves those of others alone" {
    printf 'rules:\n  - {name: a, who: anyone, may: deply}\n' >policy.yml
    run -1 andon check policy.yml
    has "policy.yml:2:33: error: there is no action 'deply' (did you mean 'deploy'?) [AC802]"
    printf 'Version: 2012-10-17\n' >policy.yml
    run -0 andon check .
}

@test "findings of service files can be silenced" {
    service <<'Y'
service: shop
deploy: site.yml
rings:
  - rest: {hosts: all, bacth: 1} # andon: ignore AC801
Y
    run -0 andon check
}

@test "the schema is that of the parser: it takes what the parser takes, and refuses what it refuses" {
    python3 -c 'import jsonschema, yaml' || skip "python3-jsonschema is not installed"
    run -0 python3 "$BATS_TEST_DIRNAME/schema.py" "$ANDON" "$BATS_TEST_DIRNAME/../.."
    [[ $output =~ [0-9]+\ files\ agree ]]
}

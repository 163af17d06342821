#!/usr/bin/env bats
# andon flow and andon incident: what they print, refuse and write. The measures themselves are tested by hand-made histories in
# tests/unit/data/flow; the examples of docs/flow.md are run here.

load helpers

setup_file() {
    export TZ=UTC LC_ALL=C.UTF-8
}

WRITER=$BATS_TEST_DIRNAME/../../build/tests/unit/flow_ledger
SIMPLE=$BATS_TEST_DIRNAME/../unit/data/flow/simple.txt
DOC=$BATS_TEST_DIRNAME/../../docs/flow.md

# ledger <HISTORY: writes it into the ledger.
ledger() {
    local writer
    writer=$(dirname "$ANDON")/tests/unit/flow_ledger
    [ -x "$writer" ] || writer=$WRITER
    "$writer" "$ANDON_HOME"
}

march=(--since 2026-03-02 --until 2026-03-29)

# commit SUBJECT TIME: in the repository shop, with the same id everywhere.
commit() {
    [ -d shop ] || git init -q -b main shop
    echo "$1" >"shop/file"
    git -C shop add file
    env GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=Ann GIT_AUTHOR_EMAIL=ann@example.org GIT_COMMITTER_NAME=Ann \
        GIT_COMMITTER_EMAIL=ann@example.org GIT_AUTHOR_DATE="$2" GIT_COMMITTER_DATE="$2" git -C shop commit -q -m "$1"
}

# block KIND N: the Nth block of docs/flow.md that begins with ```KIND.
block() {
    awk -v kind="$1" -v want="$2" '
        $0 == "```" kind { n++; if (n == want) { on = 1; next } }
        on && /^```/ { exit }
        on { print }' "$DOC"
}

@test "the examples of docs/flow.md" {
    eval "$(block sh 1)"
    block history 1 | ledger
    local n=1 example
    while example=$(block console "$n"); [ -n "$example" ]; do
        run --separate-stderr -0 bash -c "andon() { '$ANDON' \"\$@\"; }; $(head -1 <<<"$example" | sed 's/^\$ //')"
        [ "$output" = "$(tail -n +2 <<<"$example")" ] || {
            diff <(tail -n +2 <<<"$example") <(echo "$output")
            return 1
        }
        n=$((n + 1))
    done
    [ "$n" -gt 3 ]
}

@test "no ledger, no service, an unknown one" {
    run -1 andon flow
    has "there is no ledger in $ANDON_HOME yet"
    ledger <"$SIMPLE"
    run -1 andon flow shp
    has "the ledger knows no service 'shp': did you mean 'shop'?"
    run -0 andon flow "${march[@]}"
    has "blog, "
    has "shop, "
}

@test "wrong options are named" {
    run -2 andon flow --only lead-tme
    has "there is no 'lead-tme', did you mean 'lead-time'?"
    run -2 andon flow --by day
    has "'day' is neither week nor month"
    run -2 andon flow --since soon
    has "argument --since: 'soon' is no point in time"
    run -2 andon flow --since 2026-03-02 --until 2026-03-01
    has "--since is not before --until"
    run -2 andon flow --output xml
    has "choose from 'text', 'json', 'csv'"
}

@test "a speed is never alone: its stability comes with it, in text, JSON and CSV" {
    ledger <"$SIMPLE"
    run -0 andon flow shop "${march[@]}" --only lead-time
    has "change lead time"
    has "with change fail percentage           4    50.0 %   2 of 4"
    [[ $output != *"scrap rate"* ]]
    run -0 andon flow shop "${march[@]}" --only frequency --output json
    has '"change_fail_percentage"'
    has '"with": "change_fail_percentage"'
    [[ $output != *time_to_detect* ]]
    run -0 andon flow shop "${march[@]}" --only recovery --output csv
    has "failed_deployment_recovery_time,seconds,2,6300,6300,,,deployment_rework_rate"
    has "deployment_rework_rate,percent,5,40,"
    run -0 andon flow shop "${march[@]}" --only trend
    has "failed %"
}

@test "small samples are told, and no level is given for them" {
    ledger <"$SIMPLE"
    run -0 andon flow shop "${march[@]}"
    has "2 failed deployments: too few for p75, p95"
    [[ $output != *"Levels of DORA"* ]]
}

@test "the trend: bars of blocks, of # where the locale has none" {
    ledger <"$SIMPLE"
    run -0 andon flow shop "${march[@]}" --only trend
    has "2026-W10+  ████████████████████    2    50.0 %"
    LC_ALL=C run -0 andon flow shop "${march[@]}" --only trend
    has "2026-W10+  ####################    2    50.0 %"
    run -0 andon flow shop "${march[@]}" --only trend --by month
    has "2026-03+"
}

@test "--explain names the events behind every number" {
    ledger <"$SIMPLE"
    run -0 andon flow shop "${march[@]}" --only change-fail --explain
    has "change fail percentage is made of"
    has "yes  1.1 (d-2): incident i-1  events 10 16 19"
    has "no  1.2 (d-4)  events 31 40"
    run -0 andon flow shop "${march[@]}" --only change-fail --explain --output csv
    has "shop,change_fail_percentage,2026-03-17T12:30:00.000000Z,1,1.3 (d-5): health,42 49,"
}

@test "JSON is valid and has null where a number is missing" {
    ledger <"$SIMPLE"
    andon flow --output json "${march[@]}" --explain >out
    python3 - out <<'P'
import json, sys
d = json.load(open(sys.argv[1]))
shop = [s for s in d["services"] if s["service"] == "shop"][0]
m = shop["measures"]
assert m["failed_deployment_recovery_time"]["value"] == 6300
assert m["failed_deployment_recovery_time"]["distribution"]["p95"] is None
assert m["change_lead_time"]["value"] is None
assert shop["value_stream"]["steps"][1]["complete_and_accurate"] == 75
assert abs(shop["value_stream"]["rolled_complete_and_accurate"] - 40) < 1e-9
assert [t["deployments"] for t in shop["trend"]] == [2, 1, 0, 0]
assert m["change_fail_percentage"]["samples"][1]["events"] == [10, 16, 19]
P
}

@test "a repository that is not there is a note, not an error" {
    ledger <"$SIMPLE"
    run -0 andon flow shop "${march[@]}" --repo /nowhere
    has "change lead time: there is no git repository in /nowhere"
    commit one '2026-03-01T10:00:00Z'
    run -0 andon flow shop "${march[@]}" --repo shop
    has "release 1.0: commit aaaa is not in $DIR/shop"
}

# --- incidents

# opened: the id of the incident that was opened last.
opened() {
    andon incident list --all | tail -1 | awk '{print $1}'
}

@test "incident: open, link, mitigate, close, and what flow makes of it" {
    ledger <"$SIMPLE"
    run -0 andon incident open "prices are wrong" --service blog --noticed-by alert --severity 2 --at "2026-03-19 10:00" --started "2026-03-19 09:30"
    id=$(opened)
    run -0 andon incident link "$id" d-7
    has "incident $id linked to d-7 (blog 7)"
    run -0 andon incident mitigate "$id" --at "2026-03-19 11:00"
    run -0 andon incident close "$id" --at "2026-03-19 12:00" --by d-7 --reason "rolled forward"
    run -0 andon incident show "$id"
    has "noticed       2026-03-19 10:00:00 +00:00, 30m after it began"
    has "mitigated     2026-03-19 11:00:00 +00:00, 1h 00m after it was noticed"
    has "caused by     d-7"
    run -0 andon flow blog "${march[@]}"
    has "with change fail percentage           1   100.0 %   1 of 1"
    has "failed deployment recovery time         1    1h 30m"
    has "time to detect                          1       30m"
    has "failures noticed by: alert 1"
    run -0 andon incident list
    [[ $output != *"$id"* ]]
    run -0 andon incident list --all --service blog --output json
    has '"restored_by": "d-7"'
}

@test "incident: nothing is closed or mitigated twice" {
    ledger <"$SIMPLE"
    andon incident open "it burns" --service shop
    id=$(opened)
    andon incident mitigate "$id"
    run -1 andon incident mitigate "$id"
    has "incident $id was already mitigated at "
    andon incident close "$id"
    run -1 andon incident close "$id"
    has "incident $id was already closed at "
    run -1 andon incident mitigate "$id"
    has "already closed"
}

@test "incident: what is not there is named with the nearest" {
    ledger <"$SIMPLE"
    run -1 andon incident close i-99
    has "there is no incident 'i-99'"
    run -1 andon incident link i-2 d-44
    has "there is no rollout 'd-44': did you mean 'd-4'?"
    run -1 andon incident link i-2 d-7
    has "incident i-2 is of shop, but rollout d-7 of blog"
    run -1 andon incident open x --service shp
    has "there is no service 'shp': did you mean 'shop'?"
    run -1 andon incident close i-2 --by d-99
    has "'d-99' is neither a rollout nor a run"
    run -2 andon incident clos i-2
    has "there is no action 'clos': did you mean 'close'?"
    run -2 andon incident open some words
    has "a title of several words needs quotes"
    run -2 andon incident open x --noticed-by custmer
    has "did you mean 'customer'?"
}

@test "incident: times that cannot be" {
    ledger <"$SIMPLE"
    run -2 andon incident open x --service shop --at 2099-01-01
    has "argument --at: '2099-01-01' is still to come"
    run -1 andon incident open x --service shop --started 1h --at 2h
    has "it cannot have been noticed before it began"
    run -1 andon incident close i-2 --at 2026-03-17
    has "incident i-2 was noticed at 2026-03-17 12:30:00 +00:00, after --at"
    run -1 andon incident open "" --service shop
    has "an incident needs a title"
}

@test "incident: the first of a ledger makes it; without a service it counts for none" {
    run -0 andon incident open "the data center is dark"
    has "it is of no service"
    run -0 andon incident list
    has "the data center is dark"
    run -0 andon incident link "$(opened)" none
    has "no change caused it"
}

@test "incident: of two who close one at the same time, one is told that it was" {
    ledger <"$SIMPLE"
    for _ in 1 2 3 4; do
        andon incident close i-2 >>closed 2>>refused &
    done
    wait
    [ "$(grep -c closed closed)" = 1 ]
    [ "$(grep -c 'already closed' refused)" = 3 ]
}

@test "levels per measure and year, figures from memory marked" {
    local n day
    {
        echo "2026-05-25T00:00:00Z release.created service=shop release=0"
        for n in 1 2 3 4 5 8 9 10 11 12 15 16 17 18 19 22 23 24 25 26; do
            printf -v day 2026-06-%02d "$n"
            echo "${day}T09:00:00Z rollout.started service=shop release=$n rollout=d-$n rings=all"
            echo "${day}T09:00:00Z batch.started rollout=d-$n ring=all run=r-$n"
            echo "${day}T10:00:00Z ring.passed rollout=d-$n ring=all"
            [ "$n" -gt 2 ] || echo "${day}T11:00:00Z incident.opened service=shop incident=i-$n rollout=d-$n title=t noticed_by=alert"
        done
    } | ledger
    run -0 andon flow shop --since 2026-06-01 --until 2026-06-28 --only levels
    has "  deployment frequency                 elite       elite       elite"
    # 2 of 20 = 10 %: nearest to what 2024 says of medium, from memory
    has "  change fail percentage               elite       high        medium*"
    has "from memory, not checked"
    run -0 andon flow shop --since 2026-06-01 --until 2026-06-28 --output json
    has '"from_memory": true'
}

@test "lead time of releases that andon release recorded: repository and commit are its own" {
    commit one '2098-12-01T10:00:00Z'
    (cd shop && andon release create shop 1.0)
    commit two '2098-12-30T10:00:00Z'
    commit three '2098-12-31T04:00:00Z'
    (cd shop && andon release create shop 1.1)
    ledger <<'H'
2098-12-02T10:00:00Z rollout.started service=shop release=1.0 rollout=d-1 rings=all
2098-12-02T10:00:00Z batch.started rollout=d-1 ring=all run=r-1
2098-12-02T11:00:00Z ring.passed rollout=d-1 ring=all
2098-12-31T09:00:00Z rollout.started service=shop release=1.1 rollout=d-2 rings=all previous=1.0
2098-12-31T09:00:00Z batch.started rollout=d-2 ring=all run=r-2
2098-12-31T10:00:00Z ring.passed rollout=d-2 ring=all
H
    run -0 andon flow shop --since 2098-12-03 --until 2099-01-31 --only lead-time --explain
    has "change lead time                        2   15h 00m"
    has "1d 00h"
    has "two, in 1.1 (d-2)"
    has "6h 00m"
}

@test "what andon deploy writes: a good release, one that fails in production and is put right, a rollback" {
    printf 'h1 ansible_connection=local\nh2 ansible_connection=local\n' >hosts
    cat >andon.yml <<'Y'
service: shop
deploy: deploy.yml
inventory: hosts
on_failure: redeploy
rings:
  - {name: first, hosts: h1}
  - {name: rest, hosts: all}
Y
    cat >deploy.yml <<'Y'
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.copy: {content: "{{ andon_release.version }}\n", dest: "{{ playbook_dir }}/{{ inventory_hostname }}"}
    - ansible.builtin.command: "false"
      when: "'broken' in andon_release.version and inventory_hostname == 'h2'"
Y
    git init -q -b main .
    local version
    for version in 1.0 1.1 1.2-broken 1.3; do
        echo "$version" >file
        git add andon.yml deploy.yml hosts file
        git -c user.name=Ann -c user.email=ann@example.org commit -q -m "make $version"
        run -0 andon release create shop "$version"
    done
    run -0 andon deploy shop 1.0
    run -0 andon deploy shop 1.1
    run -2 andon deploy shop 1.2-broken
    run -0 andon stop shop --release
    run -0 andon deploy shop 1.3
    run -0 andon rollback shop
    run -0 andon flow shop --explain
    echo "$output"
    has "production: rest"
    has "less than a week: no rate"
    has "4 deployments to production, 1 rollback; stopped in front of it: 0 rollouts"
    # 1.2-broken failed; 1.3 was taken back
    has "with change fail percentage           4    50.0 %   2 of 4"
    has "failed deployment recovery time         2 "
    # the rollback
    has "with deployment rework rate           5    20.0 %   1 of 5"
    # of 1.1 its own commit, of 1.3 that of the failed release too; 1.0 is the first the ledger knows
    has "change lead time                        3 "
    has "make 1.2-broken, in 1.3"
    # 1.2-broken and 1.3 did not stay
    has "scrap rate                              4    50.0 %   2 of 4"
    has "failures noticed by: gate 1"
    run -0 andon incident list --all
    has "shop 1.2-broken failed in ring rest"
}

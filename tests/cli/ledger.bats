#!/usr/bin/env bats
# andon ledger: what it prints, its exit codes, and its exports verified by a program that is not andon.

load helpers

FILL=$BATS_TEST_DIRNAME/../../build/tests/unit/ledger_add
VERIFY=$BATS_TEST_DIRNAME/../../scripts/verify-ledger

# events: a rollout through two rings, of which the second is undone, and a run of its own.
events() {
    cat <<'END'
{"type":"release.created","service":"shop","release":"1.2","actor":"ann","body":{"artifact":"0b31b1c0","commit":"abc"}}
{"type":"rollout.started","service":"shop","release":"1.2","rollout":"d-1","actor":"ann","body":{"kind":"deploy","previous":"1.1","artifact":"0b31b1c0"}}
{"type":"run.started","run":"r-1","rollout":"d-1","ring":"canary","body":{"command":"run","playbook":"deploy.yml"}}
{"type":"change","run":"r-1","host":"web1","path":"/etc/app.conf","body":{"task":"Grüße"}}
{"type":"run.host","run":"r-1","rollout":"d-1","host":"web1","outcome":"changed"}
{"type":"run.finished","run":"r-1","rollout":"d-1","outcome":"ok"}
{"type":"ring.passed","rollout":"d-1","ring":"canary"}
{"type":"ring.undone","rollout":"d-1","ring":"all","body":{"reason":"gate"}}
{"type":"incident.opened","incident":"i-1","service":"shop","ring":"all","rollout":"d-1","body":{"title":"errors"}}
{"type":"incident.closed","incident":"i-1","body":{"reason":"undone"}}
{"type":"rollout.finished","rollout":"d-1","outcome":"undone","body":{"reason":"gate"}}
{"type":"run.started","run":"r-2","body":{"command":"run","playbook":"site.yml"}}
{"type":"run.host","run":"r-2","host":"web1","outcome":"ok"}
{"type":"run.finished","run":"r-2","outcome":"ok"}
END
}

# ledger [N]: one with these events, N times over.
ledger() {
    andon ledger init --origin test.example/andon >key
    for _ in $(seq "${1:-1}"); do events; done | "$FILL" "$ANDON_HOME" 100
}

@test "an unknown action, a word too many and a missing ledger are one error each" {
    run -2 andon ledger
    has "an action is missing"
    run -2 andon ledger verfy
    has "'verfy' is no action (did you mean 'verify'?)"
    run -2 andon ledger verify now
    has "'now' is one word too many"
    run -2 andon ledger verify
    has "there is no ledger in"
    run -2 andon ledger verify --output sarif
    has "choose from 'text', 'json'"
    [ ! -e "$ANDON_HOME" ]
}

@test "init makes a ledger once and prints its key" {
    run -2 andon ledger init --origin 'a b'
    has "cannot be the name of a ledger"
    run -0 andon ledger init --origin test.example/andon
    [[ $output =~ ^test.example/andon\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$ ]]
    [ "$output" = "$(andon ledger key)" ]
    run -2 andon ledger init
    has "there is a ledger"
    run -0 andon ledger verify
    has "0 events, 0 checkpoints: as they were recorded"
}

@test "verify tells what was altered, as text and as JSON, by its exit code" {
    ledger
    run -0 andon ledger verify
    has "14 events"
    has "as they were recorded"
    sqlite3 "$ANDON_HOME/ledger.db" "UPDATE entry SET json = replace(json, 'web1', 'web2') WHERE seq = 3"
    run -1 andon ledger verify
    has "event 3: altered: the entry is not what was recorded"
    has "ALTERED"
    run -1 andon ledger verify --output json
    [ "$(python3 -c 'import json, sys; f = json.load(sys.stdin)["findings"]; print(len(f), f[0]["kind"], f[0]["first"])' <<<"$output")" = "1 altered 3" ]
}

@test "a clock that was ahead: what follows says what the clock said, and nothing is hidden" {
    ledger
    future=$(date -u -d '2 hours' +%Y-%m-%dT%H:%M:%S.000000Z)
    "$FILL" "$ANDON_HOME" <<<'{"type":"breakglass","actor":"ann@desk","time":"'"$future"'","body":{"reason":"x"}}'
    printf -- '- {hosts: h1, gather_facts: false, tasks: [{copy: {content: a, dest: "%s/f"}}]}\n' "$DIR" >site.yml
    before=$(date +%s)
    run -0 andon run -i hosts site.yml
    has "the newest event of the ledger is of "
    run -0 andon log --type change --output json
    event=$(tail -n 1 <<<"$output")
    jq -e --arg t "$future" '.time == $t' <<<"$event"
    clock=$(date -d "$(jq -r .body.clock <<<"$event")" +%s)
    [ "$clock" -ge "$before" ] && [ "$clock" -le "$(date +%s)" ]
    run -0 andon log --type change --since 1h
    has "$DIR/f"
    has "(by the clock: $(date +%Y-)"
    run -0 andon ledger verify
}

@test "rotate-key: another key from now on, followed from each there was" {
    run -2 andon ledger rotate-key
    has "there is no ledger"
    ledger
    andon ledger key >first
    run -0 andon ledger rotate-key --reason "as every year"
    [ "$output" = "$(cat "$ANDON_HOME/ledger.pub")" ]
    [ "$output" = "$(andon ledger key)" ]
    [ "$output" != "$(cat first)" ]
    [ "$(stat -c %a "$ANDON_HOME/ledger.key")" = 600 ]
    events | "$FILL" "$ANDON_HOME"
    run -0 andon ledger verify --key first
    run -0 andon ledger verify --key "$(andon ledger key)"
    run -0 andon log --type key.rotated --output json
    jq -e --arg old "$(cat first)" '.body.old == $old and .body.reason == "as every year"' <<<"$output"
}

# rotated: a ledger whose key was changed twice, in exports; the keys in first, second, third.
rotated() {
    ledger
    andon ledger checkpoint >old
    cp key first
    cp "$ANDON_HOME/ledger.key" stolen
    andon ledger rotate-key >second
    events | "$FILL" "$ANDON_HOME"
    andon ledger rotate-key >third
    events | "$FILL" "$ANDON_HOME"
    andon ledger export --to lines
    andon ledger export --format tiles --to log
}

@test "without andon: the chain of keys is followed from each of them" {
    rotated
    for key in first second third; do
        run -0 "$VERIFY" "$(cat $key)" lines lines
        has "44 events and 2 changes of the key, as they were signed"
        run -0 "$VERIFY" "$(cat $key)" tiles log
    done
    andon ledger proof --old 14 >grown
    run -0 "$VERIFY" "$(cat second)" grown old grown lines
    run -1 "$VERIFY" "$(cat third)" grown old grown
    has "the checkpoint is not signed by this key"
    andon ledger proof 3 >proof
    sed -n 4p lines | sed 's/^{"event":\(.*\),"leaf":.*/\1/' >entry
    run -0 "$VERIFY" "$(cat first)" proof proof entry lines
    ANDON_HOME=$PWD/other andon ledger init --origin test.example/andon >foreign
    run -1 "$VERIFY" "$(cat foreign)" lines lines
    has "do not lead to the one that is trusted"
}

@test "without andon: a chain of keys that somebody forged does not hold" {
    rotated
    sed '/^{"checkpoint"/{
        16d
    }' lines >dropped
    run -1 "$VERIFY" "$(cat third)" lines dropped
    has "the checkpoint behind event 14, which changes the key, is missing"
    # whoever has a key of his own and not ours: the newest checkpoint, and one behind a change, by his key alone
    ANDON_HOME=$PWD/other ledger
    ANDON_HOME=$PWD/other andon ledger rotate-key >/dev/null
    ANDON_HOME=$PWD/other andon ledger export --to his
    run -1 "$VERIFY" "$(cat first)" lines his
    has "do not lead to the one that is trusted"
    sed "$(awk '/^{"event"/ { n++ } n == 15 { print NR; exit }' his)s|\"old\":\"[^\"]*\"|\"old\":\"$(cat first)\"|" his >claims
    python3 - claims <<'END'
import hashlib, sys
out = []
for line in open(sys.argv[1], "rb"):
    entry, mark, rest = line.rpartition(b',"leaf":"')
    if mark:
        line = entry + mark + hashlib.sha256(b"\0" + entry.removeprefix(b'{"event":')).hexdigest().encode() + rest[64:]
    out.append(line)
open(sys.argv[1], "wb").write(b"".join(out))
END
    run -1 "$VERIFY" "$(cat first)" lines claims
    has "event 14 changes the key, and for the old one the checkpoint is not signed by this key"
    # what a key signs that was given up, and stolen, does not count
    python3 - lines stolen "$(cat first)" <<'END'
import base64, json, subprocess, sys
path, key, vkey = sys.argv[1:]
lines = open(path, encoding="utf-8").read().splitlines()
text = json.loads(lines[-1])["checkpoint"].partition("\n\n")[0] + "\n"
open("text", "w").write(text)
raw = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-in", "text", "-inkey", key], capture_output=True, check=True).stdout
name, key_id, _ = vkey.split("+", 2)
line = f"\u2014 {name} {base64.b64encode(bytes.fromhex(key_id) + raw).decode()}\n"
lines[-1] = json.dumps({"checkpoint": text + "\n" + line})
open(path, "w", encoding="utf-8").write("\n".join(lines) + "\n")
END
    run -1 "$VERIFY" "$(cat first)" lines lines
    has "the checkpoint is not signed by this key"
}

# old_ledger FORMAT: one that an earlier andon made, by runs on localhost and events of a rollout: 25 events, as tests/data/ledger/make has them.
old_ledger() {
    cp -r "$BATS_TEST_DIRNAME/../data/ledger/format-$1" "$ANDON_HOME"
    sqlite3 "$ANDON_HOME/ledger.db" <"$ANDON_HOME/ledger.sql" >/dev/null
    mv "$ANDON_HOME"/{ledger.sql,proof} .
    cp "$ANDON_HOME/checkpoint" old
    chmod 600 "$ANDON_HOME"/ledger.{db,key}
}

format() { sqlite3 "${1:-$ANDON_HOME/ledger.db}" "PRAGMA user_version"; }

@test "a ledger of an earlier format: nothing signed or proved changes, queries find what they did" {
    for earlier in 1 2; do
        old_ledger $earlier
        run -2 andon ledger verify
        has "has format $earlier of an earlier andon: 'andon ledger migrate' brings it to format 3 and keeps a copy"
        [ "$(format)" = $earlier ]
        run -0 andon ledger migrate
        has "the ledger had format $earlier; as it was it is kept in $ANDON_HOME/ledger.db.format-$earlier"
        [ "$(format) $(format "$ANDON_HOME/ledger.db.format-$earlier")" = "3 $earlier" ]
        [ "$(stat -c %a "$ANDON_HOME/ledger.db.format-$earlier")" = 600 ]
        sqlite3 ":memory:" ".read ledger.sql" ".dump" | tail -n +2 >was
        sqlite3 "$ANDON_HOME/ledger.db.format-$earlier" .dump | diff was -
        run -0 andon ledger migrate
        has "the ledger has the format of now"
        run -0 andon ledger verify --blobs --key "$(cat "$ANDON_HOME/ledger.pub")" --checkpoint old
        has "3 blobs: as they were recorded"
        andon ledger proof 3 | diff proof -
        andon ledger checkpoint | diff old -
        run -0 andon log --path '*/f' --output json
        [ "${#lines[@]}" = 4 ]
        run -0 andon log --type change --host web1 --output json
        [ "${#lines[@]}" = 3 ]
        run -0 andon who localhost /srv/old/h/f
        has "+three"
        run -0 andon who web1 nginx
        events | "$FILL" "$ANDON_HOME"
        run -0 andon ledger verify
        has "39 events"
        andon ledger proof --old 25 >grown
        run -0 "$VERIFY" "$(andon ledger key)" grown old grown
        rm -r "$ANDON_HOME"
    done
}

@test "a ledger of an earlier format is migrated by whoever writes first, and by one alone" {
    old_ledger 2
    for i in 1 2 3 4; do andon ledger migrate >"out$i" & done
    wait
    [ "$(cat out? | grep -c "had format 2")" = 1 ]
    [ "$(cat out? | grep -c "the format of now")" = 3 ]
    run -0 andon ledger verify
    rm -r "$ANDON_HOME"
    old_ledger 2
    events | "$FILL" "$ANDON_HOME"
    run -0 andon ledger verify
    has "39 events"
    [ "$(format "$ANDON_HOME/ledger.db.format-2")" = 2 ]
    [ "$(sqlite3 "$ANDON_HOME/ledger.db.format-2" 'SELECT count(*) FROM entry')" = 25 ]
}

@test "a migration that cannot keep its copy changes nothing; what was altered before is told behind it" {
    old_ledger 2
    mkdir "$ANDON_HOME/ledger.db.format-2.new"
    run -2 andon ledger migrate
    has "no copy of it can be kept"
    [ "$(format)" = 2 ]
    rmdir "$ANDON_HOME/ledger.db.format-2.new"
    sqlite3 "$ANDON_HOME/ledger.db" "UPDATE entry SET json = replace(json, 'web1', 'web2') WHERE seq = 15; UPDATE entry SET json = 'x' WHERE seq = 16; DELETE FROM entry WHERE seq = 17"
    run -0 andon ledger migrate
    run -1 andon ledger verify
    has "events 15 to 16: altered"
    has "event 17: removed"
}

@test "verify names content that is gone" {
    ledger
    digest=$(printf '%064d' 7)
    echo '{"type":"change","run":"r-9","host":"web1","body":{"diff":"'"$digest"'"}}' | "$FILL" "$ANDON_HOME"
    run -1 andon ledger verify
    has "event 14: content that it names is gone ($digest)"
    run -1 andon ledger verify --output json
    jq -e '.findings | length == 1 and .[0].kind == "lost" and .[0].first == 14' <<<"$output"
}

@test "redact: content goes, its event stays, and all who ask are told by whom and why" {
    printf -- '- hosts: all\n  gather_facts: false\n  tasks:\n    - {name: t, copy: {content: "SECRET-WORD\\n", dest: "%s/f"}}\n' "$PWD" >p.yml
    andon run -i localhost, -c local p.yml >/dev/null
    grep -rq SECRET-WORD "$ANDON_HOME/blobs"
    andon ledger checkpoint >old
    run -2 andon ledger redact 1
    has "--reason is required"
    run -2 andon ledger redact 0 --reason x
    has "event 0 names no content"
    run -2 andon ledger redact 99 --reason x
    has "there is no event 99"
    run -0 andon ledger redact 1 --reason "it was a password"
    has "1 piece of content removed"
    run -1 grep -r SECRET-WORD "$ANDON_HOME"
    run -2 andon ledger redact 1 --reason again
    has "is not there (any more)"
    run -0 andon ledger verify --blobs --checkpoint old
    has "event 1: content that it names was redacted ("
    has "by $(id -un)@"
    has ": it was a password)"
    has "1 redacted: as they were recorded"
    run -0 andon ledger verify --output json
    jq -e '(.findings | length) == 0 and .redacted[0].kind == "redacted" and .redacted[0].first == 1' <<<"$output"
    run -0 andon who localhost "$PWD/f"
    has "the difference was redacted by"
    has "it was a password"
    run -2 andon audit --output json
    jq -se 'map(select(.kind == "redacted")) | length == 1' <<<"$output"
    # the same content again is kept again; put back behind the ledger's back it is told
    digest=$(andon log --type content.redacted --output json | jq -r '.body.digests[0]')
    rm f
    andon run -i localhost, -c local p.yml >/dev/null
    run -0 andon ledger verify --blobs
    [[ $output != *redacted* ]]
    run -0 andon ledger redact 1 --reason twice
    printf x >"$ANDON_HOME/blobs/${digest:0:2}/${digest:2}"
    run -1 andon ledger verify
    has "the content $digest was redacted by"
    has "and is still there"
}

@test "verify with a key and a checkpoint from elsewhere tells of a ledger made anew" {
    ledger
    andon ledger checkpoint >old
    run -0 andon ledger verify --key key --checkpoint old
    rm -r "$ANDON_HOME"
    ledger 2
    run -0 andon ledger verify
    run -1 andon ledger verify --key "$(cat key)" --checkpoint old
    has "the checkpoint given: the note is not signed by 'test.example/andon'"
}

@test "a damaged file is one error" {
    ledger 20
    printf 'x%.0s' {1..5000} | dd of="$ANDON_HOME/ledger.db" bs=1 seek=4096 conv=notrunc status=none
    rm -f "$ANDON_HOME"/ledger.db-*
    run -2 andon ledger verify
    has "is damaged"
    [ "${#lines[@]}" = 1 ]
}

@test "show prints an event and its leaf" {
    ledger
    run -0 andon ledger show 3
    has '"path": "/etc/app.conf"'
    has '"task": "Grüße"'
    run -0 andon ledger show 3 --output json
    leaf=$(python3 -c 'import hashlib, json, sys; e = json.load(sys.stdin); print(hashlib.sha256(b"\0" + json.dumps(e["event"], separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()).hexdigest() == e["leaf"])' <<<"$output")
    [ "$leaf" = True ]
    run -2 andon ledger show 14
    has "there is no"
    run -2 andon ledger show x
    has "'x' is no number of an event"
}

@test "JSON lines verify without andon, and altered ones do not" {
    ledger 30
    andon ledger export --to lines
    run -0 "$VERIFY" "$(cat key)" lines lines
    has "420 events, as they were signed"
    [ "$(andon ledger export | sha256sum)" = "$(sha256sum <lines)" ]
    sed '4s/web1/web2/' lines >altered
    run -1 "$VERIFY" "$(cat key)" lines altered
    has "event 3 is altered"
    sed '4d' lines >removed
    run -1 "$VERIFY" "$(cat key)" lines removed
    sed 's/n420/n421/' lines >signed
    run -1 "$VERIFY" "$(cat key)" lines signed
    [ "$(andon ledger export --from 418 | wc -l)" = 3 ]
}

@test "tiles verify without andon, also when they have grown" {
    ledger 19
    andon ledger export --format tiles --to log
    run -0 "$VERIFY" "$(cat key)" tiles log
    has "266 events in"
    [ "$(stat -c %s log/tile/0/000)" = 8192 ]
    [ "$(stat -c %s log/tile/0/001.p/10)" = 320 ]
    [ "$(stat -c %s log/tile/1/000.p/1)" = 32 ]
    for _ in $(seq 20); do events; done | "$FILL" "$ANDON_HOME"
    touch -d yesterday log/tile/0/000
    andon ledger export --format tiles --to log
    run -0 "$VERIFY" "$(cat key)" tiles log
    has "546 events in"
    [ -n "$(find log/tile/0/000 -mtime +0)" ]
    printf x >>log/tile/entries/001
    run -1 "$VERIFY" "$(cat key)" tiles log
    run -2 andon ledger export --format tiles
    has "tiles need --to"
    run -2 andon ledger export --format xml
    has "'xml' is no format of export"
}

@test "proofs verify without andon, and only for their event" {
    ledger 5
    andon ledger checkpoint >old
    andon ledger export --to lines
    sed -n 4p lines | sed 's/^{"event":\(.*\),"leaf":.*/\1/' >entry
    andon ledger proof 3 >proof
    run -0 "$VERIFY" "$(cat key)" proof proof entry
    has "event 3 is among the 70 that were signed"
    sed 's/web1/web2/' entry >other
    run -1 "$VERIFY" "$(cat key)" proof proof other
    events | "$FILL" "$ANDON_HOME"
    andon ledger proof --old 70 >grown
    run -0 "$VERIFY" "$(cat key)" grown old grown
    has "grew from 70 to 84 events"
    andon ledger proof --old 69 >grown
    run -1 "$VERIFY" "$(cat key)" grown old grown
    run -2 andon ledger proof 84
    has "there is no event 84"
    run -2 andon ledger proof --old 0
    run -2 andon ledger proof
    has "what is to be proved"
    run -0 andon ledger proof 3 --size 10 --output json
    has '"checkpoint":null'
}

@test "rollouts, runs, hosts and incidents come out as CDEvents" {
    ledger
    andon ledger export --format cdevents >all
    run -0 python3 - <<'END'
import json
for line in open("all"):
    e = json.loads(line)
    c, s = e["context"], e["subject"]
    assert c["specversion"] == "0.5.1" and c["source"] == "/test.example/andon" == s["source"]
    assert c["id"] == f"test.example/andon/{e['customData']['seq']}"
    content = s["content"]
    print(c["type"].removeprefix("dev.cdevents.").removesuffix(".0.3.0"), c["chainId"] if "chainId" in c else "-", s["id"],
          content.get("outcome") or content.get("environment", {}).get("id") or content.get("pipelineName") or content.get("user"),
          content.get("artifactId", "-"))
END
    diff - <(printf '%s\n' "$output") <<'END'
artifact.published - pkg:generic/shop@1.2?checksum=sha256:0b31b1c0 ann -
pipelinerun.started d-1 d-1 shop -
taskrun.finished d-1 r-1/web1 changed -
service.upgraded d-1 shop canary pkg:generic/shop@1.2?checksum=sha256:0b31b1c0
service.rolledback d-1 shop all pkg:generic/shop@1.1
incident.detected d-1 i-1 all pkg:generic/shop@1.2?checksum=sha256:0b31b1c0
incident.resolved i-1 i-1 all -
pipelinerun.finished d-1 d-1 failure -
pipelinerun.started r-2 r-2 site.yml -
taskrun.finished r-2 r-2/web1 ok -
pipelinerun.finished r-2 r-2 success -
END
    [ "$(andon ledger export --format cdevents --from 10 | wc -l)" = 4 ]
}

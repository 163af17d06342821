"""What must be so after a rollout, whatever went wrong meanwhile. Judges evidence alone, so that tests can alter it."""
import collections
import dataclasses
import json

from world import LOG, tree_at, tree_of_release


@dataclasses.dataclass
class Evidence:
    lines: list  # the ledger, an event per line of its export
    before: list  # the same, as it was before this rollout
    told: list  # events that controllers printed
    verify: str  # what `andon ledger verify` complains of
    rollouts: list  # ids of those that began meanwhile
    trees: dict  # host: what is below /srv/shop
    logs: dict  # host: lines of its log of runs
    strays: list
    leftovers: list
    exits: list  # (exit code, id) of controllers that told the end of their rollout
    host_faults: bool  # something was done to hosts
    events: list = None

    def __post_init__(self):
        self.events = [json.loads(line)["event"] for line in self.lines]


def collect(world, before, rollouts, exits, host_faults):
    strays = world.wait_for_quiet()
    verify = world.call("ledger", "verify")
    logs = {h.name: h.path(LOG).read_text().splitlines() for h in world.fleet.hosts}
    return Evidence(lines=world.export(), before=before, told=world.told, rollouts=rollouts, exits=exits, strays=strays, logs=logs,
                    verify="" if verify.returncode == 0 else verify.stdout + verify.stderr, host_faults=host_faults,
                    trees={h.name: tree_at(h.path("/srv/shop")) for h in world.fleet.hosts}, leftovers=world.leftovers())


# --- the ledger

def nothing_lost(ev):
    """Every event that was there, or that a controller told, is there still; in its order, and in order of time."""
    if ev.lines[:len(ev.before)] != ev.before:
        first = next((i for i, line in enumerate(ev.before) if ev.lines[i:i + 1] != [line]), 0)
        yield f"the ledger is not what it was: event {first}"
    kept = {json.dumps(e, sort_keys=True) for e in ev.events}
    for line in ev.told:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if "type" in told and json.dumps(told, sort_keys=True) not in kept:
            yield f"told, and lost: {line[:200]}"
    for one, two in zip(ev.events, ev.events[1:]):
        if two["time"] < one["time"]:
            yield f"time goes back: {one['time']} {two['time']}"


def ledger_verifies(ev):
    if ev.verify:
        yield ev.verify.strip()[:500]


def of_rollout(ev, rollout):
    return [e for e in ev.events if e.get("rollout") == rollout]


def each_ends_once(ev):
    for rollout in ev.rollouts:
        types = collections.Counter(e["type"] for e in of_rollout(ev, rollout))
        if types["rollout.started"] != 1 or types["rollout.finished"] != 1:
            yield f"{rollout} has {types['rollout.started']} beginnings and {types['rollout.finished']} ends"


def exits_agree(ev):
    """A controller that told the end of its rollout ends with 0 where it is done, with 2 where not."""
    outcomes = {e["rollout"]: e["outcome"] for e in ev.events if e["type"] == "rollout.finished"}
    for code, rollout in ev.exits:
        if code in (0, 2) and (code == 0) != (outcomes.get(rollout) == "done"):
            yield f"a controller of {rollout} ended with {code}, the ledger says {outcomes.get(rollout)!r}"


# --- steps

def batch_key(event):
    body = event["body"]
    return event["ring"], body["action"], body["batch"], body.get("undoes")


def no_step_twice(ev):
    """What is recorded as finished does not begin again, unless people resumed what had failed and was held."""
    for rollout in ev.rollouts:
        done, held = {}, False
        for e in of_rollout(ev, rollout):
            held = held or e["type"] == "rollout.held"
            if e["type"] in ("rollout.resumed", "rollout.promoted") and held:
                done, held = {key: failed for key, failed in done.items() if not failed}, False
            elif e["type"] == "batch.finished":
                done[batch_key(e)] = e["body"]["failed"]
            elif e["type"] == "batch.started" and batch_key(e) in done:
                yield f"{rollout}: begun again: {batch_key(e)}"
            elif e["type"] == "ring.started" and ("ring", e["ring"]) in done:
                yield f"{rollout}: ring {e['ring']} begun again"
            elif e["type"] == "ring.started":
                done["ring", e["ring"]] = []


def hosts_ran_what_is_recorded(ev):
    """What hosts saw of runs: each of the ledger, no task twice, and of batches that ended the whole of it."""
    known = {e["run"]: set(e["body"]["hosts"]) for e in ev.events if e["type"] == "batch.started"}
    for host, lines in ev.logs.items():
        for line, n in collections.Counter(lines).items():
            run = line.split()[0]
            if n > 1:
                yield f"{host} did {n} times: {line}"
            if host not in known.get(run, ()):
                yield f"{host} did what the ledger does not know: {line}"
    for e in ev.events:
        if e["type"] != "batch.finished" or e["body"]["action"] == "undo":
            continue
        for host in known[e["run"]] - set(e["body"]["failed"]):
            if f"{e['run']} end" not in ev.logs[host]:
                yield f"{host} did not do what is recorded as done: {e['run']} ({e['ring']})"


# --- hosts

def releases_by_ledger(ev):
    """Host: the release it has, None where the ledger itself says that it may be in between."""
    has, touched, failed = {}, {}, {}
    for e in ev.events:
        rollout, body = e.get("rollout"), e.get("body", {})
        if e["type"] == "batch.started":
            touched.setdefault(rollout, set()).update(body["hosts"])
        elif e["type"] == "batch.finished" and body["action"] == "deploy":
            failed.setdefault(rollout, {})[e["ring"], body["batch"]] = body["failed"]
        elif e["type"] == "rollout.finished":
            mine = touched.get(rollout, set())
            if e["outcome"] == "done":
                bad = {h for names in failed.get(rollout, {}).values() for h in names}
                has.update({h: None if h in bad else e["release"] for h in mine})
            elif e["outcome"] == "partly":
                has.update({h: None for h in body["hosts"]})
            elif e["outcome"] in ("stopped", "held"):  # rolled back: by what comes next
                has.update({h: None for h in mine})
    return has


def differences(tree, want):
    for name in sorted(set(tree) | set(want)):
        if tree.get(name) != want.get(name):
            yield f"/srv/shop/{name}: {str(tree.get(name))[-60:]}, not {str(want.get(name))[-60:]}"


def hosts_are_as_recorded(ev):
    for host, release in releases_by_ledger(ev).items():
        if release:
            wrong = list(differences(ev.trees[host], tree_of_release(release)))
            if wrong:
                yield f"{host} should have {release}: " + "; ".join(wrong[:3])


def left_by_cause(ev):
    """A host is named as not put back, or as failed, only where something was done to hosts or their runs."""
    for e in ev.events:
        if e["type"] == "rollout.finished" and e["rollout"] in ev.rollouts and e["outcome"] == "partly" and not ev.host_faults:
            yield f"{e['rollout']} left {e['body']['hosts']} without a cause"


# --- what is left over

def nothing_left_running(ev):
    yield from (f"still running: {one}" for one in ev.strays)


def no_files_left(ev):
    yield from (f"left: {one}" for one in ev.leftovers)


CHECKS = [nothing_lost, ledger_verifies, each_ends_once, exits_agree, no_step_twice, hosts_ran_what_is_recorded, hosts_are_as_recorded,
          left_by_cause, nothing_left_running, no_files_left]


def judge(ev):
    """What is wrong: (name of the check, text)."""
    return [(check.__name__, text) for check in CHECKS for text in check(ev)]

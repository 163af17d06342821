"""Plants each kind of violation after a rollout that was found good: a check that does not find it cannot be trusted."""
import copy
import dataclasses
import json
import os
import shutil
import sqlite3
import subprocess
import time

import checks
from world import LOG

# --- in the evidence: each alters a copy, and names the check that has to find it


def altered(ev, **changes):
    fresh = dataclasses.replace(ev, **changes)
    fresh.events = copy.deepcopy(fresh.events)
    return fresh


def last(ev, kind):
    return max(i for i, e in enumerate(ev.events) if e["type"] == kind)


def with_events(ev, change):
    events = copy.deepcopy(ev.events)
    change(events)
    return altered(ev, lines=[json.dumps({"event": e}) for e in events], before=[])


def told_and_lost(ev):
    told = dict(ev.events[-1], time="2026-01-01T00:00:00.000000Z")
    return "nothing_lost", altered(ev, told=[*ev.told, json.dumps(told)])


def event_gone(ev):
    at = len(ev.lines) // 2
    return "nothing_lost", altered(ev, lines=ev.lines[:at] + ev.lines[at + 1:], before=ev.lines[:at + 1])


def time_goes_back(ev):
    return "nothing_lost", with_events(ev, lambda events: events[-1].update(time="2020-01-01T00:00:00.000000Z"))


def batch_again(ev):
    at = last(ev, "batch.finished")
    again = dict(copy.deepcopy(ev.events[at]), type="batch.started", run="r-again")
    again["body"]["hosts"] = []
    return "no_step_twice", with_events(ev, lambda events: events.insert(at + 1, again))


def ring_again(ev):
    at = last(ev, "ring.started")
    return "no_step_twice", with_events(ev, lambda events: events.insert(at + 1, copy.deepcopy(events[at])))


def two_ends(ev):
    at = last(ev, "rollout.finished")
    return "each_ends_once", with_events(ev, lambda events: events.append(events[at]))


def no_end(ev):
    at = last(ev, "rollout.finished")
    return "each_ends_once", with_events(ev, lambda events: events.pop(at))


def another_outcome(ev):
    """The ledger claims a release that the hosts do not have, and that it failed on none of them."""
    def claim(events):
        rollout = events[last(ev, "batch.finished")]["rollout"]
        for event in events:
            if event.get("rollout") == rollout and event["type"] == "batch.finished":
                event["body"]["failed"] = []
            if event.get("rollout") == rollout and event["type"] == "rollout.finished":
                event.update(outcome="done", release="9999.0")
    return "hosts_are_as_recorded", with_events(ev, claim)


def wrong_exit(ev):
    outcome = ev.events[last(ev, "rollout.finished")]
    code = 2 if outcome["outcome"] == "done" else 0
    return "exits_agree", altered(ev, exits=[(code, outcome["rollout"])])


def left_without_cause(ev):
    at = last(ev, "rollout.finished")
    return "left_by_cause", altered(with_events(ev, lambda events: events[at].update(outcome="partly", body={"hosts": ["h0001"]})),
                                    host_faults=False)


# --- for real: on hosts, in the state folder. Each gives back how it is taken away.

def host_of(world):
    """A host that has what it should, by the ledger: of those left in between nothing is asked."""
    known = checks.releases_by_ledger(collect_now(world, None))
    return [host for host in world.fleet.hosts if known.get(host.name)][-1]


def file_changed(world):
    path = host_of(world).path("/srv/shop/current/conf")
    old = path.read_bytes()
    path.write_bytes(old + b"#")
    return "hosts_are_as_recorded", lambda: path.write_bytes(old)


def mode_changed(world):
    path = host_of(world).path("/srv/shop/current/version")
    path.chmod(0o600)
    return "hosts_are_as_recorded", lambda: path.chmod(0o644)


def file_gone(world):
    path = host_of(world).path("/srv/shop/current/link")
    target = os.readlink(path)
    path.unlink()
    return "hosts_are_as_recorded", lambda: path.symlink_to(target)


def file_more(world):
    path = host_of(world).path("/srv/shop/current/.andon_tmp_abcdef")
    path.write_text("")
    return "no_files_left", path.unlink


def log_changed(world, change):
    path = host_of(world).path(LOG)
    old = path.read_text()
    path.write_text(change(old))
    return "hosts_ran_what_is_recorded", lambda: path.write_text(old)


def task_twice(world):
    return log_changed(world, lambda text: text + text.splitlines()[0] + "\n")


def run_unknown(world):
    return log_changed(world, lambda text: text + "r-unknown begin\n")


def done_and_not_done(world):
    return log_changed(world, lambda text: text.replace(" end\n", " and\n", 1))


def process_on_host(world):
    started = subprocess.Popen(["nsenter", "--target", str(host_of(world).pid()), "--pid", "--mount", "--root", "bash", "-c",
                                f"exec -a /root/.cache/andon/node-{'a' * 64} sleep 1000"], stdin=subprocess.DEVNULL)
    time.sleep(0.3)
    return "nothing_left_running", lambda: (started.kill(), started.wait())


def controller_left(world):
    started = subprocess.Popen(["sleep", "1000"], env=world.env)
    return "nothing_left_running", lambda: (started.kill(), started.wait())


def file_in_home(world):
    path = world.home / "rollouts" / "d-x.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    return "no_files_left", path.unlink


def ledger_altered(world):
    """One letter of one event."""
    copies = world.folder / "ledger.copy"
    shutil.copytree(world.home, copies)
    db = sqlite3.connect(world.home / "ledger.db")
    db.execute("UPDATE entry SET json = CAST(replace(CAST(json AS TEXT), 'batch.finished', 'batch.finishes') AS BLOB)"
               " WHERE seq = (SELECT max(seq) FROM entry WHERE CAST(json AS TEXT) LIKE '%batch.finished%')")
    db.commit()
    db.close()
    return "ledger_verifies", lambda: restore(world, copies)


def restore(world, copies):
    for path in world.home.glob("ledger.db*"):
        path.unlink()
    for path in copies.glob("ledger.db*"):
        shutil.copy2(path, world.home)
    shutil.rmtree(copies)


IN_EVIDENCE = [told_and_lost, event_gone, time_goes_back, batch_again, ring_again, two_ends, no_end, another_outcome, wrong_exit,
               left_without_cause]
FOR_REAL = [file_changed, mode_changed, file_gone, file_more, task_twice, run_unknown, done_and_not_done, process_on_host,
            controller_left, file_in_home, ledger_altered]


def count():
    return len(IN_EVIDENCE) + len(FOR_REAL)


def violations(world, evidence):
    """Names of those that were not found."""
    missed = []
    for planted in IN_EVIDENCE:
        check, ev = planted(evidence)
        if check not in {name for name, _ in checks.judge(ev)}:
            missed.append(planted.__name__)
    for planted in FOR_REAL:
        check, away = planted(world)
        try:
            world_now = collect_now(world, evidence)
        finally:
            away()
        if check not in {name for name, _ in checks.judge(world_now)}:
            missed.append(planted.__name__)
    left = checks.judge(collect_now(world, evidence))
    return missed + [f"taken away again, and still: {text}" for text in left]


def collect_now(world, evidence):
    """Fresh evidence; what is still running is not waited for."""
    world.patience = 0
    if not evidence:
        return checks.collect(world, [], [], [], False)
    return checks.collect(world, evidence.before, evidence.rollouts, evidence.exits, evidence.host_faults)

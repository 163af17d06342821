"""Runs one case with one tool on fresh hosts and takes down everything that is compared."""
import os
import signal
import subprocess
import time

from . import endstate, normal, output

# What both tools are told; a case's own ansible.cfg or settings still count where these say nothing.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb", "USER": "root", "LOGNAME": "root", "SHELL": "/bin/bash",
    "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": "10", "ANSIBLE_RETRY_FILES_ENABLED": "0",
    "ANSIBLE_SSH_ARGS": "-C -o ControlMaster=auto -o ControlPersist=60s -o KexAlgorithms=curve25519-sha256"
                        " -o ServerAliveInterval=20",  # a busy machine is no lost host
}


class Tool:
    """How one of the two programs is called."""

    def __init__(self, name, program, environment):
        self.name, self.program, self.environment = name, program, environment


def run_case(case, lane, tool):
    """Run every invocation of the case; returns the outcome as plain data (see `outcome`)."""
    lane.fresh(len(case.hosts))
    case.place(lane.case_dir)
    norm = normal.Normaliser(lane, case)
    inventory = os.path.join(lane.dir, "hosts.ini")
    with open(inventory, "w", encoding="utf-8") as f:
        f.write(lane.inventory(case.hosts, case.user))
    for i in range(len(case.hosts)):
        lane.fleet.exec(i, "mkdir", "-m", "1777", "/_results")
        lane.offer_packages(i)
    pristine = states(case, lane, norm)
    runs = []
    for run in case.runs:
        done = invoke(case, lane, tool, run, inventory)
        runs.append(outcome(done, states(case, lane, norm), pristine, norm))
    return {"runs": runs}


def invoke(case, lane, tool, run, inventory):
    """One invocation: (exit code, stdout, stderr, seconds)."""
    env = dict(ENVIRONMENT, HOME=lane.home, ANSIBLE_SSH_CONTROL_PATH_DIR=os.path.join(lane.dir, "cp"))
    env.update(tool.environment, **case.env)
    env.update(run.env)
    inventories = ["-i", inventory]
    if os.path.exists(os.path.join(lane.case_dir, "inventory")):
        inventories += ["-i", "inventory"]
    argv = [*lane.fleet.enter(), tool.program, *inventories, *run.args]
    if run.args[:1] == ["ansible"]:                       # the other command, for single modules
        argv = [*lane.fleet.enter(), os.path.join(os.path.dirname(tool.program), "ansible"), *inventories, *run.args[1:]]
    else:
        argv.append("playbook.yml")
    began = time.monotonic()
    child = subprocess.Popen(argv, cwd=lane.case_dir, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = child.communicate(timeout=case.limit)
        code = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
        code = "timeout"
    seconds = time.monotonic() - began
    return code, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), seconds


def states(case, lane, norm):
    """{host: {"tree": ..., "daemons": ...}} as of now, and the case's folder on the controller."""
    out = {}
    for i, name in enumerate(case.hosts):
        ps = lane.fleet.exec(i, "ps", "-eo", "pid,ppid,user:20,args", "-ww")
        out[name] = {"tree": endstate.of_host(lane.fleet.upper(i), lane.fleet.rootfs, norm),
                     "daemons": endstate.daemons(ps, norm)}
    out["@controller@"] = {"tree": endstate.of_folder(lane.case_dir, norm), "daemons": []}
    return out


def outcome(done, now, pristine, norm):
    """What is kept of one invocation."""
    code, out, err, seconds = done
    trees = {}
    for host, state in now.items():
        before = pristine[host]["tree"]
        tree = {p: e for p, e in state["tree"].items() if before.get(p) != e}
        tree.update({p: ["absent"] for p in before if p not in state["tree"]})
        trees[host] = {"tree": tree, "daemons": state["daemons"]}
    return with_events({"code": code, "stdout": normal.scrub(norm.text(out)), "stderr": normal.scrub(norm.text(err)),
                        "state": trees, "seconds": round(seconds, 2)})


def with_events(run):
    """Add what can be read off the output: the events and the recap."""
    run["events"], run["recap"] = output.parse(run["stdout"])
    for event in run["events"]:
        if "data" in event:
            event["data"] = normal.result(event["data"])
    return run

"""Runs one command and measures it: wall time, processor time of its tree, of the fleet and of everything
else on the machine (the noise), and memory when asked."""
import dataclasses
import os
import subprocess
import threading
import time

from . import machine


@dataclasses.dataclass
class Row:
    section: str            # floor, play, ping, memory, render, ledger
    tool: str
    hosts: int
    mode: str               # cold (everything to change), warm (nothing), or what it is
    connection: str         # fresh or kept
    kex: str                # key exchange: default or curve25519
    rep: int = 1
    rc: int = 0
    right: bool = True      # whether it did what it should
    wall: float = 0.0
    controller_cpu: float = 0.0
    fleet_cpu: float = 0.0
    noise: float = 0.0      # share of one core that others used meanwhile
    tree_mib: float = 0.0   # peak of the summed PSS of the controller's process tree
    process_mib: float = 0.0  # peak RSS of the command's own process
    rate: float = 0.0       # per second, for renderings and appends

    def key(self):
        return (self.section, self.tool, self.hosts, self.mode, self.connection, self.kex)


class Bench:
    """Measures commands inside a control group of their own, on the controller's side of a fleet."""

    def __init__(self, home, quiet):
        self.group = machine.Group.make("andon-bench")
        self.home, self.quiet = home, quiet
        self.last_output = ""

    def run(self, row, fleet, command, env=None, find=False, leave=False, sample=0.0):
        """Runs `command` and fills `row`. find: with the connections that the run before has left; leave: leaves its own to the
        next. sample: seconds between looks at the tree's memory, 0 for none."""
        if not find:
            self.group.clear()
        if self.quiet:
            machine.wait_until_quiet([self.group, fleet.group], self.quiet)
        log = os.path.join(self.home, "output")
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.home,
                       "LANG": "C.UTF-8", "TERM": "dumb", **(env or {})}
        watch = Watch(self.group, sample)
        ours, theirs, all_of_it = self.group.seconds(), fleet.group.seconds(), machine.busy_seconds()
        start = time.monotonic()
        with open(log, "wb") as out:
            child = subprocess.Popen(fleet.enter + command, stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, env=environment, preexec_fn=self.group.join)
            watch.start(child.pid)
            child.wait()
        row.wall = time.monotonic() - start
        watch.stop()
        row.rc = child.returncode
        row.controller_cpu = self.group.seconds() - ours
        row.fleet_cpu = fleet.group.seconds() - theirs
        row.noise = (machine.busy_seconds() - all_of_it - row.controller_cpu - row.fleet_cpu) / row.wall
        row.tree_mib, row.process_mib = watch.tree, watch.process
        if not leave:
            self.group.clear()
        with open(log, errors="replace") as f:
            self.last_output = f.read()
        return row

    def close(self):
        self.group.remove()


class Watch:
    """Looks at the memory of a run from a thread."""

    def __init__(self, group, interval):
        self.group, self.interval = group, interval
        self.tree = self.process = 0.0
        self.ended = threading.Event()
        self.thread = None

    def start(self, pid):
        if self.interval:
            self.thread = threading.Thread(target=self.look, args=(pid,), daemon=True)
            self.thread.start()

    def look(self, pid):
        while not self.ended.wait(self.interval):
            self.tree = max(self.tree, machine.memory_mib(self.group.pids()))
            self.process = max(self.process, machine.peak_rss_mib(pid))

    def stop(self):
        self.ended.set()
        if self.thread:
            self.thread.join()

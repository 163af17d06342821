"""What is compared: how each tool is called, and whether a run did what it should."""
import os
import re

from .fleet import TOP

PLAY = os.path.join(TOP, "bench/play/site.yml")
FORKS = "50"
RECAP = re.compile(r"^h\d{4}\s*: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.M)
SUMMARY = re.compile(r"^h\d{4} +\d+ ok, (\d+) changed(.*)", re.M)
UNCHANGED = re.compile(r"^(\d+) hosts? ok, nothing changed$", re.M)     # in place of those hosts' lines, when there are many
CHANGES = {"cold": 16, "warm": 0}


class Ansible:
    """ansible-playbook with one of bench/config."""

    def __init__(self, name, extra=(), needs=()):
        self.name, self.extra = name, list(extra)
        missing = [p for p in ["/usr/bin/ansible-playbook", *needs] if not os.path.exists(p)]
        self.absent = f"{missing[0]} is not installed" if missing else None
        self.env = {"ANSIBLE_CONFIG": os.path.join(TOP, "bench/config", f"{name}.cfg")}
        self.sample = 1.0

    def play(self, inventory):
        return ["ansible-playbook", "-i", inventory, *self.extra, PLAY]

    def play_was_right(self, mode, fleet, output):
        """Every host reported, with the changes this mode must make and no failure."""
        recap = RECAP.findall(output)
        return len(recap) == fleet.hosts and all(r == (str(CHANGES[mode]), "0", "0") for r in recap)

    def ping(self, inventory):
        return ["ansible", "-i", inventory, "-m", "ping", "all"]

    def ping_was_right(self, fleet, output):
        return output.count('"pong"') == fleet.hosts


class Andon(Ansible):
    """andon under its own name."""

    def __init__(self, binary):
        self.name, self.binary, self.env, self.sample = "andon", binary, {}, 0.0
        self.absent = None if os.access(binary, os.X_OK) else f"{binary} has not been built"

    def play(self, inventory):
        return [self.binary, "run", PLAY, "-i", inventory, "-f", FORKS]

    def play_was_right(self, mode, fleet, output):
        return self.all_hosts(CHANGES[mode], fleet, output)

    def ping_was_right(self, fleet, output):
        return self.all_hosts(0, fleet, output)

    @staticmethod
    def all_hosts(changes, fleet, output):
        hosts = [(int(n), rest) for n, rest in SUMMARY.findall(output)]
        hosts += [(0, "")] * sum(map(int, UNCHANGED.findall(output)))
        return len(hosts) == fleet.hosts and all(n == changes and "failed" not in rest and "unreachable" not in rest
                                                 for n, rest in hosts)

    def ping(self, inventory):
        return [self.binary, "do", "all", "-m", "ping", "-i", inventory, "-f", FORKS]


def known(binary):
    mitogen = "/usr/lib/python3/dist-packages/ansible_mitogen/plugins/strategy"
    return [Andon(binary), Ansible("tuned"),
            Ansible("mitogen", extra=["-e", "service_manager=sysvinit"], needs=[mitogen])]


def floor(fleet, kex):
    """`ssh host true` on every host, as many at a time as the tools use forks."""
    ssh = " ".join(fleet.ssh(kex))
    return ["sh", "-c", f"xargs -P {FORKS} -I@ {ssh} @ true <{fleet.dir}/hosts.txt"]

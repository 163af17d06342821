"""Lanes: each owns a few fresh hosts, a scratch folder and the network the tool under test runs in."""
import hashlib
import os
import shutil
import signal
import subprocess
import time

from . import web

FLEET = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "fleet", "fleet")
STATE = os.environ.get("ANDON_FLEET_DIR", "/var/tmp/andon-fleet")
HOSTS_PER_LANE = 3
BLOCK = "0"              # of addresses: the same in every lane, for they show in sizes, hashes and texts


class LaneError(Exception):
    """The hosts of a lane could not be had."""


class Lane:
    """A group of hosts that one case at a time uses, alone."""

    def __init__(self, name, variant, base, packages=None):
        self.packages = packages
        self.fleet = Instance(name, variant)
        self.dir = os.path.join(base, name, "lane")         # its last part shows in inventory_dir: no name of ours
        self.case_dir = os.path.join(self.dir, "case")
        self.home = os.path.join(self.dir, "home")
        shutil.rmtree(os.path.dirname(self.dir), ignore_errors=True)
        os.makedirs(self.dir)
        self.fleet.up()
        self.web = web.start(self.fleet.enter(), self.fleet.gateway, self.dir, packages)

    def fresh(self, count):
        """Bring the hosts back to pristine, and forget all the controller's side kept about them."""
        self.end_leftovers()
        self.fleet.fresh(count)
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home, mode=0o700)

    def offer_packages(self, i):
        """Let a host install more than the fleet offers."""
        if self.packages:
            line = f"deb [trusted=yes] http://{self.fleet.gateway}:{web.PORT}/packages ./"
            self.fleet.exec(i, "sh", "-ec", f"echo '{line}' >/etc/apt/sources.list.d/roles.list; apt-get -q update")

    def end_leftovers(self):
        """End what a tool left running on the controller's side: kept SSH connections, above all."""
        for _ in range(50):
            pids = [p for p in self.fleet.controller_pids() if p != self.web.pid]
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if not pids:
                return
            time.sleep(0.02)

    def inventory(self, names, user):
        """Text of an INI inventory that tells the tool how to reach hosts called `names`."""
        lines = [f"{name} ansible_host={address}" for name, address in zip(names, self.fleet.addresses)]
        known = self.fleet.known_hosts
        lines += [
            "[all:vars]",
            f"ansible_user={user}",
            "ansible_python_interpreter=/usr/bin/python3",
            f"ansible_ssh_private_key_file={self.fleet.key}",
            f"ansible_ssh_common_args=-o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null"
            " -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -o LogLevel=ERROR",
            f"web=http://{self.fleet.gateway}:{web.PORT}",
            f"web_tls=https://{self.fleet.gateway}:{web.PORT + 1}",
        ]
        return "\n".join(lines) + "\n"

    def addresses(self, names):
        """(address, placeholder) of every machine of the lane, longest first."""
        pairs = [(address, f"@{name}@") for name, address in zip(names, self.fleet.addresses)]
        pairs.append((self.fleet.gateway, "@controller@"))
        return sorted(pairs, key=lambda p: -len(p[0]))

    def close(self):
        self.end_leftovers()
        self.web.terminate()
        self.web.wait()
        self.fleet.down()
        shutil.rmtree(os.path.dirname(self.dir), ignore_errors=True)


class Instance:
    """One instance of the test fleet: its hosts, called by number from 0."""

    def __init__(self, name, variant):
        self.name = name
        self.variant = variant
        self.dir = os.path.join(STATE, "run", name)
        self.key = os.path.join(STATE, "key", "id_ed25519")
        self.known_hosts = os.path.join(self.dir, "known_hosts")

    def up(self):
        if os.path.exists(os.path.join(self.dir, "instance")):
            fleet("-n", self.name, "down")
        fleet("-n", self.name, "up", str(HOSTS_PER_LANE), "--variant", self.variant, "--block", BLOCK)
        with open(os.path.join(self.dir, "hosts.txt"), encoding="utf-8") as f:
            self.addresses = f.read().split()
        with open(os.path.join(self.upper(0), "etc/hosts"), encoding="utf-8") as f:
            self.gateway = next(line.split()[0] for line in f if line.split()[1:] == ["controller"])
        with open(os.path.join(self.dir, "instance"), encoding="utf-8") as f:
            self.rootfs = next(line.split("=", 1)[1].strip() for line in f if line.startswith("I_ROOTFS="))
        self.dirty = set()

    def fresh(self, count):
        """Make the first `count` hosts pristine, and take note that they will be used."""
        used = [host(i) for i in range(count) if i in self.dirty]
        if used:
            fleet("-n", self.name, "reset", *used)
        self.dirty |= set(range(count))

    def down(self):
        fleet("-n", self.name, "down")

    def public_key(self):
        """The key that hosts let in, made anew with each root file system."""
        with open(self.key + ".pub", encoding="ascii") as f:
            return f.read().split()[1]

    def upper(self, i):
        return os.path.join(self.dir, host(i), "upper")

    def exec(self, i, *argv):
        return fleet("-n", self.name, "exec", host(i), *argv)

    def enter(self):
        """The command that starts another one on the controller's side of the hosts' network."""
        return ["nsenter", f"--net={self.dir}/net", "--"]

    def controller_pids(self):
        """Processes on the controller's side of the network."""
        mine = f"net:[{os.stat(os.path.join(self.dir, 'net')).st_ino}]"
        found = []
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/net") == mine:
                    found.append(int(entry))
            except OSError:
                pass
        return found


def host(i):
    return f"h{i + 1:04d}"


def fleet(*args):
    """Run the fleet's own command; what it printed is the error's text."""
    done = subprocess.run([FLEET, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise LaneError(f"fleet {' '.join(args)}: exit code {done.returncode}: {done.stdout.strip()[-500:]}")
    return done.stdout


def rootfs(variant):
    """The hosts' pristine tree, built if need be."""
    return fleet("build", "--variant", variant).strip().splitlines()[-1]


def recipe_digest():
    """Hash of what the pristine tree is made from."""
    h = hashlib.sha256()
    for top, dirs, names in os.walk(os.path.join(os.path.dirname(FLEET), "recipe")):
        dirs.sort()
        for name in sorted(names):
            with open(os.path.join(top, name), "rb") as f:
                h.update(name.encode() + b"\0" + f.read())
    return h.hexdigest()

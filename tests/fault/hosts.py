"""The hosts of a fleet as this machine sees them: their files, processes, network, without going through ssh."""
import os
import pathlib
import re
import signal
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FLEET = TOP / "tests/fleet/fleet"


def kill(pids, sig=signal.SIGKILL):
    for pid in pids:
        try:
            os.kill(pid, sig)
        except OSError:
            pass


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def below(pid):
    """A process and its descendants."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                todo += [int(c) for c in pathlib.Path(f"/proc/{one}/task/{task}/children").read_text().split()]
        except OSError:
            continue
        found.append(one)
    return found


class Host:
    def __init__(self, fleet, name, address):
        self.fleet, self.name, self.address = fleet, name, address
        self.folder = fleet.folder / name

    def pid(self):
        """Its pid 1, or None. The upper folder proves that the number is not another process's by now."""
        try:
            pid = int((self.folder / "pid").read_text())
            mounts = pathlib.Path(f"/proc/{pid}/mountinfo").read_text()
        except (OSError, ValueError):
            return None
        return pid if f"upperdir={self.folder}/upper," in mounts else None

    def path(self, path):
        """A path of the host, as a path of ours."""
        return pathlib.Path(f"/proc/{self.pid()}/root{path}")

    def processes(self):
        pid = self.pid()
        try:
            space = os.readlink(f"/proc/{pid}/ns/pid")
        except OSError:
            return []
        found = []
        for one in all_pids():
            try:
                if os.readlink(f"/proc/{one}/ns/pid") == space:
                    found.append(one)
            except OSError:
                pass
        return found

    def commands(self):
        """What runs there, without sshd's own: connections are kept for a while."""
        lines = (" ".join(command_line(p)).strip() for p in self.processes())
        return [line for line in lines if line and not line.startswith("sshd: ")]

    def matching(self, pattern):
        return [p for p in self.processes() if re.search(pattern, " ".join(command_line(p)))]

    def sessions(self):
        return self.matching(r"^sshd: .*(@|\[priv\]|\[net\]|\[accepted\])")

    def helpers(self):
        return self.matching(r"node-[0-9a-f]{64}")

    def daemons(self):
        return self.matching(r"^(sshd: )?/usr/sbin/sshd")

    # --- its network: the near end of its link

    def link(self):
        out = subprocess.run(["ip", "-o", "route", "show", self.address], capture_output=True, text=True, check=True).stdout
        found = re.search(r"\bdev (\S+)", out)
        return found.group(1) if found else None

    def mute(self):
        """Whatever it sends is lost, and nobody says so. Gives back how that is mended."""
        link = self.link()
        out = subprocess.run(["ip", "-o", "link", "show", link], capture_output=True, text=True, check=True).stdout
        old = re.search(r"link/ether (\S+)", out).group(1)
        subprocess.run(["ip", "link", "set", link, "address", "02:77:ff:ff:ff:ff"], check=True)
        return lambda: subprocess.run(["ip", "link", "set", link, "address", old], check=False, stderr=subprocess.DEVNULL)

    def crash(self):
        """As when its power goes: first nothing of it is heard, then it is no more."""
        self.mute()
        self.fleet.call("crash", self.name)

    def boot(self):
        self.fleet.call("boot", self.name)


class Fleet:
    def __init__(self, name):
        self.name = name
        self.folder = pathlib.Path(os.environ.get("ANDON_FLEET_DIR", "/var/tmp/andon-fleet")) / "run" / name
        self.hosts = []

    def call(self, *args, check=True):
        done = subprocess.run([FLEET, "-n", self.name, *args], capture_output=True, text=True, timeout=180, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"fleet {' '.join(args)}: {done.stdout}{done.stderr}")
        return done

    def load(self):
        """Reads what hosts there are."""
        text = (self.folder / "inventory.ini").read_text()
        self.hosts = [Host(self, name, address) for name, address in re.findall(r"^(h\d+) ansible_host=(\S+)", text, re.M)]
        self.vars = dict(re.findall(r"^(ansible_\w+)=(.*)$", text, re.M))

    def __getitem__(self, name):
        return next(h for h in self.hosts if h.name == name)

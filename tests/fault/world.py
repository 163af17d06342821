"""The service that is rolled out, the controllers that carry it, and the state folder they share."""
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

from hosts import Fleet, below, command_line, kill

HOSTS = 5
DISK = "1m"  # of each host, at /srv/shop
HOME = "64m"  # of the state folder
USUAL = 3  # seconds that the first rollout takes at most where nothing else runs
LOG = "/var/log/shop.runs"  # on each host: what was run there
ENDED = ("done", "undone", "partly", "redeployed", "stopped")  # words of status for a rollout that is over

SERVICE = """\
service: shop
deploy: deploy.yml
inventory: hosts.ini
rings:
  - name: canary
    hosts: h0001
    after:
      every: 300ms
      timeout: {timeout}
      gates:
        - on_hosts: test ! -e /srv/shop/current/broken
          name: whole
  - {{name: early, hosts: "h0002:h0003", batch: {early}}}
  - {{name: all, hosts: fleet, batch: {all}, max_failures: {failures}}}
on_failure: {on_failure}
"""

# "red" releases fail at the gate, "badN" ones on host N. Each kind of change that a release is made of, and a line per run in a log that nothing puts back.
PLAYBOOK = """\
- hosts: all
  gather_facts: false
  vars:
    version: "{{ andon_release.version }}"
    number: "{{ version.split('.')[0] | int }}"
    run: "{{ (lookup('env', 'ANDON_CONTEXT') | from_json).run }}"
  tasks:
    - name: begins
      ansible.builtin.shell: echo "{{ run }} begin" >>LOG
      changed_when: false
    - name: folder
      ansible.builtin.file: {path: /srv/shop/current, state: directory, mode: "0755"}
    - name: version
      ansible.builtin.copy: {content: "{{ version }}", dest: /srv/shop/current/version, mode: "0644"}
    - name: link
      ansible.builtin.file: {src: "version-{{ number | int % 3 }}", dest: /srv/shop/current/link, state: link, force: true}
    - name: slow
      ansible.builtin.command: sleep 0.1
      changed_when: false
    - name: line
      ansible.builtin.lineinfile: {path: /srv/shop/current/conf, regexp: "^release=", line: "release={{ version }}", create: true, mode: "0644"}
    - name: comes and goes
      ansible.builtin.file: {path: /srv/shop/current/even, state: "{{ 'absent' if number | int % 2 else 'directory' }}", mode: "0755"}
    - name: broken
      ansible.builtin.file: {path: /srv/shop/current/broken, state: "{{ 'touch' if 'red' in version else 'absent' }}", mode: "0644"}
    - name: load
      ansible.builtin.copy:
        content: "{{ 'x' * 20000 }}{{ version }}"
        dest: /srv/shop/current/load
        mode: "{{ '0640' if number | int % 2 else '0600' }}"
    - name: says no
      ansible.builtin.command: "false"
      when: "'bad' ~ inventory_hostname[-1] in version"
    - name: ends
      ansible.builtin.shell: echo "{{ run }} end" >>LOG
      changed_when: false
""".replace("LOG", LOG)


def tree_of_release(version):
    """What a host with that release has below /srv/shop."""
    number = int(version.split(".")[0])
    tree = {
        "": ("folder", 0o755),
        "current": ("folder", 0o755),
        "current/version": ("file", 0o644, version.encode()),
        "current/link": ("link", f"version-{number % 3}"),
        "current/conf": ("file", 0o644, f"release={version}\n".encode()),
        "current/load": ("file", 0o640 if number % 2 else 0o600, b"x" * 20000 + version.encode()),
    }
    if number % 2 == 0:
        tree["current/even"] = ("folder", 0o755)
    if "red" in version:
        tree["current/broken"] = ("file", 0o644, b"")
    return tree


def tree_at(root):
    """What is there, in the same form."""
    tree = {}
    for path in [root, *sorted(root.rglob("*"))]:
        name, st = "" if path == root else str(path.relative_to(root)), path.lstat()
        if path.is_symlink():
            tree[name] = ("link", os.readlink(path))
        elif path.is_dir():
            tree[name] = ("folder", st.st_mode & 0o7777)
        else:
            tree[name] = ("file", st.st_mode & 0o7777, path.read_bytes())
    return tree


def write_tree(root, tree):
    """What a person does with a host that could not be put back."""
    for path in root.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name, (kind, *rest) in sorted(tree.items()):
        path = root / name
        if kind == "link":
            path.symlink_to(rest[0])
            continue
        if kind == "file":
            path.write_bytes(rest[1])
        elif name:
            path.mkdir()
        path.chmod(rest[0])


class Controller:
    """`andon deploy` or another command that works on hosts, in the background."""

    def __init__(self, world, *args, env=None):
        self.args = args
        self.path = world.folder / f"out.{args[0]}"
        self.out = open(self.path, "w+b")
        self.process = subprocess.Popen([world.andon, *args], cwd=world.folder, env=env or world.env, stdout=self.out,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)

    def running(self):
        return self.process.poll() is None

    def lines(self):
        return self.path.read_bytes().count(b"\n")

    def wait_for_lines(self, n, seconds=30):
        """Until it has told so much, or has ended."""
        end = time.monotonic() + seconds
        while self.running() and self.lines() < n and time.monotonic() < end:
            time.sleep(0.01)

    def wait(self, seconds):
        try:
            self.process.wait(timeout=seconds)
            return True
        except subprocess.TimeoutExpired:
            return False

    def runs(self):
        return [p for p in below(self.process.pid) if p != self.process.pid and command_line(p)[1:2] in (["run"], ["undo"], ["do"])]

    def text(self):
        return self.path.read_bytes().decode(errors="replace")

    def told(self):
        return [line for line in self.text().splitlines() if line.startswith('{"') and line.endswith("}")]


class World:
    def __init__(self, args):
        self.fleet = Fleet(args.fleet)
        self.fleet.load()
        self.random = random.Random(args.seed)
        self.verbose = args.verbose
        self.andon = args.andon
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="andon-fault."))
        self.home = self.folder / "home"
        self.clock = self.folder / "clock"
        self.env = dict(os.environ, ANDON_HOME=str(self.home), HOME=str(self.folder), ANSIBLE_TIMEOUT="60")
        for name in ("SSH_AUTH_SOCK", "ANDON_CONTEXT", "ANSIBLE_INVENTORY"):
            self.env.pop(name, None)
        self.told = []  # events that controllers printed
        self.pace = 10  # how much slower than usual this machine is, until it is known
        self.patience = 20  # seconds
        self.faketime = next((str(p) for p in sorted(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)

    # --- what is there before the first rollout

    def prepare(self):
        self.home.mkdir(mode=0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={HOME},mode=700", "tmpfs", self.home], check=True)
        (self.folder / "deploy.yml").write_text(PLAYBOOK)
        names = [h.name for h in self.fleet.hosts]
        for name in names:  # small disks, so that they can be filled
            self.fleet.call("disk", name, "/srv/shop", DISK)
        self.fleet.call("crash", *names)
        self.fleet.call("boot", *names)
        time.sleep(0.5)
        self.usual = {line for host in self.fleet.hosts for line in host.commands()}
        self.write_inventory()
        self.write_service()
        made = self.call("release", "create", "shop", "0.0")
        began = time.monotonic()
        first = self.call("deploy", "shop", "0.0", "--output", "json")
        self.pace = max(1, (time.monotonic() - began) / USUAL)
        self.patience *= self.pace
        self.env["ANSIBLE_TIMEOUT"] = str(math.ceil(4 * self.pace))
        self.write_inventory()
        if first.returncode != 0:
            raise SystemExit(f"the first rollout failed: {made.stdout}{made.stderr}{first.stdout}{first.stderr}")

    def write_inventory(self):
        """A cheap key exchange, and connections that are soon known to be dead, as soon as the machine allows for it."""
        given = dict(self.fleet.vars)
        given["ansible_ssh_common_args"] += (" -o KexAlgorithms=curve25519-sha256 -o ServerAliveInterval=1"
                                             f" -o ServerAliveCountMax={math.ceil(3 * self.pace)}")
        lines = ["[fleet]", *(f"{h.name} ansible_host={h.address}" for h in self.fleet.hosts), "[fleet:vars]",
                 *(f"{key}={value}" for key, value in given.items())]
        (self.folder / "hosts.ini").write_text("\n".join(lines) + "\n")

    def write_service(self, **how):
        given = {"early": 1, "all": 2, "failures": 0, "on_failure": "undo", "timeout": "60s", **how}
        (self.folder / "andon.yml").write_text(SERVICE.format(**given))

    def remove(self):
        subprocess.run(["umount", "-l", self.home], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- commands

    def call(self, *args, timeout=600):
        return subprocess.run([self.andon, *args], cwd=self.folder, env=self.env, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=timeout, check=False)

    def start(self, *args, env=None):
        return Controller(self, *args, env=env)

    def status(self):
        """The last rollout of the service as `andon status` tells it, or None."""
        out = self.call("status", "shop", "--output", "json")
        return json.loads(out.stdout.splitlines()[-1]) if out.returncode == 0 else None

    def export(self):
        """The events of the ledger, a line each."""
        out = self.call("ledger", "export")
        if out.returncode != 0:
            raise RuntimeError("ledger export: " + out.stderr)
        return [line for line in out.stdout.splitlines() if line.startswith('{"event"')]

    def say(self, *text):
        if self.verbose:
            print("   ", *text, flush=True)

    # --- what is left over

    def own_processes(self):
        """Of this machine, those that work with this state folder."""
        mark, found = f"ANDON_HOME={self.home}".encode(), []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and mark in pathlib.Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    found.append(int(name))
            except OSError:
                pass
        return [p for p in found if p != os.getpid()]

    def strays(self):
        found = [f"controller: {' '.join(command_line(p))[:120]}" for p in self.own_processes()]
        for host in self.fleet.hosts:
            found += [f"{host.name}: {line[:120]}" for line in host.commands() if line not in self.usual]
        return found

    def wait_for_quiet(self):
        """What was cut off needs a moment to notice; what is still there then is left over."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            if not self.strays():
                return []
            time.sleep(0.05)
        left = self.strays()
        kill(self.own_processes(), signal.SIGKILL)
        for host in self.fleet.hosts:
            kill(p for p in host.processes() if " ".join(command_line(p)).strip() not in self.usual)
        return left

    def leftovers(self):
        """Files that were not meant to stay."""
        known = re.compile(r"(ledger\.(db|db-wal|db-shm|key|pub)|checkpoint|cp(/[^/]+)?|runs(/[0-9a-f]{32}\.json)?|blobs(/[0-9a-f]{2}(/[0-9a-f]{62,64}(\.gz|\.zst)?)?)?"
                           r"|locks(/shop\.lock|/[\w.-]+\.lock)?|rollouts)$")
        found = [f"controller: {name}" for name in (str(p.relative_to(self.home)) for p in self.home.rglob("*"))
                 if not known.match(name)]
        temporary = re.compile(r"\.andon_tmp_|/andon\.|\.cache/andon/(?!node-[0-9a-f]{64}$)")
        for host in self.fleet.hosts:
            for top in ("/tmp", "/var/tmp", "/dev/shm", "/root/.cache/andon", "/etc", "/var/log", "/srv", "/root/.ansible"):
                root = host.path(top)
                found += [f"{host.name}: {top}/{p.relative_to(root)}" for p in root.rglob("*")
                          if temporary.search(f"{top}/{p.relative_to(root)}")]
        return found

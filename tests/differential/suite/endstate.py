"""The end state of a host: what its overlay's upper folder says differs from the pristine tree."""
import difflib
import hashlib
import json
import os
import re
import stat
import time

from .normal import result

SMALL = 6000             # bytes of text kept as text

# Processes that init has taken over and that no playbook means to leave.
NO_SERVICE = re.compile(r"sshd: |/usr/sbin/sshd|ssh: |init|ps |\[|/sbin/\w*getty|.*andon"
                        r"|/lib/systemd/systemd-(timedated|hostnamed|localed)"     # end when nobody asks them any more
                        r"|/bin/bash /etc/mysql/debian-start"                     # runs for a while after the start
                        r"|\S*python3 \S+ j\d+ \d+ ")    # Ansible's watcher of a background job looks up every five seconds alone


def of_host(upper, lower, normal):
    """{path: entry} of everything that differs from the pristine tree; an entry is a short list."""
    return Walk(upper, lower, normal).run()


def of_folder(top, normal):
    """{path: entry} of a folder on the controller."""
    return Walk(top, None, normal).run()


class Walk:
    """Compares an upper folder with its lower one; without a lower, everything is new.

    A folder has a place `rel`, and a place `low` of the lower tree that shows through it: its own, unless
    it was made anew (none) or moved here (another)."""

    def __init__(self, upper, lower, normal):
        self.upper, self.lower, self.normal = upper, lower, normal
        self.out = {}

    def run(self):
        self.folder("", "" if self.lower else None)
        return self.out

    def folder(self, rel, low):
        top = os.path.join(self.upper, rel)
        mine = sorted(os.listdir(top))
        for name in mine:
            path = os.path.join(rel, name)
            full = os.path.join(top, name)
            if not self.normal.noise(path):
                self.entry(path, full)
            if os.path.isdir(full) and not os.path.islink(full):    # even of a noisy folder: see its patterns
                self.folder(path, self.low_of(full, low, name))
        shown = set(mine)
        if low is not None and low != rel:
            shown |= self.moved(rel, low, shown)
        if low != rel and self.lower:
            self.gone_below(rel, shown)

    def low_of(self, full, low, name):
        if low is None or overlay_mark(full, "opaque") == b"y":
            return None
        redirect = overlay_mark(full, "redirect")
        if redirect is None:
            return os.path.join(low, name)
        return os.path.normpath(os.path.join("/" + low, redirect.decode())).lstrip("/")

    def moved(self, rel, low, hidden):
        """Report what shows through a moved folder; returns the names."""
        source = os.path.join(self.lower, low)
        names = set(os.listdir(source)) - hidden if os.path.isdir(source) else set()
        for name in sorted(names):
            path, full = os.path.join(rel, name), os.path.join(source, name)
            if not self.normal.noise(path):
                self.entry(path, full)
            if os.path.isdir(full) and not os.path.islink(full):
                self.moved(path, os.path.join(low, name), set())
        return names

    def entry(self, rel, full):
        st = os.lstat(full)
        below = self.lower_stat(rel)
        if stat.S_ISCHR(st.st_mode) and st.st_rdev == 0:
            if below:
                self.out[self.normal.text(rel)] = ["absent"]
            return
        here = self.describe(full, st, rel)
        if not below or here != self.describe(os.path.join(self.lower, rel), below, rel):
            self.out[self.normal.text(rel)] = self.with_diff(here, rel, below)

    def gone_below(self, rel, shown):
        below = os.path.join(self.lower, rel)
        if os.path.isdir(below) and not os.path.islink(below):
            for name in sorted(set(os.listdir(below)) - shown):
                path = os.path.join(rel, name)
                if not self.normal.noise(path):
                    self.out[self.normal.text(path)] = ["absent"]

    def lower_stat(self, rel):
        try:
            return os.lstat(os.path.join(self.lower, rel)) if self.lower else None
        except (FileNotFoundError, NotADirectoryError):
            return None

    def describe(self, full, st, rel):
        owner = f"{st.st_uid}:{st.st_gid}"
        mode = f"{stat.S_IMODE(st.st_mode):04o}"
        if stat.S_ISLNK(st.st_mode):
            return ["link", owner, self.normal.text(os.readlink(full))]
        if stat.S_ISDIR(st.st_mode):
            return ["dir", mode, owner]
        if not stat.S_ISREG(st.st_mode):
            return ["special", mode, owner]
        return ["file", mode, owner, self.content(read(full), rel)]

    def content(self, body, rel):
        if rel in ("etc/shadow",):
            today = str(int(time.time() // 86400))
            body = re.sub(rb"^([^:]*:[^:]*):(" + today.encode() + rb"|" + str(int(today) - 1).encode() + rb"):",
                          rb"\1:@today@:", body, flags=re.M)
            body = re.sub(rb"\$y\$[^:]+", b"$y$@hash@", body)         # of the fleet's own users
        if rel.startswith("run/") and rel.endswith(".pid"):
            return "@pid@" if body.strip().isdigit() else "not a process number"
        if rel.startswith("_results/") and rel.endswith(".json"):
            try:
                return {"json": result(json.loads(self.normal.text(body.decode())))}
            except ValueError:
                pass
        text = as_text(body)
        if text is None:
            return "sha256:" + hashlib.sha256(body).hexdigest()
        return self.normal.text(text)

    def with_diff(self, entry, rel, below):
        """Replace long texts by what changed in them, or by their hash."""
        if entry[0] != "file" or not isinstance(entry[3], str) or len(entry[3]) <= SMALL and not below:
            return entry
        if below and stat.S_ISREG(below.st_mode):
            old = self.content(read(os.path.join(self.lower, rel)), rel)
            lines = difflib.unified_diff(old.splitlines(), entry[3].splitlines(), n=0, lineterm="")
            delta = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
            if sum(len(line) for line in delta) <= SMALL and not old.startswith("sha256:"):
                return entry[:3] + [{"changed": delta, "newline_at_end": entry[3].endswith("\n")}]
        if len(entry[3]) > SMALL:
            return entry[:3] + ["sha256:" + hashlib.sha256(entry[3].encode()).hexdigest()]
        return entry


def read(path):
    """A file's bytes; looking must not change its access time, which cases may have set."""
    with open(os.open(path, os.O_RDONLY | os.O_NOATIME | os.O_CLOEXEC), "rb") as f:
        return f.read()


def as_text(body):
    if b"\0" in body:
        return None
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return None


def overlay_mark(folder, name):
    """A mark the overlay left on a folder of its upper layer, or None."""
    try:
        return os.getxattr(folder, "trusted.overlay." + name)
    except OSError:
        return None


def daemons(ps_text, normal):
    """The processes init has taken over, as sorted `user command` lines: what runs as a service."""
    out = set()
    for line in ps_text.splitlines():
        m = re.match(r"\s*(\d+)\s+1\s+(\S+)\s+(.*)$", line)
        if m and not NO_SERVICE.match(m.group(3)):
            out.add(f"{m.group(2)} {normal.text(m.group(3))}")
    return sorted(out)

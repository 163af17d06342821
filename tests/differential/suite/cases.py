"""Cases: a playbook with a comment header that says how it is run, and the files it needs.

A case is `cases/NAME.yml` or a folder `cases/NAME/` that holds a playbook.yml.  The header is the run of
comment lines of the form `# key: value` at the top of the playbook:

  about:  one sentence, what the case shows
  hosts:  names of the hosts in its inventory (default: h1)
  run:    arguments of one invocation, after any NAME=VALUE settings; repeated for several (default: one
          plain invocation); with `ansible` as the first word that command is run instead of the playbook
  again:  clean (default): the last invocation is repeated and may change nothing;
          same: it is repeated and only compared; no: it is not repeated
  order:  linear (default) or free: whether the sequence of task banners is compared
  needs:  web (the suite's HTTP server), packages (depends on the installed packages, so that its cached
          oracle is only good for the very same ones), live (depends on the machine or the date: never cached)
  expect: exit code of Ansible's first invocation (default 0)
  ignore: a pattern of paths left out of the comparison, and why, after a dash
  settles: a pattern of paths that the repeated run may still alter with both tools alike, and why, after a dash
  loose:  names of result fields whose values are not compared, and why, after a dash
  user:   the login (default root)
  variant: of the fleet's hosts: python (default) or systemd
  limit:  seconds that one invocation may take (default 180)

A role of others is a case as well: `roles/NAME.yml` says how it is run, or it is applied as it is. So is a playbook of
others, a folder with a site.yml: `roles/NAME.yml` is put beside it, and imports it.
"""
import fnmatch
import hashlib
import os
import re
import shlex
import shutil

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = os.path.join(ROOT, "cases")
SHARED = os.path.join(ROOT, "shared")
ROLES = os.path.join(ROOT, "roles")
KEYS = {"about", "hosts", "run", "again", "order", "needs", "expect", "ignore", "settles", "loose", "user", "variant", "limit"}


class CaseError(Exception):
    """A case is written wrongly."""


class Case:
    """One case, as its header describes it."""

    def __init__(self, name, path):
        self.name = name
        self.path = path
        self.playbook = path if path.endswith(".yml") else os.path.join(path, "playbook.yml")
        self.env = {}
        self._read_header()

    def _read_header(self):
        seen = {}
        with open(self.playbook, encoding="utf-8") as f:
            for line in f:
                m = re.match(r"# (\w+):(?: (.*))?$", line.rstrip("\n"))
                if m:
                    if m.group(1) not in KEYS:
                        raise CaseError(f"{self.name}: unknown header key {m.group(1)!r}")
                    seen.setdefault(m.group(1), []).append((m.group(2) or "").strip())
                elif not line.startswith("#"):
                    break
        one = lambda key, default: seen.get(key, [default])[-1]
        if "about" not in seen:
            raise CaseError(f"{self.name}: no 'about' line")
        self.about = one("about", "")
        self.hosts = one("hosts", "h1").split()
        self.runs = [Run(text) for text in seen.get("run", [""])]
        self.again = one("again", "clean")
        self.order = one("order", "linear")
        self.needs = set(" ".join(seen.get("needs", [])).split())
        if "collections" in self.needs and "ANSIBLE_COLLECTIONS_PATH" in os.environ:
            self.env = {"ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]}
        self.expect = int(one("expect", "0"))
        patterns = lambda key: [text.split(" - ")[0].strip() for text in seen.get(key, [])]
        self.ignore, self.settles = patterns("ignore"), patterns("settles")
        self.loose = set(" ".join(text.split(" - ")[0] for text in seen.get("loose", [])).split())
        self.user = one("user", "root")
        self.variant = one("variant", "python")
        self.limit = int(one("limit", "180"))
        if self.again not in ("clean", "same", "no") or self.order not in ("linear", "free"):
            raise CaseError(f"{self.name}: bad value of 'again' or 'order'")
        if self.again != "no":
            self.runs.append(self.runs[-1])

    def files(self):
        """Paths of everything the case consists of, relative to its working folder."""
        if self.path.endswith(".yml"):
            return {"playbook.yml": self.path}
        out = {}
        for top, dirs, names in os.walk(self.path):
            dirs.sort()
            for name in names:
                full = os.path.join(top, name)
                out[os.path.relpath(full, self.path)] = full
        return out

    def place(self, target):
        """Copy the case into the empty folder `target`, with the shared includes beside the playbook."""
        shutil.rmtree(target, ignore_errors=True)
        os.makedirs(target)
        for source in (SHARED, None):
            items = self.files() if source is None else {n: os.path.join(SHARED, n) for n in os.listdir(SHARED)}
            for rel, full in items.items():
                to = os.path.join(target, rel)
                os.makedirs(os.path.dirname(to), exist_ok=True)
                shutil.copy2(full, to, follow_symlinks=False)

    def digest(self):
        """Hash of all that decides what Ansible does with the case, its tools apart."""
        h = hashlib.sha256()
        items = dict(self.files())
        items.update({"shared/" + n: os.path.join(SHARED, n) for n in os.listdir(SHARED)})
        for rel in sorted(items):
            full = items[rel]
            body = os.readlink(full).encode() if os.path.islink(full) else open(full, "rb").read()
            mode = "x" if os.access(full, os.X_OK) else "-"
            h.update(f"{rel}\0{mode}\0{len(body)}\0".encode() + body)
        return h.hexdigest()


class Role(Case):
    """A role of others, in a folder of theirs; Ansible runs it each time."""

    def __init__(self, name, folder):
        own = os.path.join(ROLES, name + ".yml")
        super().__init__(name, own if os.path.exists(own) else os.path.join(ROLES, "plain.yml"))
        self.content = os.path.join(folder, name) if is_playbook(folder, name) else None
        self.needs.add("live")
        self.env = {"ANSIBLE_ROLES_PATH": folder, "ANSIBLE_TIMEOUT": "60"}  # packages being set up slow down a login, and sudo
        if "ANSIBLE_COLLECTIONS_PATH" in os.environ:
            self.env["ANSIBLE_COLLECTIONS_PATH"] = os.environ["ANSIBLE_COLLECTIONS_PATH"]

    def place(self, target):
        super().place(target)
        if self.content:
            shutil.copytree(self.content, target, symlinks=True, dirs_exist_ok=True)
        playbook = os.path.join(target, "playbook.yml")
        with open(playbook, encoding="utf-8") as f:
            text = f.read()
        with open(playbook, "w", encoding="utf-8") as f:
            f.write(text.replace("@role@", self.name))


class Run:
    """One invocation: environment settings and arguments."""

    def __init__(self, text):
        words = shlex.split(text)
        self.env = {}
        while words and re.match(r"[A-Z][A-Z0-9_]*=", words[0]):
            key, value = words.pop(0).split("=", 1)
            self.env[key] = value
        self.args = words


def load(pattern="*"):
    """All cases whose name matches one of the comma-separated patterns, by name."""
    found = []
    for entry in sorted(os.listdir(CASES)):
        full = os.path.join(CASES, entry)
        name = entry[:-4] if entry.endswith(".yml") else entry
        if not (entry.endswith(".yml") or os.path.exists(os.path.join(full, "playbook.yml"))):
            raise CaseError(f"{entry}: neither a .yml file nor a folder with a playbook.yml")
        if any(fnmatch.fnmatchcase(name, p) for p in pattern.split(",")):
            found.append(Case(name, full))
    return found


def is_playbook(folder, name):
    return os.path.exists(os.path.join(folder, name, "site.yml")) and not os.path.isdir(os.path.join(folder, name, "tasks"))


def load_roles(folder, pattern="*"):
    """The roles and playbooks in a folder whose name matches one of the comma-separated patterns, by name."""
    folder = os.path.abspath(folder)
    names = [n for n in sorted(os.listdir(folder)) if os.path.isdir(os.path.join(folder, n, "tasks")) or is_playbook(folder, n)]
    if not names:
        raise CaseError(f"{folder}: no folder in it has a folder 'tasks', or a site.yml")
    return [Role(n, folder) for n in names if any(fnmatch.fnmatchcase(n, p) for p in pattern.split(","))]

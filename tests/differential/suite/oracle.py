"""Ansible's outcomes, kept as files so that most checks need not run Ansible again."""
import functools
import hashlib
import json
import os
import subprocess

from . import cases, side

FOLDER = os.path.join(cases.ROOT, "oracle")
FORMAT = 3               # raise when what is recorded or normalised changes


class Oracle:
    """The cache; a stored outcome counts only for the same case and Ansible.

    It also carries the recipe of the hosts it was made on.  Most changes of the recipe change no outcome, so
    an older one is still believed when andon agrees with it, and made anew when it does not."""

    def __init__(self, rootfs, recipe):
        self.ansible = ansible_version()
        self.recipe = recipe[:16]
        self.rootfs = functools.lru_cache(rootfs)

    def key(self, case):
        parts = [str(FORMAT), self.ansible, case.digest()]
        if "packages" in case.needs:
            parts.append(digest_of(os.path.join(self.rootfs(case.variant), "var/lib/dpkg/status")))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    def load(self, case):
        """(the stored outcome or None where there is none that counts, whether these very hosts made it)."""
        if "live" in case.needs:
            return None, False
        try:
            with open(path_of(case), encoding="utf-8") as f:
                stored = json.load(f)
        except (FileNotFoundError, ValueError):
            return None, False
        if stored.get("key") != self.key(case):
            return None, False
        return unpack(stored["outcome"]), stored.get("recipe") == self.recipe

    def store(self, case, outcome):
        if "live" in case.needs:
            return
        os.makedirs(FOLDER, exist_ok=True)
        body = {"key": self.key(case), "ansible": self.ansible, "recipe": self.recipe, "outcome": pack(outcome)}
        with open(path_of(case) + ".new", "w", encoding="utf-8", errors="backslashreplace") as f:
            json.dump(body, f, ensure_ascii=False, indent=1, sort_keys=True)
            f.write("\n")
        os.rename(path_of(case) + ".new", path_of(case))


def pack(outcome):
    """Without what can be computed again, and states given as changes to the run before."""
    runs, before = [], None
    for run in outcome["runs"]:
        kept = {k: v for k, v in run.items() if k not in ("events", "recap", "seconds")}
        if before is not None and run["state"] == before:
            kept["state"] = "as before"
        before = run["state"]
        runs.append(kept)
    return {"runs": runs}


def unpack(packed):
    before = None
    for run in packed["runs"]:
        if run["state"] == "as before":
            run["state"] = before
        before = run["state"]
        side.with_events(run)
    return packed


def path_of(case):
    return os.path.join(FOLDER, case.name + ".json")


def ansible_version():
    out = subprocess.run(["ansible-playbook", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return out.splitlines()[0]


def digest_of(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()

#!/usr/bin/env python3
"""Runs the same module calls through Ansible and through the helper, each on a host of its own, and compares the
results and, at the end of a case, what was changed on the host.

modules.py [-v] [--record] [CASE..]   (cases whose name contains one of the words; all without)

Cases are in cases_*.py beside this file: a dict of name to list of steps. A step is a shell line (set-up, run on
both hosts) or a dict: module, args, check, diff, ignore (fields of the result not compared), unordered (lists compared
without their order), ansible_module (where Ansible has it in a collection, or its action plugin would pick another one).

What Ansible's collections did is stored in recorded/: where they are not installed, that counts instead. --record runs
Ansible for those cases and stores it anew.
"""
import glob
import importlib.util
import json
import os
import sys

import hosts

# Times and what Ansible adds for its own debugging.
IGNORE = {"start", "end", "delta", "invocation", "exception", "deprecations", "_ansible_no_log", "module_stderr"}
# Logs, caches and lock files that the host's own tools write when they like.
VOLATILE = ("/var/log", "/var/cache", "/var/lib/apt", "/run", "/opt/oracle", "/root/.ansible", "/var/backups", "/tmp",
            "/var/lib/dpkg", "/etc/.pwd.lock", "/var/lib/systemd")


def load_cases():
    cases = {}
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(here, "cases_*.py"))):
        spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        cases.update(module.CASES)
    if not os.environ.get("ANDON_ORACLE_NET"):  # cases that install from a real archive
        cases = {n: s for n, s in cases.items() if not n.startswith("net ")}
    if not os.environ.get("ANDON_ROOTFS"):  # cases that need programs the fleet's hosts lack
        cases = {n: s for n, s in cases.items() if not n.startswith("with ")}
    return cases


def ansible_name(step):
    """Ansible's name of the module of a step; None for a shell line."""
    return step.get("ansible_module", step.get("module")) if isinstance(step, dict) else None


def is_of_collection(steps):
    return any("." in (ansible_name(step) or "") for step in steps)


def record_path(name):
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded", name.replace(" ", "-") + ".json")


class Recorder:
    """Ansible's host, which remembers what was done on it."""

    def __init__(self):
        self.host, self.results, self.kept = hosts.Host(), [], {}
        self.shell, self.close = self.host.shell, self.host.close

    def ansible(self, *args):
        result = self.host.ansible(*args)
        for key in IGNORE:
            result.pop(key, None)
        self.results.append(result)
        return result

    def files(self, ignore):
        self.kept = self.host.files(ignore)
        return self.kept

    def store(self, name):
        files = {p: list(v[:3]) + [v[3].decode("latin-1") if isinstance(v[3], bytes) else v[3], isinstance(v[3], bytes)]
                 for p, v in self.kept.items()}
        os.makedirs(os.path.dirname(record_path(name)), exist_ok=True)
        with open(record_path(name), "w", encoding="utf-8") as f:
            json.dump({"results": self.results, "files": files}, f, indent=1, sort_keys=True)
            f.write("\n")


class Recorded:
    """What Recorder stored, in the place of a host."""

    def __init__(self, name):
        with open(record_path(name), encoding="utf-8") as f:
            stored = json.load(f)
        self.results = iter(stored["results"])
        self.kept = {p: tuple(v[:3]) + (v[3].encode("latin-1") if v[4] else v[3],) for p, v in stored["files"].items()}

    def shell(self, line):
        pass

    def close(self):
        pass

    def ansible(self, *args):
        return dict(next(self.results))

    def files(self, ignore):
        return self.kept


def their_host(name, steps):
    if not is_of_collection(steps) or name.startswith("with "):
        return hosts.Host()
    return Recorder() if "--record" in sys.argv else Recorded(name)


def compared(result, ignore):
    out = {k: v for k, v in result.items() if k not in IGNORE and k not in ignore}
    if out.get("changed") is False:  # what Ansible says where the module does not
        del out["changed"]
    if out.get("warnings") == []:
        del out["warnings"]
    return out


def run_step(step, theirs, ours):
    """Lines that tell how the results differ."""
    args, check, diff = step.get("args", {}), step.get("check", False), step.get("diff", False)
    extra = dict(args, **step.get("ansible_args", {}))
    for name in step.get("without", []):
        extra.pop(name, None)
    a = theirs.ansible(ansible_name(step), extra, check, diff)
    b = ours.andon(step["module"], args, check, diff)
    ignore = set(step.get("ignore", []))
    x, y = compared(a, ignore), compared(b, ignore)
    if "failed" in x and "failed" not in y or x.get("failed") != y.get("failed"):
        yield "failed: %s / %s" % (json.dumps(a)[:1500], json.dumps(b)[:1500])
        return
    for key in step.get("unordered", []):  # lists whose order Ansible leaves to chance
        for result in (x, y):
            if isinstance(result.get(key), list):
                result[key].sort(key=json.dumps)
    for key in sorted(set(x) | set(y)):
        if x.get(key, "(none)") != y.get(key, "(none)"):
            yield "%s:\n      ansible %.1500s\n      andon   %.1500s" % (
                key, json.dumps(x.get(key, "(none)")), json.dumps(y.get(key, "(none)")))


def run_case(name, steps, verbose):
    theirs, ours, bad = their_host(name, steps), hosts.Host(), []
    try:
        for i, step in enumerate(steps):
            if isinstance(step, str):
                theirs.shell(step)
                ours.shell(step)
                continue
            if "files" in step:
                continue
            lines = list(run_step(step, theirs, ours))
            if lines:
                bad.append("  step %d %s %s" % (i, step["module"], json.dumps(step.get("args", {}))))
                bad.extend("    " + line for line in lines)
        options = next((s for s in steps if isinstance(s, dict) and "files" in s), {"files": []})
        ignore = VOLATILE + tuple(options["files"])
        x, y = theirs.files(ignore), ours.files(ignore)
        for path in sorted(set(x) | set(y)):
            if x.get(path) != y.get(path):
                bad.append("  file %s:\n      ansible %.1500s\n      andon   %.1500s" % (path, x.get(path), y.get(path)))
        if isinstance(theirs, Recorder):
            theirs.store(name)
    finally:
        theirs.close()
        ours.close()
    print("%s %s" % ("not ok" if bad else "ok", name), flush=True)
    if bad or verbose:
        print("\n".join(bad), flush=True)
    return not bad


def main():
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    cases = {n: s for n, s in load_cases().items() if not words or any(w in n for w in words)}
    if "--record" in sys.argv and not hosts.collections_folder():
        sys.exit("the collections are not installed: apt-get install ansible, or set ANSIBLE_COLLECTIONS_PATH")
    passed = sum(run_case(n, s, "-v" in sys.argv) for n, s in cases.items())
    print("%d passed, %d failed" % (passed, len(cases) - passed))
    return 0 if passed == len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())

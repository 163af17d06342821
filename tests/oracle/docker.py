#!/usr/bin/env python3
"""Runs calls of the docker_* modules through Ansible's and through the helper's, against a real dockerd, and compares
the results, what the daemon then says of the container, network, volume or image included.

docker.py [-v] [CASE..]   (cases of cases_docker.py whose name contains one of the words; all without)

Ansible runs a case first; then everything is removed and andon runs it. Needs root, dockerd with containerd and runc,
docker's command line, a static busybox, python3-requests, and community.docker (ANSIBLE_COLLECTIONS_PATH, or Debian's
package ansible). The daemon and its containers have name spaces of their own. ANDON_DOCKER names a folder with the
files of the packages docker.io, containerd, runc, tini, busybox-static and python3-requests (with what it needs) where
they are not installed.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import hosts
from cases_docker import DOCKER_CASES

TREE = os.environ.get("ANDON_DOCKER", "")
IGNORE = {"invocation", "deprecations", "exception"}
ID = re.compile(r"[0-9a-f]{64}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*(Z|[+-]\d\d:\d\d)")
# Of a container or network: what differs from one to the next.
PASSING = {"Pid", "Hostname", "HostnamePath", "HostsPath", "LogPath", "ResolvConfPath", "SandboxID", "SandboxKey",
           "MacAddress", "EndpointID", "Created", "StartedAt", "FinishedAt", "GraphDriver", "LastTagTime", "CreatedAt",
           "Mountpoint", "RepoDigests", "IPv4Address"}

BOOT = r"""
set -eu
dir=$1; shift
ip link set lo up
mount -t tmpfs tmpfs "$dir/data"
echo ready
exec "$@" --data-root "$dir/data/root" --exec-root "$dir/data/exec" --pidfile "$dir/data/pid" -H "unix://$dir/docker.sock" \
    --storage-driver vfs --iptables=false --ip6tables=false --ip-masq=false --bridge=none --userland-proxy=false \
    --insecure-registry 127.0.0.1 >"$dir/log" 2>&1
"""


def program(name):
    for folder in ("usr/sbin", "usr/bin", "sbin", "bin"):
        path = os.path.join(TREE or "/", folder, name)
        if os.path.exists(path):
            return path
    return name


class Daemon:
    """A dockerd of our own, and both kinds of clients."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="andon-docker-")
        os.mkdir(os.path.join(self.dir, "data"))
        self.socket = os.path.join(self.dir, "docker.sock")
        self.env = dict(os.environ, DOCKER_HOST="unix://" + self.socket, HOME=os.path.join(self.dir, "home"),
                        PYTHONPATH=os.path.dirname(hosts.collections_folder()))
        os.mkdir(self.env["HOME"])
        if TREE:
            self.env["PATH"] = ":".join(os.path.join(TREE, p) for p in ("usr/sbin", "usr/bin")) + ":" + self.env["PATH"]
            self.env["LD_LIBRARY_PATH"] = os.path.join(TREE, "usr/lib/x86_64-linux-gnu")
            self.env["PYTHONPATH"] += ":" + os.path.join(TREE, "usr/lib/python3/dist-packages")
        self.daemon = subprocess.Popen(["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child",
                                        "--propagation", "private", "bash", "-c", BOOT, "boot", self.dir,
                                        program("dockerd")], env=self.env, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, text=True)
        self.daemon.stdout.readline()
        for _ in range(300):
            if subprocess.run([program("docker"), "version"], env=self.env, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.1)
        else:
            with open(os.path.join(self.dir, "log"), encoding="utf-8") as f:
                sys.exit("dockerd did not come up:\n" + f.read()[-2000:])
        self.make_images()

    def docker(self, *args, stdin=None):
        p = subprocess.run([program("docker"), *args], env=self.env, input=stdin, capture_output=True, check=False)
        if p.returncode:
            sys.exit("docker %s: %s" % (" ".join(args), p.stderr.decode()))
        return p.stdout.decode()

    def make_images(self):
        """Images of a busybox: no registry is needed."""
        tree = os.path.join(self.dir, "image", "bin")
        os.makedirs(tree)
        shutil.copy(program("busybox"), tree)
        for name in ("sh", "sleep", "cat", "echo", "true", "env", "sort"):
            os.symlink("busybox", os.path.join(tree, name))
        tar = subprocess.run(["tar", "-C", os.path.dirname(tree), "-c", "."], capture_output=True, check=True).stdout
        changes = ["CMD [\"/bin/sleep\",\"1000\"]", "ENV PATH=/bin", "ENV FROM=image", "LABEL maker=us", "EXPOSE 80",
                   "VOLUME /data"]
        self.docker("import", *[w for c in changes[:2] for w in ("-c", c)], "-", "base:1", stdin=tar)
        self.docker("import", *[w for c in changes for w in ("-c", c)], "-", "rich:1", stdin=tar)

    def shell(self, line):
        p = subprocess.run(["sh", "-euc", line], env=dict(self.env, DIR=self.dir), capture_output=True, text=True, check=False)
        if p.returncode:
            sys.exit("set-up failed: %s\n%s%s" % (line, p.stdout, p.stderr))

    def clear(self):
        """Everything but the two images goes."""
        for network in self.docker("network", "ls", "-q", "--filter", "type=custom").split():
            for container in self.docker("ps", "-aq").split():  # a failed start leaves its connection
                subprocess.run([program("docker"), "network", "disconnect", "-f", network, container], env=self.env,
                               capture_output=True, check=False)
        for kind, command in (("ps -aq", "rm -fv"), ("network ls -q --filter type=custom", "network rm"), ("volume ls -q", "volume rm")):
            found = self.docker(*kind.split()).split()
            if found:
                self.docker(*command.split(), *found)
        keep = ("base:1", "rich:1")
        for name in self.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
            if name not in keep and "<none>" not in name:
                self.docker("rmi", "-f", name)
        shutil.rmtree(os.path.join(self.dir, "work"), ignore_errors=True)
        shutil.rmtree(os.path.join(self.env["HOME"], ".docker"), ignore_errors=True)
        os.mkdir(os.path.join(self.dir, "work"))

    def run(self, who, step):
        args = json.loads(json.dumps(step.get("args", {})).replace("$DIR", self.dir))
        check, diff = step.get("check", False), step.get("diff", True)
        if who == "ansible":
            args.update(_ansible_check_mode=check, _ansible_diff=diff, _ansible_remote_tmp=self.dir)
            argv = ["/usr/bin/python3", "-W", "ignore", "-m", hosts.python_name("community.docker." + step["module"])]
            stdin = json.dumps({"ANSIBLE_MODULE_ARGS": args})
        else:
            argv = [hosts.NODE, "run", step["module"]] + ["--check"] * check + ["--diff"] * diff
            stdin = json.dumps(args)
        p = subprocess.run(argv, env=self.env, input=stdin, capture_output=True, text=True, timeout=600, check=False)
        return hosts.result_of(p)

    def close(self):
        self.daemon.kill()  # unshare ignores SIGTERM; its child goes with it
        self.daemon.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def offset(m):
    """An address in one of the networks that Docker gives out, without which: 172.17.0.0/16 and so on, then 192.168.0.0/20 and so on."""
    return "NET.%d.%s" % (int(m[2]) % (16 if m[1] == "192.168" else 256), m[3])


def normal(v):
    if isinstance(v, dict):
        return {ID.sub(v[k].get("Name", "ID") if isinstance(v[k], dict) else "ID", k): "*" if k in PASSING and v[k] not in ("", None) else normal(v[k])
                for k in v if not (k == "differences" and isinstance(v[k], list))}
    if isinstance(v, list):
        items = [normal(i) for i in v]
        return sorted(items, key=json.dumps)
    if isinstance(v, str):
        v = re.sub(r"\b(172\.\d+|192\.168)\.(\d+)\.(\d+)(/(16|20))?\b", offset, v)
        return re.sub(r"\bID[0-9]*\b|\b[0-9a-f]{12}\b", "ID", TIME.sub("TIME", ID.sub("ID", v)))
    return v


def compared(result, step):
    ignore = IGNORE.union(step.get("ignore", []))
    out = {k: normal(v) for k, v in result.items() if k not in ignore}
    if out.get("changed") is False:
        del out["changed"]
    return out


def differences(x, y, at=""):
    """Lines on where two results differ."""
    if isinstance(x, dict) and isinstance(y, dict):
        for key in sorted(set(x) | set(y)):
            yield from differences(x.get(key, "(none)"), y.get(key, "(none)"), at + "." + key)
    elif x != y:
        yield "    %s\n      ansible %.1200s\n      andon   %.1200s" % (at[1:], json.dumps(x), json.dumps(y))


def run_steps(daemon, who, steps):
    daemon.clear()
    results = []
    for step in steps:
        if isinstance(step, str):
            daemon.shell(step)
        else:
            results.append(daemon.run(who, step))
    return results


def run_case(daemon, name, steps, verbose):
    theirs, ours = run_steps(daemon, "ansible", steps), run_steps(daemon, "andon", steps)
    bad = []
    calls = [s for s in steps if not isinstance(s, str)]
    for i, (step, a, b) in enumerate(zip(calls, theirs, ours)):
        lines = list(differences(compared(a, step), compared(b, step)))
        if lines:
            bad += ["  call %d %s %s" % (i, step["module"], json.dumps(step.get("args", {})))] + lines
        if "changed" in step and a.get("changed", False) != step["changed"]:
            bad.append("  call %d: Ansible's changed is not %s: %s" % (i, step["changed"], json.dumps(a)[:600]))
        if verbose:
            print("   ", step["module"], json.dumps(compared(b, step))[:1500])
    print("%s %s" % ("not ok" if bad else "ok", name), flush=True)
    if bad:
        print("\n".join(bad), flush=True)
    return not bad


def main():
    if not hosts.collections_folder():
        sys.exit("community.docker is not installed: apt-get install ansible, or set ANSIBLE_COLLECTIONS_PATH")
    words = [w for w in sys.argv[1:] if not w.startswith("-")]
    cases = {n: s for n, s in DOCKER_CASES.items() if not words or any(w in n for w in words)}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    daemon = Daemon()
    try:
        passed = sum(run_case(daemon, n, s, "-v" in sys.argv) for n, s in cases.items())
    finally:
        daemon.close()
    print("%d passed, %d failed" % (passed, len(cases) - passed))
    return 0 if passed == len(cases) else 1


if __name__ == "__main__":
    sys.exit(main())

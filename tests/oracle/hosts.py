"""Throw-away hosts for comparing modules: a copy-on-write view of a Debian root file system, with name spaces of
its own and a pid 1 that only waits. Needs root, and ansible-core on this machine."""
import atexit
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NODE = os.environ.get("ANDON_NODE", os.path.join(TOP, "build", "andon-node"))

# Becomes pid 1 of a host: mounts the view, enters it and waits. The name spaces live as long as this does.
BOOT = r"""
set -eu
low=$1 dir=$2 ansible=$3 node=$4 collections=$5
mount -t overlay overlay -o "lowerdir=$low,upperdir=$dir/up,workdir=$dir/work" "$dir/root"
hostname h0001
ip link set lo up
mkdir -p "$dir/root/opt/oracle/ansible"; touch "$dir/root/opt/oracle/andon-node"
mount --bind "$ansible" "$dir/root/opt/oracle/ansible"
mount --bind "$node" "$dir/root/opt/oracle/andon-node"
[ -z "$collections" ] || { mkdir "$dir/root/opt/oracle/ansible_collections"; mount --bind "$collections" "$dir/root/opt/oracle/ansible_collections"; }
[ -z "${ANDON_ORACLE_NET:-}" ] || mount --bind /etc/resolv.conf "$dir/root/etc/resolv.conf"
mount -t proc proc "$dir/root/proc"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$dir/root/dev/pts"
mount --rbind /sys "$dir/root/sys"
cd "$dir/root"
exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin bash -c 'echo up; while :; do sleep 1000 & wait $!; done'
"""
ENVIRONMENT = ["env", "-C", "/", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
               "USER=root", "LOGNAME=root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "PYTHONPATH=/opt/oracle"]


def rootfs():
    """The root file system of the hosts: $ANDON_ROOTFS, or what the fleet built."""
    given = os.environ.get("ANDON_ROOTFS")
    if given:
        return given
    base = os.environ.get("ANDON_FLEET_DIR", "/var/tmp/andon-fleet")
    found = [p for p in glob.glob(os.path.join(base, "rootfs", "*")) if os.path.exists(p + "/usr/bin/python3")
             and not os.path.exists(p + "/usr/bin/systemctl")]
    if found:
        return max(found, key=os.path.getmtime)
    sys.exit("no root file system: run tests/fleet/fleet build, or set ANDON_ROOTFS")


def ansible_folder():
    """Where ansible-core is installed, for whichever Python."""
    for base in sys.path + sorted(glob.glob("/usr/lib/python3*/dist-packages")):
        if os.path.isdir(os.path.join(base, "ansible", "modules")):
            return os.path.join(base, "ansible")
    sys.exit("ansible-core is not installed")


def collections_folder():
    """Where ansible_collections is: in a folder of ANSIBLE_COLLECTIONS_PATH, or Debian's package ansible; "" for nowhere."""
    given = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(":")
    for base in [g for g in given if g] + sys.path + sorted(glob.glob("/usr/lib/python3*/dist-packages")):
        if os.path.isdir(os.path.join(base, "ansible_collections", "ansible", "posix")):
            return os.path.join(base, "ansible_collections")
    return ""


def python_name(module):
    """The Python module behind apt or community.general.ini_file."""
    parts = module.split(".")
    if len(parts) == 3:
        return "ansible_collections.%s.%s.plugins.modules.%s" % tuple(parts)
    return "ansible.modules." + module


class Host:
    """One view; what commands change stays in it until close()."""

    def __init__(self, own_network=True):
        self.dir = tempfile.mkdtemp(prefix="andon-oracle-", dir=os.environ.get("ANDON_ORACLE_TMP", "/dev/shm"))
        for name in ("up", "work", "root"):
            os.mkdir(os.path.join(self.dir, name))
        own_network = own_network and not os.environ.get("ANDON_ORACLE_NET")
        self.boot = subprocess.Popen(["unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child"] +
                                     ["--net"] * own_network + [ "--propagation", "private", "bash", "-c", BOOT, "boot", rootfs(),
                                      self.dir, ansible_folder(), NODE, collections_folder()], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, text=True)
        atexit.register(self.close)  # also when a script ends early
        if self.boot.stdout.readline() != "up\n":
            sys.exit("a host did not come up")
        with open("/proc/%d/task/%d/children" % (self.boot.pid, self.boot.pid), encoding="ascii") as f:
            self.init = f.read().split()[0]

    def run(self, argv, stdin="", timeout=300):
        cmd = ["nsenter", "-t", self.init, "-m", "-p", "-u", "-i", "-n", "-r", "--"] + ENVIRONMENT + argv
        return subprocess.run(cmd, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)

    def shell(self, line):
        p = self.run(["sh", "-c", line])
        if p.returncode:
            sys.exit("set-up failed: %s\n%s%s" % (line, p.stdout, p.stderr))

    def ansible(self, module, args, check=False, diff=False):
        args = dict(args, _ansible_check_mode=check, _ansible_diff=diff)
        p = self.run(["python3", "-W", "ignore", "-m", python_name(module)],
                     json.dumps({"ANSIBLE_MODULE_ARGS": args}))
        return result_of(p)

    def andon(self, module, args, check=False, diff=False):
        argv = ["/opt/oracle/andon-node", "run", module] + ["--check"] * check + ["--diff"] * diff
        return result_of(self.run(argv, json.dumps(args)))

    def files(self, ignore):
        """What was changed in the view: path to (type, mode, owner, size or content)."""
        up, found = os.path.join(self.dir, "up"), {}
        for base, dirs, names in os.walk(up):
            for name in dirs + names:
                path = os.path.join(base, name)
                shown = path[len(up):]
                if any(shown.startswith(i) for i in ignore):
                    continue
                st = os.lstat(path)
                content = None
                if os.path.islink(path):
                    content = os.readlink(path)
                elif os.path.isfile(path):
                    with open(path, "rb") as f:
                        content = f.read()
                if os.path.isdir(path) and not os.path.islink(path):
                    continue
                found[shown] = (oct(st.st_mode), st.st_uid, st.st_gid, content)
        return found

    def close(self):
        self.boot.kill()
        self.boot.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def result_of(p):
    for line in reversed(p.stdout.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    return {"no result": True, "rc": p.returncode, "stdout": p.stdout, "stderr": p.stderr[-2000:]}

"""What the bench runs on: its name for the report, processor time of groups and of the whole machine."""
import os
import platform
import time

HZ = os.sysconf("SC_CLK_TCK")
GROUP_PARENTS = ["/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup", "/sys/fs/cgroup/unified"]


def describe():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
                 platform.processor() or platform.machine())
    memory = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    return f"{model}, {os.cpu_count()} cores, {memory / 2**20:.0f} GiB, Linux {platform.release()}"


class Group:
    """A control group: knows its processes and the processor time they used. Path None: knows nothing."""

    def __init__(self, path):
        self.path = path

    @classmethod
    def make(cls, name):
        for parent in GROUP_PARENTS:
            if os.path.exists(f"{parent}/cgroup.procs"):
                try:
                    os.makedirs(f"{parent}/{name}", exist_ok=True)
                    return cls(f"{parent}/{name}")
                except OSError:
                    continue
        return cls(None)

    def join(self):
        if self.path:
            with open(f"{self.path}/cgroup.procs", "w") as f:
                f.write(str(os.getpid()))

    def pids(self):
        if not self.path:
            return []
        with open(f"{self.path}/cgroup.procs") as f:
            return [int(p) for p in f.read().split()]

    def seconds(self):
        """Processor seconds used so far by everything that ever was in the group; nan when unknown."""
        if not self.path:
            return float("nan")
        try:
            with open(f"{self.path}/cpuacct.usage") as f:
                return int(f.read()) / 1e9
        except OSError:
            pass
        try:
            with open(f"{self.path}/cpu.stat") as f:
                return next(int(line.split()[1]) for line in f if line.startswith("usage_usec")) / 1e6
        except (OSError, StopIteration):
            return float("nan")

    def clear(self):
        """Ends what a run left behind, such as ssh masters: politely first."""
        for attempt in range(200):
            left = self.pids()
            if not left:
                return
            for pid in left:
                try:
                    os.kill(pid, 15 if attempt == 0 else 9)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)

    def remove(self):
        self.clear()
        if self.path:
            os.rmdir(self.path)


def busy_seconds():
    """Processor seconds the whole machine has spent on anything but idling."""
    with open("/proc/stat") as f:
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / HZ


def wait_until_quiet(groups, seconds, limit=0.12):
    """Waits, for at most `seconds`, until others use less than `limit` of one core for 3 s in a row."""
    calm, end = 0, time.monotonic() + seconds
    while calm < 3 and time.monotonic() < end:
        before, ours = busy_seconds(), sum(g.seconds() for g in groups)
        time.sleep(1)
        others = busy_seconds() - before - (sum(g.seconds() for g in groups) - ours)
        calm = calm + 1 if not others > limit else 0


def memory_mib(pids):
    """Sum of the proportional set sizes."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return total / 1024


def peak_rss_mib(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024
    except (OSError, StopIteration):
        return 0.0

"""What differs between two runs of the very same thing: noise in texts, results and trees."""
import fnmatch
import re

ANY = "@any@"            # equals everything, and absence

# Paths (patterns, relative to the host's root) that say nothing about what a playbook did.
NOISE_PATHS = [
    # the tools' own
    "root/.ansible*", "home/*/.ansible*", "var/tmp/.ansible*", "root/.cache/andon*", "home/*/.cache/andon*",
    "root/.cache", "home/*/.cache", "tmp/ansible_*", "tmp/.ansible*", "var/lib/andon", "var/lib/andon/*",
    # logs and logins
    "var/log/*", "run/utmp", "var/lib/sudo/*", "run/sudo", "run/sudo/*", "run/lock", "run/motd*", "run/mount",
    "run/mount/*", "root/.bash_history", "var/log",
    # services that systemd starts on demand, and lets end when nobody asks them any more
    "tmp/systemd-private-*", "var/tmp/systemd-private-*",
    # sshd and boot
    "run/sshd*", "run/initctl", "run/runlevel", "run", "etc/mtab", "run/xtables.lock",
    "etc/machine-id", "etc/ssh/ssh_host_*",
    # what andon undo needs, and the record of it
    "home/*/.local", "home/*/.local/state", "*/.local/state/andon*",
    # old copies and locks of the account tools
    "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-", "etc/subuid-", "etc/subgid-", "etc/.pwd.lock",
    # caches
    "var/cache/apt/*.bin", "var/cache/ldconfig/*", "etc/ld.so.cache", "*/__pycache__*", "var/cache/man/*",
    "var/lib/dpkg/*-old", "var/lib/dpkg/lock*", "var/lib/dpkg/triggers/Lock", "var/lib/apt/lists/lock",
    "var/cache/apt/archives/lock", "var/lib/apt/extended_states.*", "var/cache/debconf/*-old",
    "var/lib/apt/periodic/*", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial",
    "var/lib/apt/daily_lock", "tmp/crontab*", "var/lib/logrotate/*",
]
# Result fields that no two runs share.
NOISE_FIELDS = {"start", "end", "delta", "atime", "mtime", "ctime", "inode", "device_type", "dev", "elapsed",
                "ansible_job_id", "results_file", "pid", "_ansible_no_log", "invocation", "cache_update_time", "exception"}

NOISE_IN_JSON = re.compile(r'("(?:' + "|".join(sorted(NOISE_FIELDS)) + r')": )("[^"]*"|[-\d.]+)')

TEXT_RULES = [
    (re.compile(r"(/root|/home/\w+|~\w*|/var/tmp|@home@)/\.ansible/tmp/[^\s'\":;\\]*"), "@tmp@"),
    (re.compile(r"(/tmp|/var/tmp)/ansible-tmp-[^\s'\":;\\]*"), "@tmp@"),
    (re.compile(r"(/tmp|/var/tmp)/\.andon_tmp_\w+"), "@tmp@"),
    (re.compile(r"\(ansible\.legacy\.(\w+)\)"), r"(\1)"),
    (re.compile(r"\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~"), ".@pid@.@time@~"),
    (re.compile(r"(?<=/)ansible\.[A-Za-z0-9_]{6,8}(?!\w)"), "ansible.@random@"),
    (re.compile(r"ansible_\w+_payload_\w+"), "@payload@"),
    (re.compile(r"__omit_place_holder__[0-9a-f]{40}"), "@omit@"),
    (re.compile(r"(?<=Valid booleans include: )[^\n\"]*"), "@set@"),
    (re.compile(r"^# \((/tmp/\S+|@tmp@) installed on .*\)$", re.M), "# (@tmp@ installed on @time@)"),
    (re.compile(r"^An exception occurred during task execution\. To see the full traceback.*\n", re.M), ""),
    (re.compile(r"(?<=# Updated by Ansible - )[-\d:T.]+"), "@time@"),  # pamd
    # the temporary file that Ansible puts a copy's content or a rendered template in; andon has none
    (re.compile(r"^(\+\+\+ after: )(@tmp@|@case@/\S*templates/\S+)?$", re.M), r"\1@source@"),
]


class Normaliser:
    """Texts with the lane's own names in them, made comparable."""

    def __init__(self, lane, case):
        self.swaps = [(lane.case_dir, "@case@"), (lane.home, "@home@"), (lane.dir, "@lane@"),
                      (lane.fleet.dir, "@fleet@"), (lane.fleet.public_key(), "@key@")]
        self.addresses = [(re.compile(r"(?<![\d.])" + re.escape(a) + r"(?![\d])"), p)
                          for a, p in lane.addresses(case.hosts)]
        self.ignore = NOISE_PATHS + case.ignore

    def text(self, text):
        for old, new in self.swaps:
            text = text.replace(old, new)
        for pattern, new in self.addresses:
            text = pattern.sub(new, text)
        for pattern, new in TEXT_RULES:
            text = pattern.sub(new, text)
        return text

    def noise(self, path):
        """Whether the path (relative to the root) is left out of the comparison."""
        return any(fnmatch.fnmatchcase(path, p) for p in self.ignore)


def result(value):
    """A result (parsed JSON, its texts normalised) without what changes from run to run."""
    if isinstance(value, dict):
        kept = {k: field(k, v) for k, v in value.items() if k not in NOISE_FIELDS}
        return {k: v for k, v in kept.items() if not (k == "warnings" and v == [])}
    if isinstance(value, list):
        return [result(v) for v in value]
    return value


def field(key, value):
    # where a file was parked on its way to the host is nobody's business
    if key in ("src", "source") and isinstance(value, str) and value.startswith("@tmp@"):
        return ANY
    # that a folder of Ansible's own had to be made, or could not be
    if key == "warnings" and isinstance(value, list):
        return [w for w in value if not str(w).startswith(("Module remote_tmp ", "Unable to use /nonexistent/.ansible"))]
    # whether it went through a terminal
    if key == "module_stdout" and isinstance(value, str):
        return value.replace("\r\n", "\n")
    # a message is compared up to the place where Ansible starts to quote the source
    if key == "msg" and isinstance(value, str):
        return re.split(r"\n*The error appears to be in ", value)[0]
    return result(value)


def scrub(text):
    """Printed JSON with the values of fields that change from run to run blotted out."""
    return NOISE_IN_JSON.sub(r'\1"@"', text)

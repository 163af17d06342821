"""Cases for apt and package that need no network: what is installed, what is not there, removal."""


def apt(**args):
    step = {"module": "apt", "args": args}
    for key in ("check", "diff"):
        if key in args:
            step[key] = args.pop(key)
    return step


CASES = {
    "apt no change": [
        apt(name="nginx-light"),
        apt(name=["nginx-light", "cron", "sudo"], state="present"),
        apt(name="nginx-light,cron"),
        apt(pkg="libc6:amd64"),
        apt(name="nonesuch", state="absent"),
        apt(name="nonesuch", state="absent", purge=True),
        apt(name="mail-transport-agent", state="absent"),
        apt(name="coreutils", check=True),
        apt(name="coreutils>=1.0"),
        apt(name="base-files", update_cache=True, cache_valid_time=999999999),
        apt(update_cache=True, cache_valid_time=999999999),
        apt(name="coreutils", state="latest"),
    ],
    "apt failures": [
        apt(name="nonesuch"),
        apt(name="nonesuch", state="latest"),
        apt(name="nonesuch*"),
        apt(name="coreutils=0.0.1"),
        apt(name="coreutils>=99"),
        apt(name="a=b=c"),
        apt(name=["*", "cron"], state="latest"),
        apt(deb="/nonesuch.deb", state="absent"),
    ],
    "apt remove": [
        apt(name="unzip", state="absent", check=True, diff=True),
        apt(name="unzip", state="absent", diff=True),
        apt(name="unzip", state="absent"),
        apt(name=["logro*", "file"], state="absent"),
        apt(name="logrotate", state="absent", purge=True),
        apt(name="logrotate", state="absent", purge=True),
        apt(autoremove=True),
        apt(autoclean=True),
        apt(clean=True),
    ],
    "apt upgrade nothing": [
        apt(upgrade="dist"),
        apt(upgrade="yes", check=True),
        apt(name="*", state="latest"),
    ],
    "net apt install": [
        apt(update_cache=True),
        apt(name="hello", check=True, diff=True),
        apt(name="hello", diff=True),
        apt(name="hello"),
        apt(name="hello=2.10*"),
        apt(name="hello", state="latest"),
        apt(name=["tree", "hello"], install_recommends=False),
        apt(name="mail-transport-agent", check=True),
        apt(name="awk"),
        apt(name="tree=99"),
        apt(name="hell?", check=True),
        "apt-mark auto hello",
        apt(name="hello"),
        "apt-mark showmanual | grep -q hello",
        apt(name="hello", state="absent", purge=True),
        "cd /root && apt-get download cowsay 2>/dev/null; mv cowsay*.deb c.deb",
        apt(deb="/root/c.deb", diff=True),
        apt(deb="/root/c.deb"),
        apt(name="cowsay", state="absent", autoremove=True),
        apt(name="hello", only_upgrade=True),
        apt(name="nginx-light", state="build-dep", check=True),
        apt(name="cron", policy_rc_d=101, state="latest"),
        {"module": "package", "ansible_module": "apt", "args": {"name": "hello", "state": "present"}},
        {"module": "package", "ansible_module": "apt", "args": {"name": "hello", "state": "present"}},
        {"files": ["/root/c.deb"]},
    ],
}

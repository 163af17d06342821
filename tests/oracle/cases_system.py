"""Cases for ini_file, sysctl, mount, modprobe, alternatives, locale_gen and the like."""


def steps(module, collection=None, **options):
    """A function that makes steps of one module; check and diff are taken out of the arguments."""
    def step(**args):
        s = {"module": module, "args": args, "diff": True}
        if collection:
            s["ansible_module"] = "%s.%s" % (collection, module)
        s.update(options)
        for key in ("check", "diff", "ignore", "unordered"):
            if key in args:
                s[key] = args.pop(key)
        return s
    return step


ini = steps("ini_file", "community.general", ignore=["backup_file"])
INI = "/etc/app.ini"
TEXT = r"""printf '# head\ntop = 1\n[a]\nx = 1\n; y = 2\n#z = 3\nx=2\n\n# tail\n[b]\nlist = one\nlist = two\nbare\n[c d]\nk=v' > %s""" % INI

sysctl = steps("sysctl", "ansible.posix", diff=False)
mount = steps("mount", "ansible.posix", diff=False, ignore=["backup_file"])
modprobe = steps("modprobe", "community.general", diff=False)
alt = steps("alternatives", "community.general")
locale = steps("locale_gen", "community.general", diff=False)
TREE = "mkdir -p /opt/e; for i in 1 2 3; do echo $i > /opt/e/ed$i; chmod 755 /opt/e/ed$i; echo m > /opt/e/ed$i.1; done"

CASES = {
    "ini_file options": [
        TEXT,
        ini(path=INI, section="a", option="x", value="5", check=True),
        ini(path=INI, section="a", option="x", value="5", backup=True),
        ini(path=INI, section="a", option="x", value="5"),
        ini(path=INI, section="a", option="z", value="3"),
        ini(path=INI, section="a", option="y", value="other"),
        ini(path=INI, section="a", option="new", value="a b  c", no_extra_spaces=True),
        ini(path=INI, section="c d", option="last", value="x"),
        ini(path=INI, section="c d", option="k", value="v"),
        ini(path=INI, section="fresh", option="one", value="1"),
        ini(path=INI, section="fresh2"),
        ini(path=INI, section="fresh2", allow_no_value=True),
        ini(path=INI, section="fresh2", option="flag", allow_no_value=True),
        ini(path=INI, section="fresh2", option="flag", allow_no_value=True),
        ini(path=INI, option="top", value="2"),
        ini(path=INI, option="top2", value="2"),
        ini(path=INI, section="a", option="x", state="absent"),
        ini(path=INI, section="a", option="x", state="absent"),
        ini(path=INI, section="b", state="absent", check=True),
        ini(path=INI, section="b", state="absent"),
        ini(path=INI, section="nonesuch", state="absent"),
        ini(path=INI, section="a", option="y.", value="regex"),
        ini(path=INI, section="a", option="m", value="1", mode="0600", owner="deploy"),
        ini(path=INI, section="a", option="m"),
        ini(path=INI, section="a", option="m", value="1", values=["2"]),
        ini(path="/etc/none.ini", section="a", option="m", value="1", create=False),
        ini(path="/etc/sub/dir/none.ini", section="a", option="m", value="1", check=True),
        ini(path="/etc/sub/dir/none.ini", section="a", option="m", value="1"),
        ini(path="/etc/top.ini", option="m", value="1"),
        {"files": ["/etc/app.ini."]},
    ],
    "ini_file several values": [
        TEXT,
        ini(path=INI, section="b", option="list", values=["two", "three"]),
        ini(path=INI, section="b", option="list", values=["two", "three"]),
        ini(path=INI, section="b", option="list", values=["four"], exclusive=False),
        ini(path=INI, section="b", option="list", values=["four"], exclusive=False),
        ini(path=INI, section="b", option="list", values=["two", "nope"], exclusive=False, state="absent"),
        ini(path=INI, section="b", option="list", values=["x", "y", "z", "x"]),
        ini(path=INI, section="b", option="list", value="y"),
        ini(path=INI, section="b", option="bare", value="now"),
        ini(path=INI, section="b", option="bare", allow_no_value=True),
        ini(path=INI, section="a", option="x", values=["2", "1"]),
        ini(path=INI, section="b", option="list", state="absent"),
        ini(path=INI, section="n", option="list", values=["p", "q"]),
        "ln -s app.ini /etc/link.ini",
        ini(path="/etc/link.ini", section="n", option="list", value="z"),
    ],
    "sysctl": [
        sysctl(name="vm.swappiness", value="5", reload=False, check=True),
        sysctl(name="vm.swappiness", value="5", reload=False),
        sysctl(name="vm.swappiness", value="5", reload=False),
        sysctl(name="vm.swappiness", value=" 6 ", reload=False),
        "printf '; c\\n#net.x = 3\\na.b = 1\\n a.c=2 \\nnonsense\\na.b = 3\\n' > /etc/sysctl.d/x.conf",
        sysctl(name="net.x", value="yes", reload=False, sysctl_file="/etc/sysctl.d/x.conf"),
        sysctl(name="a.c", state="absent", reload=False, sysctl_file="/etc/sysctl.d/x.conf"),
        sysctl(name="a.z", state="absent", reload=False, sysctl_file="/etc/sysctl.d/x.conf"),
        sysctl(name="a.b", value="3", reload=False, sysctl_file="/etc/sysctl.d/x.conf"),
        sysctl(name="a.b", reload=False),
        sysctl(name="a.b", value="", reload=False),
        sysctl(name="", value="1", reload=False),
        sysctl(name="kernel.nonesuch", value="1", sysctl_file="/etc/sysctl.d/y.conf", ignoreerrors=True),
        sysctl(name="kernel.nonesuch", value="1", sysctl_file="/etc/sysctl.d/y.conf", ignoreerrors=True),
        sysctl(name="kernel.nonesuch", value="2", sysctl_file="/etc/sysctl.d/y.conf"),
        sysctl(name="net.ipv4.ip_forward", value="1", sysctl_file="/etc/sysctl.d/z.conf", sysctl_set=True),
        sysctl(name="net.ipv4.ip_forward", value="1", sysctl_file="/etc/sysctl.d/z.conf", sysctl_set=True),
        sysctl(name="net.ipv4.ip_local_port_range", value="32768 60999", sysctl_set=True, reload=False),
        sysctl(name="net.ipv4.ip_local_port_range", value="32768    60999", sysctl_set=True),
    ],
    "mount": [
        "printf '# fstab\\nproc /proc proc defaults 0 0\\n/dev/x /x\\040y ext4 ro 0 2\\n\\n/swap none swap sw 0 0' > /etc/fstab; "
        "mkdir -p /srv/a",
        mount(path="/mnt/t", src="tmpfs", fstype="tmpfs", state="present", check=True),
        mount(path="/mnt/t", src="tmpfs", fstype="tmpfs", state="present", opts="size=1m"),
        mount(path="/mnt/t", src="tmpfs", fstype="tmpfs", state="present", opts="size=1m"),
        mount(path="/mnt/t", src="tmpfs", fstype="tmpfs", state="mounted", opts="size=1m"),
        mount(path="/mnt/t", src="tmpfs", fstype="tmpfs", state="mounted", opts="size=1m"),
        mount(path="/mnt/t", src="tmpfs", fstype="tmpfs", state="mounted", opts="size=2m", passno="0", dump="1"),
        mount(path="/mnt/t", state="remounted"),
        mount(path="/mnt/t", state="unmounted", check=True),
        mount(path="/mnt/t", state="unmounted"),
        mount(path="/mnt/t", state="unmounted"),
        mount(path="/x y", src="/dev/x", fstype="ext4", opts="rw", state="present"),
        mount(path="/x y", state="absent_from_fstab"),
        mount(path="none", src="/swap2", fstype="swap", opts="sw", state="present"),
        mount(path="none", src="/swap", fstype="swap", state="absent"),
        mount(path="/srv/b/c", src="/srv/a", fstype="none", opts="bind", state="mounted", check=True),
        mount(path="/srv/b/c", src="/srv/a", fstype="none", opts="bind", state="mounted"),
        mount(path="/srv/b/c", src="/srv/a", fstype="none", opts="bind", state="mounted"),
        mount(path="/srv/b/c", state="absent", check=True),
        mount(path="/srv/b/c", state="absent"),
        mount(path="/srv/b/c", state="absent"),
        mount(path="/mnt/e", src="tmpfs", fstype="tmpfs", opts="size=1m", state="ephemeral"),
        mount(path="/mnt/e", src="other", fstype="tmpfs", opts="size=1m", state="ephemeral"),
        mount(path="/mnt/e", state="unmounted"),
        mount(path="/mnt/no/such", src="/dev/nonesuch", fstype="ext4", state="mounted", ignore=["msg"]),
        mount(path="/mnt/n", src="tmpfs", fstype="tmpfs", state="present", boot=False, backup=True),
        mount(path="/mnt/n", src="tmpfs", fstype="tmpfs", state="present", boot=False, opts="noauto,ro"),
        mount(path="/mnt/n", src="tmpfs", fstype="tmpfs", state="present", boot=False, opts="ro"),
        mount(path="/mnt/f", src="tmpfs", fstype="tmpfs", state="present", fstab="/srv/d/fstab"),
        mount(path="/mnt/t", state="mounted"),
        {"files": ["/etc/fstab."]},
    ],
    "alternatives": [
        TREE,
        alt(name="ed", path="/opt/e/ed1", link="/usr/local/bin/ed", check=True),
        alt(name="ed", path="/opt/e/ed1", link="/usr/local/bin/ed"),
        alt(name="ed", path="/opt/e/ed1", link="/usr/local/bin/ed"),
        alt(name="ed", path="/opt/e/ed2", link="/usr/local/bin/ed", priority=90, state="present"),
        alt(name="ed", path="/opt/e/ed2", priority=90, state="present"),
        alt(name="ed", path="/opt/e/ed2", state="auto"),
        alt(name="ed", path="/opt/e/ed2", state="auto"),
        alt(name="ed", path="/opt/e/ed1"),
        alt(name="ed", path="/opt/e/ed2", priority=10),
        alt(name="ed", path="/opt/e/ed3", priority=20, state="present", subcommands=[
            {"name": "ed.1", "path": "/opt/e/ed3.1", "link": "/usr/local/share/ed.1"}]),
        alt(name="ed", path="/opt/e/ed3", priority=20, state="present", subcommands=[
            {"name": "ed.1", "path": "/opt/e/ed3.1", "link": "/usr/local/share/ed.1"}]),
        alt(name="ed", path="/opt/e/ed3"),
        alt(name="ed", path="/opt/e/ed1", state="absent", check=True),
        alt(name="ed", path="/opt/e/ed1", state="absent"),
        alt(name="ed", path="/opt/e/ed1", state="absent"),
        alt(name="ed", path="/opt/e/none"),
        alt(name="nolink", path="/opt/e/ed2"),
    ],
    "modprobe": [
        modprobe(name="nonesuch_module", state="absent"),
        modprobe(name="nonesuch_module", ignore=["msg", "stderr"]),
    ],
    "locale_gen": [
        locale(name="de_DE.UTF-8"),
        "printf '# de_DE.UTF-8 UTF-8\\n# de_DE ISO-8859-1\\n#fr_FR.UTF-8 UTF-8  \\nC.UTF-8 UTF-8\\n' > /etc/locale.gen; "
        "printf '#!/bin/sh\\necho ran >> /root/ran\\n' > /usr/sbin/locale-gen; chmod 755 /usr/sbin/locale-gen; mkdir -p "
        "/usr/share/i18n; touch /usr/share/i18n/SUPPORTED",
        locale(name="de_DE.UTF-8", check=True),
        locale(name="de_DE.UTF-8"),
        locale(name="xx_XX.UTF-8"),
        locale(name="C.UTF-8"),
        locale(name="fr_FR.UTF-8", state="absent"),
        locale(name="C.UTF-8", state="absent"),
    ],
}

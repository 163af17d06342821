"""Cases for user and group."""

HASH = "$6$abcdefgh$" + "a" * 86


def user(**args):
    step = {"module": "user", "args": args, "ignore": ["ssh_fingerprint", "ssh_public_key"]}
    if "check" in args:
        step["check"] = args.pop("check")
    return step


def group(**args):
    step = {"module": "group", "args": args}
    if "check" in args:
        step["check"] = args.pop("check")
    return step


# The time stamps of password changes are days; backups of the account files are the tools' own.
FILES = {"files": ["/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-", "/etc/subuid", "/etc/subgid",
                   "/var/mail", "/var/spool/mail"]}

CASES = {
    "group": [
        group(name="g1"),
        group(name="g1"),
        group(name="g2", gid=4321),
        group(name="g2", gid=4321),
        group(name="g2", gid=4322, check=True),
        group(name="g2", gid=4322),
        group(name="g3", system=True),
        group(name="g4", gid=4322),
        group(name="g4", gid=4322, non_unique=True),
        group(name="g5", check=True),
        group(name="g1", state="absent", check=True),
        group(name="g1", state="absent"),
        group(name="g1", state="absent"),
        group(name="root", state="absent"),
        group(name="a:b"),
        group(name="x", non_unique=True),
        FILES,
    ],
    "user": [
        user(name="u1"),
        user(name="u1"),
        user(name="u1", comment="Some One", shell="/bin/sh"),
        user(name="u1", comment="Some One", shell="/bin/sh", check=True),
        user(name="u1", comment="Other", check=True),
        user(name="u1", groups=["sudo", "games"], append=True),
        user(name="u1", groups="games", append=True),
        user(name="u1", groups="games"),
        user(name="u1", groups=""),
        user(name="u1", groups=["nonesuch"]),
        user(name="u1", append=True),
        user(name="u1", password=HASH),
        user(name="u1", password=HASH),
        user(name="u1", password="plain"),
        user(name="u1", password="other", update_password="on_create"),
        user(name="u1", password_lock=True),
        user(name="u1", password_lock=True),
        user(name="u1", password_lock=False),
        user(name="u1", expires=1893456000),
        user(name="u1", expires=1893456000.5),
        user(name="u1", expires=-1),
        user(name="u1", expires=-1),
        user(name="u1", password_expire_max=90, password_expire_min=1),
        user(name="u1", password_expire_max=90, password_expire_min=1),
        user(name="u1", home="/home/elsewhere", move_home=True),
        user(name="u1", uid=4001, group="games"),
        user(name="u1", group="nonesuch"),
        user(name="u1", state="absent", check=True),
        user(name="u1", state="absent", remove=True),
        user(name="u1", state="absent"),
        FILES,
    ],
    "user create": [
        user(name="sys1", system=True, create_home=False, shell="/usr/sbin/nologin"),
        user(name="n1", uid=0, non_unique=True, create_home=False),
        user(name="n2", uid=1000),
        user(name="h1", home="/srv/deep/er/h1"),
        user(name="h2", home="/srv/h2", create_home=False),
        user(name="h2", home="/srv/h2"),
        "groupadd g9; mkdir -p /root/skel/.d; echo x > /root/skel/.d/f; ln -s .d/f /root/skel/l",
        user(name="g9", skeleton="/root/skel", umask="027"),
        user(name="e1", expires=1893456000, password="!", groups=["sudo"], comment="é ü"),
        user(name="c1", check=True),
        user(name="p1", password=HASH, password_lock=True),
        user(name="um", umask="077", local=True),
        user(name="bad:name"),
        user(name="games", groups=["games", "sudo"]),
        FILES,
    ],
    "user ssh": [
        user(name="k1", generate_ssh_key=True, ssh_key_type="ed25519", check=True),
        user(name="k1", generate_ssh_key=True, ssh_key_type="ed25519", ssh_key_comment="c"),
        user(name="k1", generate_ssh_key=True, ssh_key_type="ed25519"),
        user(name="k1", generate_ssh_key=True, ssh_key_type="ed25519", force=True),
        user(name="k1", generate_ssh_key=True, ssh_key_type="ecdsa", ssh_key_bits=384, ssh_key_file=".ssh/other"),
        dict(user(name="k1", generate_ssh_key=True, ssh_key_type="ed25519", ssh_key_file="/root/kk",
                  ssh_key_passphrase="secret words"), ignore=["ssh_fingerprint", "ssh_public_key", "stderr", "stdout"]),
        {"module": "command", "args": {"_raw_params": "ssh-keygen -y -P 'secret words' -f /root/kk"},
         "ignore": ["stdout"]},
        {"module": "command", "args": {"_raw_params": "ssh-keygen -y -P wrong -f /root/kk"}},
        {"files": FILES["files"] + ["/home/k1/.ssh", "/root/kk"]},
    ],
}
